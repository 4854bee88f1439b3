/* grammar_match.c - which requests a route takes: [METHOD,METHOD ]host/path, or a map in long.
 * Paths are checked here for what can be seen without canonical form; the router brings them to it
 * with the code that it uses for requests. */
#include "base/check.h"
#include "config/internals.h"

enum { METHODS_MAX = 16, PARAMS_MAX = 16 };

static bool refuse_match(struct conf_reader *reader, struct node *node, const char *hint)
{
    conf_hint(reader, "%s", hint);
    return conf_refuse(reader, node, DIAG_E0116, "%s is not a match", conf_show(reader, node));
}

/* RFC 3986 3.3 pchar and the slash; braces only around parameters, which are taken out before. */
static bool is_path_char(char c)
{
    char lower = char_lower(c);
    return (lower >= 'a' && lower <= 'z') || char_is_digit(c) ||
           (c != '\0' && memchr("-._~!$&'()*+,;=:@%/", c, 19) != NULL);
}

static bool is_param_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = char_lower(s.at[i]);
        if ((c < 'a' || c > 'z') && c != '_' && (i == 0 || !char_is_digit(c))) {
            return false;
        }
    }
    return s.len > 0;
}

/* Checks the segments of a path. *params: how many of them are "{name}". */
static const char *check_segments(struct str path, uint32_t *params)
{
    struct str names[PARAMS_MAX];
    struct str_pair cut = {.tail = str_skip(path, 1), .is_cut = true};
    while (cut.is_cut) {
        cut = str_cut(cut.tail, '/');
        struct str s = cut.head;
        bool is_param = s.len > 2 && s.at[0] == '{' && s.at[s.len - 1] == '}';
        for (size_t i = 0; !is_param && i < s.len; i++) {
            if (s.at[i] == '{' || s.at[i] == '}') {
                return "a parameter is one whole segment: /users/{id}";
            }
            if (!is_path_char(s.at[i])) {
                return s.at[i] == '?' ? "a query is matched with `query`, not in the path"
                                      : "write other characters as %XX";
            }
        }
        if (!is_param) {
            continue;
        }
        s = str_sub(s, 1, s.len - 2);
        if (!is_param_name(s) || *params == PARAMS_MAX) {
            return "a parameter has a name of letters, digits and _; at most 16 in one path";
        }
        for (uint32_t i = 0; i < *params; i++) {
            if (str_eq(names[i], s)) {
                return "each parameter of a path needs its own name";
            }
        }
        names[(*params)++] = s;
    }
    return NULL;
}

/* Prefixes are by whole segments, so slashes at their end say nothing. */
static struct str prefix_of(struct str path)
{
    while (path.len > 1 && path.at[path.len - 1] == '/') {
        path.len--;
    }
    return path;
}

/* A path of the short form: exact, or with a closing slash and star a prefix. */
static bool parse_path(struct conf_reader *reader, struct node *node, struct str text,
                       struct conf_match *out)
{
    uint32_t params = 0;
    bool is_prefix = str_ends(text, STR("/*"));
    if (text.len == 0 || text.at[0] != '/') {
        return refuse_match(reader, node, "a path starts with /");
    }
    if (is_prefix) {
        text = prefix_of(str_sub(text, 0, text.len - 1));
    }
    if (str_find(text, '*') < text.len) {
        return refuse_match(reader, node, "a star stands at the end, as /*, and nowhere else");
    }
    const char *problem = check_segments(text, &params);
    if (problem != NULL) {
        return refuse_match(reader, node, problem);
    }
    out->path_kind = is_prefix ? CONF_PATH_PREFIX : CONF_PATH_EXACT;
    out->path = text;
    out->path_pos = node->pos;
    out->has_params = params > 0;
    return true;
}

static bool is_host_label_char(char c)
{
    char lower = char_lower(c);
    return (lower >= 'a' && lower <= 'z') || char_is_digit(c) || c == '-' || c == '_' || c == '.';
}

static bool parse_host(struct conf_reader *reader, struct node *node, struct str text,
                       struct conf_host *out)
{
    bool is_wildcard = str_starts(text, STR("*."));
    struct str name = is_wildcard ? str_skip(text, 2) : text;
    struct addr addr;
    bool is_v6 = name.len > 2 && name.at[0] == '[' && addr_parse_ip(name, &addr) == OK;
    bool is_fit = name.len > 0 && name.len <= 253 && name.at[0] != '.' && name.at[0] != '-';
    name.len -= is_fit && name.at[name.len - 1] == '.';
    for (size_t i = 0; is_fit && !is_v6 && i < name.len; i++) {
        is_fit = is_host_label_char(name.at[i]);
    }
    if (!is_v6 && (!is_fit || str_find_str(name, STR("..")) < name.len)) {
        const char *hint = str_find(name, ':') < name.len
                               ? "a host is matched without its port"
                               : "write api.example.com or \"*.example.com\"";
        return refuse_match(reader, node, hint);
    }
    out->kind = is_wildcard ? CONF_HOST_WILDCARD : CONF_HOST_EXACT;
    out->pos = node->pos;
    return arena_keep_lower(reader->arena, name, &out->name) == OK ||
           conf_refuse(reader, node, DIAG_E0014, "out of memory");
}

static bool check_method(struct conf_reader *reader, struct node *node, struct str method)
{
    bool has_lower = false;
    for (size_t i = 0; i < method.len; i++) {
        has_lower = has_lower || (method.at[i] >= 'a' && method.at[i] <= 'z');
    }
    if (!conf_is_token(method)) {
        return refuse_match(reader, node, "methods are separated by commas: GET,POST /path");
    }
    return !has_lower || refuse_match(reader, node, "methods are written in capitals: GET");
}

static bool parse_methods(struct conf_reader *reader, struct node *node, struct str text,
                          struct conf_strs *out)
{
    struct str_pair cut = {.tail = text, .is_cut = true};
    uint32_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        count += text.at[i] == ',';
    }
    if (count > METHODS_MAX) {
        return refuse_match(reader, node, "at most 16 methods");
    }
    out->at = conf_array(reader, node, count, sizeof *out->at);
    while (cut.is_cut && out->at != NULL) {
        cut = str_cut(cut.tail, ',');
        if (!check_method(reader, node, cut.head)) {
            return false;
        }
        out->at[out->count++] = cut.head;
    }
    return out->at != NULL;
}

static bool is_capitals(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < 'A' || s.at[i] > 'Z') {
            return false;
        }
    }
    return s.len > 0;
}

static bool parse_match(struct conf_reader *reader, struct node *node, struct str text,
                        struct conf_match *out)
{
    struct str_pair cut = str_cut_last(text, ' ');
    out->pos = node->pos;
    if (cut.is_cut) {
        if (!parse_methods(reader, node, str_trim(cut.head), &out->methods)) {
            return false;
        }
        text = cut.tail;
    }
    size_t slash = str_find(text, '/');
    struct str host = str_sub(text, 0, slash), path = str_skip(text, slash);
    if (text.len == 0) {
        return refuse_match(reader, node, "write /path, /path/* or host/path/*");
    }
    /* [GET,POST /path] is a list of two for YAML, and the first would be a host named GET. */
    if (!cut.is_cut && path.len == 0 && is_capitals(host)) {
        return refuse_match(reader, node, "in a list a comma needs quotes: \"GET,POST /path\"");
    }
    if (host.len > 0) {
        out->hosts.at = conf_array(reader, node, 1, sizeof *out->hosts.at);
        if (out->hosts.at == NULL || !parse_host(reader, node, host, out->hosts.at)) {
            return false;
        }
        out->hosts.count = 1;
    }
    return parse_path(reader, node, path.len == 0 ? STR("/*") : path, out);
}

static bool read_match(struct conf_reader *reader, struct node *node, void *out)
{
    struct str text;
    return conf_scalar(reader, node, &text) && parse_match(reader, node, text, out);
}

static const struct conf_grammar match_grammar = {.form = "[METHOD,METHOD ]host/path",
                                                  .example = "GET api.example.com/orders/*",
                                                  .pattern = "^([A-Z][A-Z,-]* +)?[^ ]+$",
                                                  .bytes = sizeof(struct conf_match),
                                                  .read = read_match};

static bool read_host(struct conf_reader *reader, struct node *node, void *out)
{
    struct str text;
    return conf_scalar(reader, node, &text) && parse_host(reader, node, text, out);
}

static void write_host(const void *value, struct sink *out)
{
    const struct conf_host *host = value;
    sink_add_c(out, host->kind == CONF_HOST_WILDCARD ? "*." : "");
    sink_add(out, host->name);
}

static const struct conf_grammar host_grammar = {
    .form = "a host name, or *. and a domain",
    .example = "api.example.com",
    .pattern = "^(\\*\\.)?[A-Za-z0-9._-]+$|^\\[[0-9A-Fa-f:.]+\\]$",
    .bytes = sizeof(struct conf_host),
    .read = read_host,
    .write = write_host};

static bool read_method(struct conf_reader *reader, struct node *node, void *out)
{
    struct str text;
    if (!conf_scalar(reader, node, &text) || !check_method(reader, node, text)) {
        return false;
    }
    memcpy(out, &text, sizeof text);
    return true;
}

static void write_str(const void *value, struct sink *out)
{
    const struct str *text = value;
    sink_add(out, *text);
}

static const struct conf_grammar method_grammar = {.form = "a method in capitals",
                                                   .example = "GET",
                                                   .pattern = "^[A-Z][A-Z-]*$",
                                                   .bytes = sizeof(struct str),
                                                   .read = read_method,
                                                   .write = write_str};

/* The long form of a path keeps the three kinds apart by key. */
struct long_path {
    struct str exact, prefix, pattern;
};

static const struct conf_field long_path_fields[] = {
    {.name = "exact",
     .type = CONF_STRING,
     CONF_IS(struct long_path, exact),
     .group = 1,
     .flags = CONF_NOT_EMPTY,
     .summary = "This path and no other."},
    {.name = "prefix",
     .type = CONF_STRING,
     CONF_IS(struct long_path, prefix),
     .group = 1,
     .flags = CONF_NOT_EMPTY,
     .summary = "This path and all below it, by whole segments."},
    {.name = "pattern",
     .type = CONF_STRING,
     CONF_IS(struct long_path, pattern),
     .group = 1,
     .flags = CONF_NOT_EMPTY,
     .summary = "A regular expression (PCRE2) that the whole path must match."},
};

static const struct conf_table long_path_table =
    CONF_TABLE("path", struct long_path, long_path_fields, "A path, by one of three kinds.");

static bool read_long_path(struct conf_reader *reader, struct node *node, struct conf_match *out)
{
    struct long_path path = {0};
    uint32_t params = 0;
    if (!conf_read_struct(reader, &long_path_table, node, &path)) {
        return false;
    }
    struct str text = path.exact.len > 0 ? path.exact : path.prefix;
    out->path_pos = node->pos;
    out->path_kind = path.exact.len > 0 ? CONF_PATH_EXACT : CONF_PATH_PREFIX;
    if (path.pattern.len > 0) {
        out->path_kind = CONF_PATH_PATTERN;
        out->path = path.pattern;
        return true;
    }
    if (text.len == 0 || text.at[0] != '/') {
        return refuse_match(reader, node, "a path starts with /");
    }
    const char *problem = check_segments(text, &params);
    if (problem != NULL) {
        return refuse_match(reader, node, problem);
    }
    out->path = out->path_kind == CONF_PATH_PREFIX ? prefix_of(text) : text;
    out->has_params = params > 0;
    return true;
}

/* The field of this grammar is the whole match: a path sets several members of it. */
static bool read_path(struct conf_reader *reader, struct node *node, void *out)
{
    struct str text;
    if (node->type == NODE_MAP) {
        return read_long_path(reader, node, out);
    }
    return conf_scalar(reader, node, &text) && parse_path(reader, node, text, out);
}

static void write_path(const void *value, struct sink *out)
{
    static const char *const words[] = {"{prefix: \"", "{exact: \"", "{pattern: \""};
    const struct conf_match *match = value;
    sink_add_c(out, words[match->path_kind]);
    sink_add_json(out, match->path);
    sink_add_c(out, "\"}");
}

static const struct conf_grammar path_grammar = {
    .form = "/path, /path/*, or a map with exact, prefix or pattern",
    .example = "/orders/*",
    .pattern = "^/",
    .map = &long_path_table,
    .writes_yaml = true,
    .bytes = sizeof(struct conf_match),
    .read = read_path,
    .write = write_path};

static bool read_condition(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_condition *out = place;
    struct node *item = node->type == NODE_LIST ? node->first : node;
    uint32_t count = node->type == NODE_LIST ? node->count : 1;
    static const struct conf_field value = {.flags = 0};
    if (count == 0) {
        return conf_refuse(reader, node, DIAG_E0114, "the list must not be empty");
    }
    out->kind = CONF_EQUALS;
    out->values.at = conf_array(reader, node, count, sizeof *out->values.at);
    if (out->values.at == NULL) {
        return false;
    }
    for (; out->values.count < count; item = item->next) {
        struct str *text = &out->values.at[out->values.count++];
        if (!conf_read_scalar(reader, &value, CONF_STRING, item, text)) {
            return false;
        }
    }
    return true;
}

static const struct conf_grammar condition_grammar = {.form = "the value, or a list of values",
                                                      .example = "\"2\"",
                                                      .takes_list = true,
                                                      .bytes = sizeof(struct conf_condition),
                                                      .read = read_condition};

static bool read_presence(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_condition *out = place;
    bool is_present;
    static const struct conf_field value = {.flags = 0};
    if (!conf_read_scalar(reader, &value, CONF_BOOL, node, &is_present)) {
        return false;
    }
    out->kind = is_present ? CONF_PRESENT : CONF_ABSENT;
    return true;
}

static void write_presence(const void *value, struct sink *out)
{
    const struct conf_condition *condition = value;
    if (condition->kind == CONF_PRESENT || condition->kind == CONF_ABSENT) {
        sink_add_c(out, condition->kind == CONF_PRESENT ? "true" : "false");
    }
}

static const struct conf_grammar presence_grammar = {.form = "true or false",
                                                     .example = "true",
                                                     .pattern = "^(true|false)$",
                                                     .takes_bool = true,
                                                     .writes_yaml = true,
                                                     .bytes = sizeof(struct conf_condition),
                                                     .read = read_presence,
                                                     .write = write_presence};

static const struct conf_field condition_fields[] = {
    {.name = "is",
     .type = CONF_LIST,
     .item = CONF_STRING,
     CONF_IS(struct conf_condition, values),
     .group = 1,
     .flags = CONF_NOT_EMPTY,
     .summary = "The value, or one of several."},
    {.name = "pattern",
     .type = CONF_STRING,
     CONF_IS(struct conf_condition, pattern),
     .group = 1,
     .flags = CONF_NOT_EMPTY,
     .summary = "A regular expression (PCRE2) that the whole value must match."},
    {.name = "present",
     .type = CONF_CUSTOM,
     .grammar = &presence_grammar,
     .offset = 0,
     .bytes = sizeof(struct conf_condition),
     .group = 1,
     .summary = "Whether it must be there, with any value, or must not be there."},
};

static bool check_condition(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_condition *out = place;
    bool has_kind = out->kind == CONF_PRESENT || out->kind == CONF_ABSENT;
    if (!has_kind && out->pattern.len == 0 && out->values.count == 0) {
        return conf_refuse(reader, node, DIAG_E0108, "one of is, pattern and present is missing");
    }
    out->kind = has_kind ? out->kind : out->pattern.len > 0 ? CONF_PATTERN : CONF_EQUALS;
    return true;
}

static const struct conf_table condition_table = {
    .name = "condition",
    .summary = "What a header field or a query parameter must be.",
    .fields = condition_fields,
    .field_count = COUNT_OF(condition_fields),
    .bytes = sizeof(struct conf_condition),
    .name_at = CONF_AT(struct conf_condition, name),
    .pos_at = CONF_AT(struct conf_condition, pos),
    .shorthand = &condition_grammar,
    .check = check_condition};

static const struct conf_field match_fields[] = {
    {.name = "methods",
     .type = CONF_LIST,
     .item = CONF_CUSTOM,
     .grammar = &method_grammar,
     CONF_IS(struct conf_match, methods),
     .flags = CONF_NOT_EMPTY,
     .summary = "Any of these methods, and HEAD where GET is one; left out: every method."},
    {.name = "host",
     .type = CONF_LIST,
     .item = CONF_CUSTOM,
     .grammar = &host_grammar,
     CONF_IS(struct conf_match, hosts),
     .flags = CONF_NOT_EMPTY,
     .summary = "Any of these hosts; *.example.com takes every subdomain; left out: every host."},
    {.name = "path",
     .type = CONF_CUSTOM,
     .grammar = &path_grammar,
     .offset = 0,
     .bytes = sizeof(struct conf_match),
     .preset = "/*",
     .summary = "The path: /orders only that one, /orders/* all below it too, /users/{id} any one "
                "segment."},
    {.name = "header",
     .type = CONF_MAP,
     .table = &condition_table,
     CONF_IS(struct conf_match, headers),
     .flags = CONF_TOKEN,
     .summary = "Header fields that must be as said, all of them."},
    {.name = "query",
     .type = CONF_MAP,
     .table = &condition_table,
     CONF_IS(struct conf_match, query),
     .summary = "Query parameters that must be as said, all of them."},
};

const struct conf_table conf_match_table = {.name = "match",
                                            .summary = "Which requests a route takes.",
                                            .fields = match_fields,
                                            .field_count = COUNT_OF(match_fields),
                                            .bytes = sizeof(struct conf_match),
                                            .pos_at = CONF_AT(struct conf_match, pos),
                                            .shorthand = &match_grammar};
