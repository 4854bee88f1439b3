/* cors_conf.c - reading and checking what a file says of cors; see cors_conf.h.
 * Most mistakes with CORS are silent: the browser refuses, or worse, it does not. So what no
 * browser would ever send, and what would open a service to every page, is refused here with the
 * way out. */
#include "policy/cors_conf.h"

#include "base/limits.h"
#include "config/reader.h"
#include "http/message.h"
#include "policy/policies.h"
#include "policy/web_origin.h"

/* The value of a key, for its place; the whole policy when it is not written. */
static struct node *node_of(struct node *node, const char *key)
{
    struct node *value = node->type == NODE_MAP ? node_find(node, str_from_c(key)) : NULL;
    return value == NULL ? node : value;
}

static bool refuse_origin(struct conf_reader *reader, struct node *node, struct str way_out)
{
    conf_hint(reader, "%.*s", STR_FMT(way_out));
    return conf_refuse(reader, node, DIAG_E0130, "%s is not the origin of a web page",
                       conf_show(reader, node));
}

static bool check_pattern(struct conf_reader *reader, struct node *node, struct str text)
{
    struct pattern pattern;
    struct pattern_error error;
    if (pattern_init(&pattern, text, &(struct pattern_options){0}, &error) == OK) {
        pattern_drop(&pattern);
        return true;
    }
    return conf_refuse(reader, node, DIAG_E0131, "%s at byte %zu of the pattern", error.text,
                       error.offset + 1);
}

static bool check_origin(struct conf_reader *reader, struct node *node, void *out)
{
    const struct cors_origin_conf *conf = out;
    struct web_origin origin;
    struct str way_out = STR("out of memory");
    if (conf->pattern.len > 0) {
        return check_pattern(reader, node_of(node, "pattern"), conf->pattern);
    }
    return web_origin_parse(reader->scratch, conf->origin, &origin, &way_out) == OK ||
           refuse_origin(reader, node_of(node, "origin"), way_out);
}

static bool read_origin(struct conf_reader *reader, struct node *node, void *out)
{
    struct cors_origin_conf *conf = out;
    if (node->type == NODE_NULL && str_eq(node->text, STR("null"))) {
        conf_hint(reader, "write \"null\" in quotes for pages without an origin");
        return conf_refuse(reader, node, DIAG_E0123, "without quotes, null is no text");
    }
    return conf_scalar(reader, node, &conf->origin);
}

static const struct conf_grammar origin_grammar = {
    .form = "scheme://host[:port], scheme://*.host[:port], \"null\" or \"*\"",
    .example = "https://app.example.com",
    .pattern = "^(\\*|null|[a-z][a-z0-9+.-]*://[^/ A-Z]+)$",
    .read = read_origin,
};
static const struct conf_field origin_fields[] = {
    {.name = "origin",
     .type = CONF_STRING,
     CONF_IS(struct cors_origin_conf, origin),
     .group = 1,
     .summary = "An origin as browsers send it, with https://*.example.com for all below a name."},
    {.name = "pattern",
     .type = CONF_STRING,
     CONF_IS(struct cors_origin_conf, pattern),
     .group = 1,
     .flags = CONF_NOT_EMPTY,
     .summary = "A regular expression (PCRE2) that matches the whole origin."},
};
static const struct conf_table origin_table = {
    .name = "cors_origin",
    .summary = "The origin of web pages: scheme, host and port, or a pattern for them.",
    .fields = origin_fields,
    .field_count = COUNT_OF(origin_fields),
    .bytes = sizeof(struct cors_origin_conf),
    .shorthand = &origin_grammar,
    .check = check_origin,
};

bool cors_has_star(const struct conf_strs *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (str_eq(list->at[i], STR("*"))) {
            return true;
        }
    }
    return false;
}

static bool has_star_origin(const struct cors_conf *conf)
{
    for (uint32_t i = 0; i < conf->origins.count; i++) {
        if (str_eq(conf->origins.at[i].origin, STR("*"))) {
            return true;
        }
    }
    return false;
}

/* Asked with names that nobody can own (RFC 6761 6.4). */
static bool takes_strangers(struct str text)
{
    static const struct str probes[] = {
        {"https://a.invalid", 17}, {"http://a.invalid", 16}, {"https://a.b.invalid:8443", 24}};
    struct pattern pattern;
    struct pattern_scratch scratch = {0};
    struct pattern_error error;
    bool can_ask = pattern_init(&pattern, text, &(struct pattern_options){0}, &error) == OK &&
                   pattern_scratch_init(&scratch) == OK;
    bool takes_one = false;
    for (size_t i = 0; can_ask && i < COUNT_OF(probes); i++) {
        takes_one = takes_one || pattern_match(&pattern, probes[i], &scratch) == OK;
    }
    pattern_scratch_drop(&scratch);
    pattern_drop(&pattern);
    return takes_one;
}

/* Browsers take no * for an answer when they sent credentials (Fetch, CORS check). */
static bool check_stars(struct conf_reader *reader, struct node *node, const struct cors_conf *conf)
{
    const struct {
        const char *key, *what;
        bool has_star;
    } lists[] = {{"origins", "origins", has_star_origin(conf)},
                 {"methods", "methods", cors_has_star(&conf->methods)},
                 {"request_headers", "fields", cors_has_star(&conf->request_headers)},
                 {"expose", "fields", cors_has_star(&conf->expose)}};
    bool is_right = true;
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        if (lists[i].has_star) {
            conf_hint(reader, "list the %s, or leave credentials out", lists[i].what);
            is_right = conf_refuse(reader, node_of(node, lists[i].key), DIAG_E0209,
                                   "with credentials, browsers refuse * for %s", lists[i].key);
        }
    }
    return is_right;
}

/* The mistake that hands every user's session to every page: credentials for whoever asks. */
static bool check_strangers(struct conf_reader *reader, struct node *node,
                            const struct cors_conf *conf)
{
    for (uint32_t i = 0; i < conf->origins.count; i++) {
        struct str pattern = conf->origins.at[i].pattern;
        if (pattern.len > 0 && takes_strangers(pattern)) {
            conf_hint(reader, "name the hosts in the pattern, or leave credentials out");
            return conf_refuse(reader, node_of(node, "origins"), DIAG_E0209,
                               "with credentials, a pattern that takes any host lets every web "
                               "page act as the user");
        }
    }
    return true;
}

static bool check_origins(struct conf_reader *reader, struct node *node,
                          const struct cors_conf *conf)
{
    uint32_t wildcards = 0, patterns = 0;
    if (has_star_origin(conf) && conf->origins.count > 1) {
        conf_hint(reader, "leave the others out");
        return conf_refuse(reader, node_of(node, "origins"), DIAG_E0209,
                           "\"*\" already stands for every origin");
    }
    for (uint32_t i = 0; i < conf->origins.count; i++) {
        struct str text = conf->origins.at[i].origin;
        patterns += conf->origins.at[i].pattern.len > 0;
        wildcards += text.len > 1 && str_find(text, '*') < text.len;
    }
    if (wildcards > LIMIT_VALUE(web_origin_wildcards) ||
        patterns > LIMIT_VALUE(web_origin_patterns)) {
        return conf_refuse(reader, node_of(node, "origins"), DIAG_E0104,
                           "at most %d origins with * and %d patterns, each is tried in turn",
                           LIMIT_VALUE(web_origin_wildcards), LIMIT_VALUE(web_origin_patterns));
    }
    return true;
}

/* A method in lower case would never match: methods are compared as bytes, and browsers write only
 * the six best known in capitals (Fetch, "normalize a method"; patch is the trap). */
static bool check_methods(struct conf_reader *reader, struct node *node,
                          const struct cors_conf *conf)
{
    for (uint32_t i = 0; i < conf->methods.count; i++) {
        struct str method = conf->methods.at[i];
        for (int known = METHOD_OTHER + 1; known < METHOD_COUNT; known++) {
            struct str name = method_name((enum method)known);
            if (str_eq_nocase(method, name) && !str_eq(method, name)) {
                conf_hint(reader, "did you mean %.*s?", STR_FMT(name));
                return conf_refuse(reader, node_of(node, "methods"), DIAG_E0117,
                                   "the method \"%.*s\" is not %.*s", STR_FMT(method),
                                   STR_FMT(name));
            }
        }
        if (str_eq(method, STR("CONNECT")) || str_eq(method, STR("TRACE")) ||
            str_eq_nocase(method, STR("TRACK"))) {
            conf_hint(reader, "leave it out");
            return conf_refuse(reader, node_of(node, "methods"), DIAG_E0117,
                               "no browser lets a page send %.*s", STR_FMT(method));
        }
    }
    return true;
}

/* A default that is a list, which no preset can say. */
static bool preset_methods(struct conf_reader *reader, struct node *node, struct cors_conf *conf)
{
    static const struct str simple[] = {{"GET", 3}, {"HEAD", 4}, {"POST", 4}};
    if (conf->methods.count > 0) {
        return true;
    }
    conf->methods.at = conf_array(reader, node, COUNT_OF(simple), sizeof *simple);
    if (conf->methods.at == NULL) {
        return false;
    }
    memcpy(conf->methods.at, simple, sizeof simple);
    conf->methods.count = COUNT_OF(simple);
    return true;
}

static bool check_cors(struct conf_reader *reader, struct node *node, void *out)
{
    struct cors_conf *conf = out;
    bool is_right = preset_methods(reader, node, conf);
    is_right = check_origins(reader, node, conf) && is_right;
    if (conf->credentials) {
        is_right = check_stars(reader, node, conf) && is_right;
        is_right = check_strangers(reader, node, conf) && is_right;
    }
    is_right = check_methods(reader, node, conf) && is_right;
    if (conf->max_age_ms % 1000 != 0) {
        conf_hint(reader, "write 10m or 600s");
        is_right = conf_refuse(reader, node_of(node, "max_age"), DIAG_E0105,
                               "browsers are told the age in whole seconds");
    }
    return is_right;
}

static bool read_short(struct conf_reader *reader, struct node *node, void *out)
{
    return conf_read_field(reader, &cors_table.fields[0], node, out);
}

static const struct conf_grammar cors_grammar = {
    .form = "one origin or a list of them",
    .example = "https://app.example.com",
    .takes_list = true,
    .read = read_short,
};
static const char *const preflight_names[] = {"answer", "strict", "forward", NULL};

static const struct conf_field cors_fields[] = {
    {.name = "origins",
     .type = CONF_LIST,
     .item = CONF_STRUCT,
     .table = &origin_table,
     CONF_IS(struct cors_conf, origins),
     .flags = CONF_REQUIRED | CONF_NOT_EMPTY,
     .summary =
         "Whose pages may read responses: origins, \"*\" for all, \"null\" for pages without."},
    {.name = "methods",
     .type = CONF_LIST,
     .item = CONF_STRING,
     CONF_IS(struct cors_conf, methods),
     .flags = CONF_TOKEN | CONF_NOT_EMPTY,
     .summary = "Methods that pages may use, or \"*\"; GET, HEAD and POST if left out."},
    {.name = "request_headers",
     .type = CONF_LIST,
     .item = CONF_STRING,
     CONF_IS(struct cors_conf, request_headers),
     .flags = CONF_TOKEN,
     .summary = "Header fields that pages may send, or \"*\", which leaves Authorization out."},
    {.name = "expose",
     .type = CONF_LIST,
     .item = CONF_STRING,
     CONF_IS(struct cors_conf, expose),
     .flags = CONF_TOKEN,
     .summary = "Header fields of responses that pages may read beyond the usual ones, or \"*\"."},
    {.name = "credentials",
     .type = CONF_BOOL,
     CONF_IS(struct cors_conf, credentials),
     .summary = "Whether pages may send cookies and other credentials, and read what comes back."},
    {.name = "max_age",
     .type = CONF_DURATION,
     CONF_IS(struct cors_conf, max_age_ms),
     .preset = "10m",
     .max = 86400000,
     .summary = "How long a browser may remember the answer to a preflight; most cap it at 2h."},
    {.name = "preflight",
     .type = CONF_ENUM,
     CONF_IS(struct cors_conf, preflight),
     .names = preflight_names,
     .preset = "answer",
     .summary = "Answer preflights here, answer with 403 what is not allowed, or forward them."},
    {.name = "private_network",
     .type = CONF_BOOL,
     CONF_IS(struct cors_conf, private_network),
     .summary = "Whether pages from public addresses may call this route on a private one."},
};
const struct conf_table cors_table = {
    .name = "cors",
    .summary = cors_summary,
    .fields = cors_fields,
    .field_count = COUNT_OF(cors_fields),
    .bytes = sizeof(struct cors_conf),
    .shorthand = &cors_grammar,
    .check = check_cors,
};
