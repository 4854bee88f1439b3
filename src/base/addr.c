/* addr.c - IP addresses and prefixes; see addr.h. */
#define _GNU_SOURCE
#include "base/addr.h"

#include "base/decimal.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static enum err parse_v4(struct str s, struct addr *out)
{
    struct str_pair cut = {.tail = s, .is_cut = true};
    for (int i = 0; i < 4; i++) {
        uint64_t part;
        if (!cut.is_cut) {
            return ERR_SYNTAX;
        }
        cut = str_cut(cut.tail, '.');
        bool has_leading_zero = cut.head.len > 1 && cut.head.at[0] == '0';
        if (!str_to_u64(cut.head, &part) || part > 255 || has_leading_zero) {
            return ERR_SYNTAX;
        }
        out->ip[i] = (uint8_t)part;
    }
    out->family = ADDR_V4;
    return cut.is_cut ? ERR_SYNTAX : OK;
}

enum err addr_parse_ip(struct str s, struct addr *out)
{
    char text[INET6_ADDRSTRLEN];
    *out = (struct addr){0};
    if (str_find(s, ':') == s.len) {
        return parse_v4(s, out);
    }
    if (s.len > 2 && s.at[0] == '[' && s.at[s.len - 1] == ']') {
        s = str_sub(s, 1, s.len - 2);
    }
    if (s.len >= sizeof text || memchr(s.at, '\0', s.len) != NULL) {
        return ERR_SYNTAX;
    }
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    if (inet_pton(AF_INET6, text, out->ip) != 1) {
        return ERR_SYNTAX;
    }
    out->family = ADDR_V6;
    return OK;
}

enum err addr_parse(struct str s, struct addr *out)
{
    struct str_pair cut = str_cut_last(s, ':');
    uint64_t port;
    bool is_bare_v6 = str_find(cut.head, ':') < cut.head.len &&
                      (cut.head.len < 2 || cut.head.at[0] != '[' ||
                       cut.head.at[cut.head.len - 1] != ']');
    if (!cut.is_cut || is_bare_v6 || !str_to_u64(cut.tail, &port) || port > 65535 ||
        cut.tail.len > 5) {
        return ERR_SYNTAX;
    }
    TRY(addr_parse_ip(cut.head, out));
    out->port = (uint16_t)port;
    return OK;
}

static uint8_t family_bits(const struct addr *addr)
{
    return addr->family == ADDR_V4 ? 32 : 128;
}

/* Whether the first `bits` bits of two addresses are equal. */
static bool bits_eq(const uint8_t *left, const uint8_t *right, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(left, right, whole) != 0) {
        return false;
    }
    unsigned mask = rest == 0 ? 0 : 0xffU << (8 - rest);
    return rest == 0 || ((left[whole] ^ right[whole]) & mask & 0xffU) == 0;
}

enum err addr_prefix_parse(struct str s, struct addr_prefix *out)
{
    struct str_pair cut = str_cut(s, '/');
    TRY(addr_parse_ip(cut.head, &out->addr));
    uint64_t bits = family_bits(&out->addr);
    if (cut.is_cut && (!str_to_u64(cut.tail, &bits) || bits > family_bits(&out->addr))) {
        return ERR_SYNTAX;
    }
    out->bits = (uint8_t)bits;
    for (unsigned bit = out->bits; bit < family_bits(&out->addr); bit++) {
        if ((out->addr.ip[bit / 8] & (0x80U >> (bit % 8))) != 0) {
            return ERR_RANGE;
        }
    }
    return OK;
}

bool addr_prefix_has(const struct addr_prefix *prefix, const struct addr *addr)
{
    return prefix->addr.family == addr->family &&
           bits_eq(prefix->addr.ip, addr->ip, prefix->bits);
}

bool addr_eq(const struct addr *left, const struct addr *right)
{
    return left->family == right->family && left->port == right->port &&
           memcmp(left->ip, right->ip, sizeof left->ip) == 0;
}

void addr_add_ip(struct strbuf *out, const struct addr *addr)
{
    if (addr->family == ADDR_V4) {
        /* Once an exchange at least: straight into place, with room for what decimal_put may
         * touch. */
        char text[4 * DECIMAL_BYTES_MAX], *at = text;
        for (int i = 0; i < 4; i++) {
            at = decimal_put(at, addr->ip[i]);
            *at++ = '.';
        }
        strbuf_add(out, str_of(text, (size_t)(at - text) - 1));
        return;
    }
    char text[INET6_ADDRSTRLEN];
    if (addr->family == ADDR_V6 && inet_ntop(AF_INET6, addr->ip, text, sizeof text) != NULL) {
        strbuf_add_c(out, text);
        return;
    }
    strbuf_add(out, addr->family == ADDR_UNIX ? STR("unix") : STR("-"));
}

void addr_add(struct strbuf *out, const struct addr *addr)
{
    bool has_brackets = addr->family == ADDR_V6;
    if (has_brackets) {
        strbuf_add_char(out, '[');
    }
    addr_add_ip(out, addr);
    if (has_brackets) {
        strbuf_add_char(out, ']');
    }
    if (addr->family == ADDR_V4 || addr->family == ADDR_V6) {
        strbuf_add_char(out, ':');
        strbuf_add_u64(out, addr->port);
    }
}

socklen_t addr_to_kernel(const struct addr *addr, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (addr->family == ADDR_V4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
        memcpy(&in.sin_addr, addr->ip, 4);
        memcpy(out, &in, sizeof in);
        return sizeof in;
    }
    CHECK(addr->family == ADDR_V6);
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
    memcpy(&in6.sin6_addr, addr->ip, 16);
    memcpy(out, &in6, sizeof in6);
    return sizeof in6;
}

void addr_from_kernel(const struct sockaddr_storage *in, struct addr *out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    *out = (struct addr){0};
    if (in->ss_family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)in;
        out->family = ADDR_V4;
        out->port = ntohs(in4->sin_port);
        memcpy(out->ip, &in4->sin_addr, 4);
    } else if (in->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)in;
        bool is_mapped = memcmp(&in6->sin6_addr, mapped, sizeof mapped) == 0;
        out->family = is_mapped ? ADDR_V4 : ADDR_V6;
        out->port = ntohs(in6->sin6_port);
        memcpy(out->ip, (const char *)&in6->sin6_addr + (is_mapped ? 12 : 0), is_mapped ? 4 : 16);
    } else if (in->ss_family == AF_UNIX) {
        out->family = ADDR_UNIX;
    }
}
