/* uri.c - see uri.h. Most paths are canonical as they come and cost one look at each byte; the rest
 * is rewritten segment by segment into the arena. Everything that origins are known to read in
 * different ways (dot segments, slashes, backslashes, escapes of escapes) is settled or refused here,
 * because a route or a policy that saw another path than the origin does would be no protection. */
#include "http/uri.h"

#include "base/addr.h"
#include "base/check.h"
#include "http/chars.h"

enum { HOST_BYTES_MAX = 253, PORT_DIGITS_MAX = 5 };

/* Whether nothing has to be done: only plain bytes, and no slash before a dot or another slash. */
static bool is_canonical(struct str path)
{
    const char *at = path.at, *end = path.at + path.len;
    while (at < end) {
        if (LIKELY(char_is(*at, CHAR_PATH))) {
            at++;
            continue;
        }
        if (*at != '/') {
            return false;
        }
        at++;
        if (at < end && (*at == '.' || *at == '/')) {
            return false;
        }
    }
    return true;
}

struct rewrite {
    char *at; /* the result, which starts with '/' */
    size_t len;
    const struct uri_rules *rules;
};

static void put_escape(struct rewrite *out, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";
    out->at[out->len++] = '%';
    out->at[out->len++] = digits[c >> 4];
    out->at[out->len++] = digits[c & 15];
}

/* One octet of a segment in its only form; `is_escaped` when it came as %XX. */
static enum err put_octet(struct rewrite *out, unsigned char c, bool is_escaped)
{
    if (c < 0x20 || c == 0x7f || (c == '\\' && !out->rules->keeps_backslash)) {
        return ERR_BAD_PATH;
    }
    if (is_escaped) {
        if (c == '/' && out->rules->encoded_slash == URI_SLASH_REFUSE) {
            return ERR_BAD_PATH;
        }
        if (char_is((char)c, CHAR_UNRESERVED)) {
            out->at[out->len++] = (char)c;
        } else {
            put_escape(out, c);
        }
        return OK;
    }
    if (char_is((char)c, CHAR_PATH)) {
        out->at[out->len++] = (char)c;
        return OK;
    }
    if (!char_is((char)c, CHAR_VISIBLE) || c == '#' || c == '?') {
        return ERR_BAD_PATH;
    }
    put_escape(out, c);
    return OK;
}

static enum err put_segment(struct rewrite *out, struct str segment)
{
    for (size_t i = 0; i < segment.len; i++) {
        unsigned char c = (unsigned char)segment.at[i];
        bool is_escaped = c == '%';
        if (is_escaped) {
            int high = i + 2 < segment.len ? char_hex(segment.at[i + 1]) : -1;
            int low = i + 2 < segment.len ? char_hex(segment.at[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return ERR_BAD_PATH;
            }
            c = (unsigned char)(high << 4 | low);
            i += 2;
        }
        TRY(put_octet(out, c, is_escaped));
    }
    return OK;
}

/* Takes the last segment back: "/a/b/" becomes "/a/". False at the root. */
static bool climb(struct rewrite *out)
{
    if (out->len < 2) {
        return false;
    }
    out->len--;
    while (out->at[out->len - 1] != '/') {
        out->len--;
    }
    return true;
}

/* Appends one segment, whose place starts at out->len, behind a slash. `is_last`: no slash follows
 * it. RFC 3986 5.2.4, with "." and ".." recognised after decoding. */
static enum err add_segment(struct rewrite *out, struct str segment, bool is_last)
{
    size_t start = out->len;
    TRY(put_segment(out, segment));
    struct str done = str_of(out->at + start, out->len - start);
    if (str_starts(done, STR(".;")) || str_starts(done, STR("..;"))) {
        return ERR_BAD_PATH;
    }
    bool is_up = str_eq(done, STR(".."));
    if (is_up || str_eq(done, STR("."))) {
        out->len = start;
        return is_up && !climb(out) ? ERR_BAD_PATH : OK;
    }
    bool is_merged = done.len == 0 && !out->rules->keeps_double_slashes;
    if (!is_last && !is_merged) {
        out->at[out->len++] = '/';
    }
    return OK;
}

enum err uri_canonical_path(struct arena *arena, struct str path, const struct uri_rules *rules,
                            struct str *out)
{
    if (path.len == 0 || path.at[0] != '/') {
        return ERR_BAD_PATH;
    }
    if (LIKELY(is_canonical(path))) {
        *out = path;
        return OK;
    }
    size_t bytes_max;
    if (__builtin_mul_overflow(path.len, 3U, &bytes_max)) {
        return ERR_MEMORY;
    }
    struct rewrite rewrite = {.at = arena_alloc(arena, bytes_max), .rules = rules};
    if (rewrite.at == NULL) {
        return ERR_MEMORY;
    }
    rewrite.at[rewrite.len++] = '/';
    struct str_pair cut = {.tail = str_skip(path, 1), .is_cut = true};
    while (cut.is_cut) {
        cut = str_cut(cut.tail, '/');
        TRY(add_segment(&rewrite, cut.head, !cut.is_cut));
    }
    CHECK(rewrite.len <= bytes_max);
    *out = str_of(rewrite.at, rewrite.len);
    return OK;
}

/* Labels of the bytes that DNS and operators' names use, with single dots between them.
 * RFC 3986 would allow sub-delims and escapes as well: a host with a comma or an escape is one that
 * the next reader takes for another (RFC 9110 4.2.4 gives the same warning). */
static bool is_host_name(struct str host, bool *has_upper)
{
    uint8_t seen = 0;
    bool is_label = false;
    for (size_t i = 0; i < host.len; i++) {
        uint8_t class = char_classes[(unsigned char)host.at[i]];
        bool is_dot = host.at[i] == '.';
        if (is_dot ? !is_label : (class & CHAR_HOST) == 0) {
            return false;
        }
        is_label = !is_dot;
        seen |= class;
    }
    *has_upper = (seen & CHAR_UPPER) != 0;
    return host.len > 0 && host.len <= HOST_BYTES_MAX && is_label;
}

static bool parse_port(struct str digits, uint16_t *port)
{
    uint64_t value;
    bool is_number = digits.len <= PORT_DIGITS_MAX && str_to_u64(digits, &value);
    /* A leading zero would give one port two spellings. */
    if (!is_number || value == 0 || value > UINT16_MAX || digits.at[0] == '0') {
        return false;
    }
    *port = (uint16_t)value;
    return true;
}

struct authority {
    struct str name; /* as received, with brackets, without the root label's dot */
    struct addr v6;  /* ADDR_NONE for a name */
    uint16_t port;
    bool has_upper;
};

static enum err cut_authority(struct str text, struct authority *out)
{
    bool is_bracketed = text.len > 0 && text.at[0] == '[';
    size_t name_len = str_find(text, is_bracketed ? ']' : ':') + is_bracketed;
    if (name_len > text.len) {
        return ERR_BAD_HOST;
    }
    struct str rest = str_skip(text, name_len);
    *out = (struct authority){.name = str_sub(text, 0, name_len)};
    if (rest.len > 0 && (rest.at[0] != ':' || !parse_port(str_skip(rest, 1), &out->port))) {
        return ERR_BAD_HOST;
    }
    if (is_bracketed) {
        bool is_v6 = addr_parse_ip(out->name, &out->v6) == OK && out->v6.family == ADDR_V6;
        return is_v6 ? OK : ERR_BAD_HOST;
    }
    if (str_ends(out->name, STR("."))) {
        out->name.len--;
    }
    return is_host_name(out->name, &out->has_upper) ? OK : ERR_BAD_HOST;
}

/* "[...]" in the one spelling of RFC 5952. */
static enum err keep_v6(struct arena *arena, const struct authority *authority, struct str *host)
{
    char text[ADDR_TEXT_BYTES_MAX];
    struct strbuf canonical = strbuf_over(text, sizeof text);
    strbuf_add_char(&canonical, '[');
    addr_add_ip(&canonical, &authority->v6);
    strbuf_add_char(&canonical, ']');
    CHECK(!strbuf_overflowed(&canonical));
    *host = authority->name;
    bool is_same = str_eq(strbuf_str(&canonical), authority->name);
    return is_same ? OK : arena_keep(arena, strbuf_str(&canonical), host);
}

enum err uri_parse_authority(struct arena *arena, struct str authority, struct str *host,
                             uint16_t *port)
{
    struct authority cut;
    TRY(cut_authority(authority, &cut));
    *host = cut.name;
    *port = cut.port;
    if (cut.v6.family == ADDR_V6) {
        return keep_v6(arena, &cut, host);
    }
    return LIKELY(!cut.has_upper) ? OK : arena_keep_lower(arena, cut.name, host);
}

bool uri_is_authority(struct str authority)
{
    struct authority cut;
    return cut_authority(authority, &cut) == OK;
}
