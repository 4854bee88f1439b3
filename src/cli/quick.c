/* quick.c - words of `sluice proxy` to YAML; see quick.h. */
#include "cli/quick.h"

#include "base/addr.h"
#include "base/strbuf.h"
#include "http/uri.h"

#include <stdarg.h>
#include <stdio.h>

enum { NAME_BYTES_MAX = 40, HTTP_PORT = 80 };

/* One route with a service of the same name. */
struct lane {
    struct str match, name;
    struct str *targets;
    uint32_t target_count;
};

struct draft {
    struct quick *quick;
    struct str listen; /* as the file takes it */
    struct str host;   /* that matches without a host get; may be empty */
    struct lane *lanes;
    uint32_t lane_count, word_count;
};

static enum err refuse(struct quick *quick, const char *format, ...) PRINTF_LIKE(2, 3);

static enum err refuse(struct quick *quick, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)vsnprintf(quick->error, sizeof quick->error, format, list);
    va_end(list);
    return ERR_SYNTAX;
}

/* "host:port" with both, or "host" alone when `default_port` is not 0. Empty result: neither. */
static struct str authority_with_port(struct arena *arena, struct str text, uint16_t default_port)
{
    struct str host;
    uint16_t port = 0;
    if (uri_parse_authority(arena, text, &host, &port) != OK || host.len == 0) {
        return STR("");
    }
    port = port == 0 ? default_port : port;
    return port == 0 ? STR("") : arena_fmt(arena, "%.*s:%u", STR_FMT(host), port);
}

/* ":8080" to 8080; 0: it is no such thing. */
static uint16_t bare_port(struct str text)
{
    uint64_t port;
    if (text.len < 2 || text.at[0] != ':' || !str_to_u64(str_skip(text, 1), &port) ||
        port > UINT16_MAX) {
        return 0;
    }
    return (uint16_t)port;
}

/* The URL form: an address is listened on, a name is what requests must ask for. */
static enum err take_listen_url(struct draft *draft, struct str word, struct str rest)
{
    struct quick *quick = draft->quick;
    struct str host;
    uint16_t port = 0;
    struct addr addr;
    rest = str_ends(rest, STR("/")) ? str_sub(rest, 0, rest.len - 1) : rest;
    if (bare_port(rest) != 0) {
        draft->listen = rest;
        return OK;
    }
    if (uri_parse_authority(quick->arena, rest, &host, &port) != OK) {
        return refuse(quick,
                      "\"%.*s\" is no place to listen: write :8080, 127.0.0.1:8080 or "
                      "http://api.example.com",
                      STR_FMT(word));
    }
    port = port == 0 ? HTTP_PORT : port;
    bool is_address = addr_parse_ip(host, &addr) == OK;
    draft->listen = is_address ? arena_fmt(quick->arena, "%.*s:%u", STR_FMT(host), port)
                               : arena_fmt(quick->arena, ":%u", port);
    draft->host = is_address ? STR("") : host;
    return OK;
}

static enum err take_listen(struct draft *draft, struct str word)
{
    struct addr addr;
    uint64_t port;
    if (str_starts(word, STR("https://"))) {
        return refuse(draft->quick,
                      "\"%.*s\": this version does not serve TLS; listen with http:// "
                      "behind something that does",
                      STR_FMT(word));
    }
    if (str_starts(word, STR("http://"))) {
        return take_listen_url(draft, word, str_skip(word, strlen("http://")));
    }
    if (bare_port(word) != 0 || (addr_parse(word, &addr) == OK && addr.port != 0)) {
        draft->listen = word;
        return OK;
    }
    if (str_to_u64(word, &port)) {
        return refuse(draft->quick, "\"%.*s\" is no place to listen; did you mean \":%.*s\"?",
                      STR_FMT(word), STR_FMT(word));
    }
    return refuse(draft->quick,
                  "\"%.*s\" is no place to listen: the first of several words is one, "
                  "such as :8080, 127.0.0.1:8080 or http://api.example.com",
                  STR_FMT(word));
}

static enum err take_target(struct draft *draft, struct str word, struct str *out)
{
    struct quick *quick = draft->quick;
    struct str rest = word;
    uint16_t default_port = 0;
    bool is_dns = str_starts(word, STR("dns://"));
    if (str_starts(word, STR("https://"))) {
        return refuse(quick,
                      "\"%.*s\": this version does not speak TLS to instances; write "
                      "http://HOST:PORT",
                      STR_FMT(word));
    }
    if (str_starts(word, STR("http://"))) {
        rest = str_skip(word, strlen("http://"));
        rest = str_ends(rest, STR("/")) ? str_sub(rest, 0, rest.len - 1) : rest;
        default_port = HTTP_PORT;
    } else if (is_dns) {
        rest = str_skip(word, strlen("dns://"));
    }
    *out = bare_port(rest) != 0 && !is_dns ? arena_fmt(quick->arena, "127.0.0.1%.*s", STR_FMT(rest))
                                           : authority_with_port(quick->arena, rest, default_port);
    if (out->len == 0) {
        return refuse(quick, "\"%.*s\" is no target: write HOST:PORT, such as localhost:3000",
                      STR_FMT(word));
    }
    if (is_dns) {
        *out = arena_fmt(quick->arena, "dns://%.*s", STR_FMT(*out));
    }
    return OK;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || char_is_digit(c) || c == '-';
}

static bool is_name_taken(const struct draft *draft, struct str name)
{
    for (uint32_t i = 0; i < draft->lane_count; i++) {
        if (str_eq(draft->lanes[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* A name for the lane from the first words of its path: "/orders/..." is "orders". Names that YAML
 * reads as something else than text are left alone. */
static struct str lane_name(const struct draft *draft, struct str match)
{
    static const char *const not_text[] = {"true", "false", "null"};
    char room[NAME_BYTES_MAX];
    struct strbuf name = strbuf_over(room, sizeof room);
    struct str path = str_skip(match, str_find(match, '/') + 1);
    struct str segment = str_cut(path, '/').head;
    for (size_t i = 0; i < segment.len && name.len < sizeof room; i++) {
        char c = char_lower(segment.at[i]);
        if (is_name_char(c) && (name.len > 0 || (c >= 'a' && c <= 'z'))) {
            strbuf_add_char(&name, c);
        }
    }
    struct str base = strbuf_str(&name);
    for (size_t i = 0; i < COUNT_OF(not_text); i++) {
        base = str_eq(base, str_from_c(not_text[i])) ? STR("") : base;
    }
    base = base.len == 0 ? STR("app") : base;
    struct str wanted = arena_fmt(draft->quick->arena, "%.*s", STR_FMT(base));
    for (uint32_t n = 2; is_name_taken(draft, wanted); n++) {
        wanted = arena_fmt(draft->quick->arena, "%.*s-%u", STR_FMT(base), n);
    }
    return wanted;
}

/* The lane of this match, new or there already. NULL: no memory. */
static struct lane *lane_of(struct draft *draft, struct str match)
{
    for (uint32_t i = 0; i < draft->lane_count; i++) {
        if (str_eq(draft->lanes[i].match, match)) {
            return &draft->lanes[i];
        }
    }
    struct lane *lane = &draft->lanes[draft->lane_count];
    *lane = (struct lane){.match = match, .name = lane_name(draft, match)};
    lane->targets = ARENA_ARRAY(draft->quick->arena, draft->word_count, struct str);
    if (lane->targets == NULL) {
        return NULL;
    }
    draft->lane_count++;
    return lane;
}

/* The match as the file takes it: with the host of the listener in front when it has none. */
static enum err take_match(struct draft *draft, struct str word, struct str *out)
{
    struct str_pair words = str_cut(word, ' ');
    struct str methods = words.is_cut ? words.head : STR("");
    struct str place = str_trim(words.is_cut ? words.tail : words.head);
    for (size_t i = 0; i < word.len; i++) {
        if ((unsigned char)word.at[i] < ' ' || (unsigned char)word.at[i] > '~') {
            return refuse(draft->quick, "\"%.*s\" is no match: write other characters as %%XX",
                          STR_FMT(word));
        }
    }
    if (str_find(place, '/') == place.len) {
        return refuse(draft->quick,
                      "\"%.*s\" is no match: write a path such as /orders/*, or "
                      "api.example.com/orders/*",
                      STR_FMT(word));
    }
    struct str host = place.at[0] == '/' ? draft->host : STR("");
    *out = arena_fmt(draft->quick->arena, "%.*s%s%.*s%.*s", STR_FMT(methods),
                     words.is_cut ? " " : "", STR_FMT(host), STR_FMT(place));
    return out->len > 0 ? OK : ERR_MEMORY;
}

static enum err take_words(struct draft *draft, const char *const *words, uint32_t count)
{
    uint32_t at = 0;
    draft->listen = STR(":8080");
    if (count > 1 && str_find(str_from_c(words[0]), '=') == strlen(words[0])) {
        TRY(take_listen(draft, str_from_c(words[0])));
        at = 1;
    }
    for (; at < count; at++) {
        struct str_pair pair = str_cut_last(str_from_c(words[at]), '=');
        struct str match, target;
        TRY(take_match(draft, pair.is_cut ? pair.head : STR("/*"), &match));
        TRY(take_target(draft, pair.is_cut ? pair.tail : pair.head, &target));
        struct lane *lane = lane_of(draft, match);
        if (lane == NULL) {
            return ERR_MEMORY;
        }
        lane->targets[lane->target_count++] = target;
    }
    return OK;
}

/* Always in quotes: whatever was typed stays one value. */
static void add_quoted(struct strbuf *out, struct str text)
{
    strbuf_add_char(out, '"');
    strbuf_add_json(out, text, SIZE_MAX);
    strbuf_add_char(out, '"');
}

static void write_services(const struct draft *draft, struct strbuf *out)
{
    strbuf_add(out, STR("\nservices:\n"));
    for (uint32_t i = 0; i < draft->lane_count; i++) {
        const struct lane *lane = &draft->lanes[i];
        strbuf_add_fmt(out, "  %.*s: { targets: [", STR_FMT(lane->name));
        for (uint32_t n = 0; n < lane->target_count; n++) {
            strbuf_add_c(out, n > 0 ? ", " : "");
            add_quoted(out, lane->targets[n]);
        }
        strbuf_add(out, STR("] }\n"));
    }
}

static void write_plan(const struct draft *draft, struct strbuf *out)
{
    strbuf_add(out, STR("listeners:\n  http: { listen: "));
    add_quoted(out, draft->listen);
    strbuf_add(out, STR(" }\n"));
    write_services(draft, out);
    strbuf_add(out, STR("\nroutes:\n"));
    for (uint32_t i = 0; i < draft->lane_count; i++) {
        const struct lane *lane = &draft->lanes[i];
        strbuf_add_fmt(out, "  %.*s: { match: ", STR_FMT(lane->name));
        add_quoted(out, lane->match);
        strbuf_add_fmt(out, ", to: %.*s }\n", STR_FMT(lane->name));
    }
}

enum err quick_write(struct quick *quick, const char *const *words, uint32_t count)
{
    struct draft draft = {.quick = quick, .word_count = count};
    size_t bytes = 256;
    draft.lanes = ARENA_ARRAY(quick->arena, count, struct lane);
    if (draft.lanes == NULL) {
        return ERR_MEMORY;
    }
    TRY(take_words(&draft, words, count));
    for (uint32_t i = 0; i < count; i++) {
        /* Escapes take up to six bytes for one; the rest of a line is short. */
        bytes += 6 * (strlen(words[i]) + draft.host.len) + 6 * NAME_BYTES_MAX;
    }
    char *room = arena_alloc(quick->arena, bytes);
    if (room == NULL) {
        return ERR_MEMORY;
    }
    struct strbuf out = strbuf_over(room, bytes);
    write_plan(&draft, &out);
    quick->yaml = strbuf_str(&out);
    return strbuf_overflowed(&out) ? ERR_MEMORY : OK;
}
