/* proxy_protocol.c - headers of the PROXY protocol, read strictly and written; see
 * proxy_protocol.h. Numbers of sections are those of the specification. */
#include "net/proxy_protocol.h"

#include "base/limits.h"

enum {
    V2_HEAD_BYTES = 16,
    V2_LOCAL = 0x20,
    V2_PROXY = 0x21,
    TLV_ALPN = 1,
    TLV_AUTHORITY = 2,
    TLV_CRC32C = 3,
    TLV_UNIQUE_ID = 5,
    TEXT_BYTES_MAX = 255
};

static const char v2_start[12] = "\r\n\r\n\0\r\nQUIT\n";

/* CRC32C (RFC 3720 B.4), four bits at a time. */
static uint32_t crc32c(uint32_t crc, const char *at, size_t len)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint8_t)at[i];
        crc = table[crc & 15] ^ crc >> 4;
        crc = table[crc & 15] ^ crc >> 4;
    }
    return crc;
}

static uint32_t number_at(struct str s, size_t at, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | (uint8_t)s.at[at + i];
    }
    return value;
}

static bool take_port(struct str text, uint16_t *out)
{
    uint64_t port;
    bool has_zeros = text.len > 1 && text.at[0] == '0';
    if (has_zeros || !str_to_u64(text, &port) || port > UINT16_MAX) {
        return false;
    }
    *out = (uint16_t)port;
    return true;
}

/* A mapped address becomes IPv4 (addr.h), as that of a connection does. */
static void unmap(struct addr *addr)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (addr->family == ADDR_V6 && memcmp(addr->ip, mapped, sizeof mapped) == 0) {
        addr->family = ADDR_V4;
        memmove(addr->ip, addr->ip + sizeof mapped, 4);
        memset(addr->ip + 4, 0, sizeof mapped);
    }
}

static bool take_ip(struct str text, bool is_v4, struct addr *out)
{
    bool is_written_v4 = str_find(text, ':') == text.len;
    bool is_bare = text.len > 0 && text.at[0] != '[';
    if (!is_bare || is_written_v4 != is_v4 || addr_parse_ip(text, out) != OK) {
        return false;
    }
    unmap(out);
    return true;
}

/* What stands between "PROXY " and the end of the line (2.1). */
static enum err parse_v1_line(struct str line, struct proxy_header *out)
{
    struct str_pair proto = str_cut(line, ' ');
    if (str_eq(proto.head, STR("UNKNOWN"))) {
        out->is_local = true;
        return OK;
    }
    bool is_v4 = str_eq(proto.head, STR("TCP4"));
    struct str_pair from = str_cut(proto.tail, ' '), to = str_cut(from.tail, ' ');
    struct str_pair ports = str_cut(to.tail, ' ');
    bool is_known = is_v4 || str_eq(proto.head, STR("TCP6"));
    if (!is_known || !ports.is_cut || !take_ip(from.head, is_v4, &out->from) ||
        !take_ip(to.head, is_v4, &out->to) || !take_port(ports.head, &out->from.port) ||
        !take_port(ports.tail, &out->to.port)) {
        return ERR_SYNTAX;
    }
    return OK;
}

static enum err parse_v1(struct str in, struct proxy_header *out, size_t *bytes)
{
    static const struct str start = {"PROXY ", 6};
    struct str head = str_sub(in, 0, PROXY_V1_BYTES_MAX);
    if (!str_starts(head, str_sub(start, 0, head.len))) {
        return ERR_SYNTAX;
    }
    size_t end = str_find(head, '\n');
    if (end == head.len) {
        return head.len < PROXY_V1_BYTES_MAX ? ERR_AGAIN : ERR_SYNTAX;
    }
    if (end <= start.len || head.at[end - 1] != '\r') {
        return ERR_SYNTAX;
    }
    *bytes = end + 1;
    return parse_v1_line(str_sub(head, start.len, end - 1 - start.len), out);
}

static bool take_tlv(struct str head, size_t at, size_t len, struct proxy_header *out)
{
    struct str value = str_sub(head, at, len);
    switch (head.at[at - 3]) {
    case TLV_ALPN: out->alpn = value; return len > 0;
    case TLV_AUTHORITY: out->authority = value; return len > 0;
    case TLV_UNIQUE_ID: out->unique_id = value; return len <= PROXY_UNIQUE_ID_BYTES_MAX;
    case TLV_CRC32C: {
        static const char zero[4] = {0};
        if (len != sizeof zero) {
            return false;
        }
        /* Over the whole header, with zeros for the value itself (2.2.3). */
        uint32_t crc = crc32c(UINT32_MAX, head.at, at);
        crc = crc32c(crc, zero, sizeof zero);
        crc = crc32c(crc, head.at + at + len, head.len - at - len);
        return ~crc == number_at(head, at, 4);
    }
    default: return true; /* 2.2: unknown types are skipped */
    }
}

static enum err parse_tlvs(struct str head, size_t at, struct proxy_header *out)
{
    while (at < head.len) {
        if (head.len - at < 3) {
            return ERR_SYNTAX;
        }
        size_t len = number_at(head, at + 1, 2);
        at += 3;
        if (len > head.len - at || !take_tlv(head, at, len, out)) {
            return ERR_SYNTAX;
        }
        at += len;
    }
    return OK;
}

static struct addr addr_at(struct str head, size_t at, size_t ip_bytes, size_t port_at)
{
    struct addr addr = {.family = ip_bytes == 4 ? ADDR_V4 : ADDR_V6,
                        .port = (uint16_t)number_at(head, port_at, 2)};
    memcpy(addr.ip, head.at + at, ip_bytes);
    unmap(&addr);
    return addr;
}

/* Family and transport, then addresses of their size (2.2). */
static enum err parse_v2_addresses(struct str head, struct proxy_header *out)
{
    static const uint8_t sizes[] = {0, 12, 36, 216};
    uint8_t family = (uint8_t)head.at[13] >> 4, transport = (uint8_t)head.at[13] & 15;
    if (family >= COUNT_OF(sizes) || transport > 2 || head.len - V2_HEAD_BYTES < sizes[family]) {
        return ERR_SYNTAX;
    }
    if (family == 1 || family == 2) {
        size_t ip_bytes = family == 1 ? 4 : 16, ports_at = V2_HEAD_BYTES + 2 * ip_bytes;
        out->from = addr_at(head, V2_HEAD_BYTES, ip_bytes, ports_at);
        out->to = addr_at(head, V2_HEAD_BYTES + ip_bytes, ip_bytes, ports_at + 2);
    } else {
        out->is_local = true; /* not told, or a Unix socket: the connection's own are used */
    }
    return parse_tlvs(head, V2_HEAD_BYTES + sizes[family], out);
}

static enum err parse_v2(struct str in, struct proxy_header *out, size_t *bytes)
{
    size_t known = in.len < sizeof v2_start ? in.len : sizeof v2_start;
    if (memcmp(in.at, v2_start, known) != 0) {
        return ERR_SYNTAX;
    }
    if (in.len < V2_HEAD_BYTES) {
        return ERR_AGAIN;
    }
    size_t whole = V2_HEAD_BYTES + number_at(in, 14, 2);
    bool is_command = in.at[12] == V2_LOCAL || in.at[12] == V2_PROXY;
    if (!is_command || whole > LIMIT_VALUE(proxy_header_bytes)) {
        return ERR_SYNTAX;
    }
    if (in.len < whole) {
        return ERR_AGAIN;
    }
    *bytes = whole;
    if (in.at[12] == V2_LOCAL) {
        out->is_local = true; /* 2.2: what follows is skipped */
        return OK;
    }
    return parse_v2_addresses(str_sub(in, 0, whole), out);
}

enum err proxy_protocol_parse(struct str in, struct proxy_header *out, size_t *bytes)
{
    *out = (struct proxy_header){0};
    *bytes = 0;
    if (in.len == 0) {
        return ERR_AGAIN;
    }
    return in.at[0] == 'P' ? parse_v1(in, out, bytes) : parse_v2(in, out, bytes);
}

static void write_v1(struct strbuf *out, const struct proxy_header *header, bool is_told)
{
    if (!is_told) {
        strbuf_add(out, STR("PROXY UNKNOWN\r\n"));
        return;
    }
    strbuf_add(out, header->from.family == ADDR_V4 ? STR("PROXY TCP4 ") : STR("PROXY TCP6 "));
    char text[ADDR_TEXT_BYTES_MAX];
    const struct addr *ends[2] = {&header->from, &header->to};
    for (int i = 0; i < 2; i++) {
        struct strbuf ip = strbuf_over(text, sizeof text);
        addr_add_ip(&ip, ends[i]);
        struct str bare = strbuf_str(&ip);
        bool has_brackets = bare.len > 2 && bare.at[0] == '[';
        strbuf_add(out, has_brackets ? str_sub(bare, 1, bare.len - 2) : bare);
        strbuf_add_char(out, ' ');
    }
    strbuf_add_u64(out, header->from.port);
    strbuf_add_char(out, ' ');
    strbuf_add_u64(out, header->to.port);
    strbuf_add(out, STR("\r\n"));
}

static void add_u16(struct strbuf *out, size_t value)
{
    strbuf_add_char(out, (char)(value >> 8));
    strbuf_add_char(out, (char)value);
}

static void add_tlv(struct strbuf *out, uint8_t type, struct str value)
{
    if (value.len > 0 && value.len <= TEXT_BYTES_MAX) {
        strbuf_add_char(out, (char)type);
        add_u16(out, value.len);
        strbuf_add(out, value);
    }
}

static void write_v2(struct strbuf *out, const struct proxy_header *header, bool is_told)
{
    size_t start = out->len, ip_bytes = header->from.family == ADDR_V4 ? 4 : 16;
    strbuf_add(out, str_of(v2_start, sizeof v2_start));
    strbuf_add_char(out, header->is_local ? V2_LOCAL : V2_PROXY);
    strbuf_add_char(out, !is_told ? 0 : ip_bytes == 4 ? 0x11 : 0x21);
    add_u16(out, 0);
    if (is_told) {
        strbuf_add(out, str_of((const char *)header->from.ip, ip_bytes));
        strbuf_add(out, str_of((const char *)header->to.ip, ip_bytes));
        add_u16(out, header->from.port);
        add_u16(out, header->to.port);
    }
    if (!header->is_local) {
        add_tlv(out, TLV_ALPN, header->alpn);
        add_tlv(out, TLV_AUTHORITY, header->authority);
        add_tlv(out, TLV_UNIQUE_ID, header->unique_id);
    }
    size_t len = out->len - start - V2_HEAD_BYTES;
    out->at[start + 14] = (char)(len >> 8);
    out->at[start + 15] = (char)len;
}

void proxy_protocol_write(struct strbuf *out, enum proxy_version version,
                          const struct proxy_header *header)
{
    bool is_told = !header->is_local && header->from.family == header->to.family &&
                   (header->from.family == ADDR_V4 || header->from.family == ADDR_V6);
    CHECK(out->cap - out->len >= PROXY_OUT_BYTES_MAX);
    switch (version) {
    case PROXY_V1: write_v1(out, header, is_told); break;
    case PROXY_V2: write_v2(out, header, is_told); break;
    case PROXY_NONE: break;
    }
}
