/* uri.c - see uri.h. Most paths are canonical as they come and cost one look at each byte; the rest
 * is rewritten segment by segment into the arena. Everything that origins are known to read in
 * different ways (dot segments, slashes, backslashes, escapes of escapes) is settled or refused
 * here, because a route or a policy that saw another path than the origin does would be no
 * protection. */
#include "http/uri.h"

#include "base/addr.h"
#include "base/check.h"
#include "http/chars.h"

enum { HOST_BYTES_MAX = 253, PORT_DIGITS_MAX = 5 };

/* Stops at whatever has to be decided: an escape, a byte that is not plain, a slash before a dot or
 * another slash. */
size_t uri_canonical_prefix(struct str path)
{
    const char *at = path.at, *end = path.at + path.len;
    while (at < end && *at == '/') {
        if (at + 1 < end && (at[1] == '.' || at[1] == '/')) {
            break;
        }
        at = chars_span(at + 1, end, CHAR_PATH);
    }
    return (size_t)(at - path.at);
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
    if (LIKELY(uri_canonical_prefix(path) == path.len)) {
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

struct authority {
    struct str name; /* as received, with brackets, without the root label's dot */
    struct addr v6;  /* ADDR_NONE for a name */
    uint16_t port;
    bool has_upper;
};

/* Takes a host name from the front of *text: labels of the bytes that DNS and operators' names use,
 * with single dots between them and perhaps one behind, which is left out.
 * RFC 3986 would allow sub-delims and escapes as well: a host with a comma or an escape is one that
 * the next reader takes for another (RFC 9110 4.2.4 gives the same warning). */
static enum err cut_name(struct str *text, struct authority *out)
{
    const char *begin = text->at, *at = begin, *end = begin + text->len, *label = begin;
    for (;; at++) {
        at = chars_span(at, end, CHAR_HOST);
        if (at == end) {
            break;
        }
        if (*at == '.' && at != label) {
            label = at + 1;
        } else if (char_is(*at, CHAR_UPPER)) {
            out->has_upper = true;
        } else {
            break;
        }
    }
    bool has_root_dot = at > begin && at == label;
    out->name = str_of(begin, (size_t)(at - begin) - has_root_dot);
    *text = str_of(at, (size_t)(end - at));
    return out->name.len > 0 && out->name.len <= HOST_BYTES_MAX ? OK : ERR_BAD_HOST;
}

/* The same for "[IPv6 address]". */
static enum err cut_v6(struct str *text, struct authority *out)
{
    size_t close_at = str_find(*text, ']');
    out->name = str_sub(*text, 0, close_at + 1);
    *text = str_skip(*text, close_at + 1);
    bool is_v6 = addr_parse_ip(out->name, &out->v6) == OK && out->v6.family == ADDR_V6;
    return is_v6 ? OK : ERR_BAD_HOST;
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

static enum err cut_authority(struct str text, struct authority *out)
{
    bool is_bracketed = text.len > 0 && text.at[0] == '[';
    *out = (struct authority){0};
    TRY(is_bracketed ? cut_v6(&text, out) : cut_name(&text, out));
    bool has_port = text.len > 0;
    bool is_good = !has_port || (text.at[0] == ':' && parse_port(str_skip(text, 1), &out->port));
    return is_good ? OK : ERR_BAD_HOST;
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
