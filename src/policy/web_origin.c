/* web_origin.c - reading, compiling and asking for origins of web pages; see web_origin.h. Origins
 * are compared as bytes (Fetch standard, CORS check), so a written one that is not in the form that
 * browsers send could never match: it is refused with the right form instead of kept in silence. */
#include "policy/web_origin.h"

#include "base/addr.h"
#include "base/check.h"
#include "base/limits.h"
#include "http/chars.h"
#include "http/uri.h"

#include <stdlib.h>

/* A written origin, taken apart as far as it goes. */
struct written {
    struct str scheme, host; /* lower case */
    struct str authority;    /* as written, without user and "*." */
    uint16_t port;           /* 0: none, or the scheme's own */
    bool is_below;
};

static uint16_t scheme_port(struct str scheme)
{
    if (str_eq(scheme, STR("https"))) {
        return 443;
    }
    return str_eq(scheme, STR("http")) ? 80 : 0;
}

/* RFC 3986 3.1. */
static bool is_scheme(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = char_lower(s.at[i]);
        bool is_letter = c >= 'a' && c <= 'z';
        bool is_other = char_is_digit(c) || c == '+' || c == '-' || c == '.';
        if (!is_letter && (i == 0 || !is_other)) {
            return false;
        }
    }
    return s.len > 0;
}

/* Leaves out what has no place in an origin: user, path, query and fragment. */
static void cut_authority(struct str rest, struct written *out)
{
    static const char ends[] = "/?#";
    for (size_t i = 0; i < sizeof ends - 1; i++) {
        rest = str_cut(rest, ends[i]).head;
    }
    struct str_pair user = str_cut_last(rest, '@');
    rest = user.is_cut ? user.tail : rest;
    out->is_below = str_starts(rest, STR("*."));
    out->authority = out->is_below ? str_skip(rest, 2) : rest;
}

/* ERR_SYNTAX: there is nothing like an origin in it. */
static enum err take_apart(struct arena *arena, struct str text, struct written *out)
{
    size_t at = str_find_str(text, STR("://"));
    bool has_scheme = at < text.len;
    *out = (struct written){.scheme = STR("https")};
    cut_authority(has_scheme ? str_skip(text, at + 3) : text, out);
    if (has_scheme) {
        TRY(arena_keep_lower(arena, str_sub(text, 0, at), &out->scheme));
    }
    if (!is_scheme(out->scheme)) {
        return ERR_SYNTAX;
    }
    enum err e = uri_parse_authority(arena, out->authority, &out->host, &out->port);
    if (e != OK) {
        return e == ERR_MEMORY ? e : ERR_SYNTAX;
    }
    if (out->port == scheme_port(out->scheme)) {
        out->port = 0;
    }
    return OK;
}

/* The one form that browsers send; an empty slice without memory. */
static struct str serialised(struct arena *arena, const struct written *w)
{
    const char *below = w->is_below ? "*." : "";
    if (w->port == 0) {
        return arena_fmt(arena, "%.*s://%s%.*s", STR_FMT(w->scheme), below, STR_FMT(w->host));
    }
    return arena_fmt(arena, "%.*s://%s%.*s:%u", STR_FMT(w->scheme), below, STR_FMT(w->host),
                     w->port);
}

/* Why there is nothing to suggest, told by what was tried. */
static struct str advise(struct str text, const struct written *w)
{
    struct addr addr;
    bool is_ascii = true;
    for (size_t i = 0; i < text.len; i++) {
        is_ascii = is_ascii && (unsigned char)text.at[i] < 0x80;
    }
    if (!is_ascii) {
        return STR("write the name as browsers send it, in Punycode (xn--...)");
    }
    if (str_eq(w->scheme, STR("file"))) {
        return STR("pages from files send \"null\"");
    }
    if (w->is_below && addr_parse_ip(w->host, &addr) == OK) {
        return STR("nothing is below an address; write it without *.");
    }
    if (str_find(text, '*') < text.len) {
        return STR("a * stands for the beginning of a host, as in https://*.example.com, or alone; "
                   "for all else write {pattern: ...}");
    }
    return STR("write scheme://host or scheme://host:port, as in https://app.example.com");
}

enum err web_origin_parse(struct arena *arena, struct str text, struct web_origin *out,
                          struct str *way_out)
{
    struct written w;
    struct addr addr;
    *out = (struct web_origin){.kind = WEB_ORIGIN_EXACT, .text = text};
    if (str_eq(text, STR("*")) || str_eq(text, STR("null"))) {
        out->kind = text.len == 1 ? WEB_ORIGIN_ANY : WEB_ORIGIN_NULL;
        return OK;
    }
    enum err e = take_apart(arena, text, &w);
    if (e == ERR_MEMORY) {
        return e;
    }
    if (e != OK || (w.is_below && addr_parse_ip(w.host, &addr) == OK)) {
        *way_out = advise(text, &w);
        return ERR_SYNTAX;
    }
    struct str form = serialised(arena, &w);
    if (form.at == NULL) {
        return ERR_MEMORY;
    }
    out->kind = w.is_below ? WEB_ORIGIN_BELOW : WEB_ORIGIN_EXACT;
    if (str_eq(form, text)) {
        return OK;
    }
    *way_out = arena_fmt(arena, "did you mean \"%.*s\"?", STR_FMT(form));
    return ERR_SYNTAX;
}

static enum err add_pattern(struct web_origin_set *set, struct str text)
{
    struct pattern_error error;
    if (set->pattern_count == LIMIT_VALUE(web_origin_patterns)) {
        return ERR_LIMIT;
    }
    TRY(pattern_init(&set->patterns[set->pattern_count], text, &(struct pattern_options){0},
                     &error));
    set->pattern_count++;
    return OK;
}

static enum err add_below(struct web_origin_set *set, struct str text)
{
    size_t star = str_find(text, '*');
    CHECK(star < text.len);
    if (set->below_count == LIMIT_VALUE(web_origin_wildcards)) {
        return ERR_LIMIT;
    }
    set->below[set->below_count++] = (struct web_origin_below){.scheme = str_sub(text, 0, star),
                                                               .tail = str_skip(text, star + 1)};
    return OK;
}

static enum err add(struct web_origin_set *set, const struct web_origin *origin)
{
    switch (origin->kind) {
    case WEB_ORIGIN_ANY: set->has_any = true; return OK;
    case WEB_ORIGIN_NULL: set->has_null = true; return OK;
    case WEB_ORIGIN_EXACT: set->exact[set->exact_count++] = origin->text; return OK;
    case WEB_ORIGIN_BELOW: return add_below(set, origin->text);
    case WEB_ORIGIN_PATTERN: return add_pattern(set, origin->text);
    }
    return OK;
}

static int compare(const void *left, const void *right)
{
    const struct str *a = left, *b = right;
    return str_compare(*a, *b);
}

enum err web_origin_set_init(struct web_origin_set *set, struct arena *arena,
                             const struct web_origin *origins, uint32_t count)
{
    *set = (struct web_origin_set){0};
    set->exact = ARENA_ARRAY(arena, count, struct str);
    set->below = ARENA_ARRAY(arena, count, struct web_origin_below);
    set->patterns = ARENA_ARRAY(arena, count, struct pattern);
    if (set->exact == NULL || set->below == NULL || set->patterns == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(add(set, &origins[i]));
    }
    qsort(set->exact, set->exact_count, sizeof *set->exact, compare);
    return OK;
}

void web_origin_set_drop(struct web_origin_set *set)
{
    while (set->pattern_count > 0) {
        pattern_drop(&set->patterns[--set->pattern_count]);
    }
}

static bool has_exact(const struct web_origin_set *set, struct str origin)
{
    uint32_t low = 0, high = set->exact_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_compare(origin, set->exact[middle]);
        if (order == 0) {
            return true;
        }
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return false;
}

/* Labels of a host name in lower case, none of them empty: nothing in it can end the host early. */
static bool is_labels(struct str s)
{
    bool is_after_dot = true;
    for (size_t i = 0; i < s.len; i++) {
        bool is_dot = s.at[i] == '.';
        bool is_fit = char_is(s.at[i], CHAR_HOST) && !char_is(s.at[i], CHAR_UPPER);
        if (is_dot ? is_after_dot : !is_fit) {
            return false;
        }
        is_after_dot = is_dot;
    }
    return !is_after_dot;
}

static bool is_below(const struct web_origin_below *below, struct str origin)
{
    size_t fixed = below->scheme.len + below->tail.len;
    return origin.len > fixed && str_starts(origin, below->scheme) &&
           str_ends(origin, below->tail) &&
           is_labels(str_sub(origin, below->scheme.len, origin.len - fixed));
}

bool web_origin_set_has(const struct web_origin_set *set, struct str origin,
                        struct pattern_scratch *scratch)
{
    if (set->has_any) {
        return true;
    }
    if (origin.len > LIMIT_VALUE(web_origin_bytes)) {
        return false;
    }
    /* Every site can make a page that sends "null", so no pattern may let it in by the way. */
    if (str_eq(origin, STR("null"))) {
        return set->has_null;
    }
    if (has_exact(set, origin)) {
        return true;
    }
    for (uint32_t i = 0; i < set->below_count; i++) {
        if (is_below(&set->below[i], origin)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < set->pattern_count; i++) {
        if (pattern_match(&set->patterns[i], origin, scratch) == OK) {
            return true;
        }
    }
    return false;
}
