/* grammar_health.c - the small grammars of a health check: "GET /healthz every 5s", a request
 * alone, ranges of statuses, and bytes in hexadecimal. */
#include "config/grammar_health.h"

#include "config/internals.h"
#include "text/quantity.h"

static const struct {
    struct str word;
    enum conf_health_kind kind;
} words[] = {{{"tcp", 3}, CONF_HEALTH_TCP},     {{"tls", 3}, CONF_HEALTH_TLS},
             {{"grpc", 4}, CONF_HEALTH_GRPC},   {{"postgres", 8}, CONF_HEALTH_POSTGRES},
             {{"mysql", 5}, CONF_HEALTH_MYSQL}, {{"redis", 5}, CONF_HEALTH_REDIS}};

static bool refuse_check(struct conf_reader *reader, struct node *node)
{
    conf_hint(reader, "write GET /healthz every 5s, or tcp, tls, grpc, postgres, mysql, redis, "
                      "each with or without every 5s");
    return conf_refuse(reader, node, DIAG_E0150, "%s is not a health check",
                       conf_show(reader, node));
}

/* RFC 9112 3.2.1: what may stand in a request line as it is. */
static bool is_target(struct str text)
{
    bool is_right = text.len > 0 && text.at[0] == '/';
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        is_right = is_right && c > 0x20 && c < 0x7f && c != '#';
    }
    return is_right;
}

/* "GET /healthz", or the path alone. */
static bool parse_request(struct str text, struct conf_health_http *out)
{
    struct str_pair cut = str_cut(text, ' ');
    out->path = cut.is_cut ? str_trim(cut.tail) : text;
    out->method = cut.is_cut ? cut.head : out->method;
    return is_target(out->path) && conf_is_token(out->method) &&
           !str_eq(out->method, STR("CONNECT"));
}

static bool parse_check(struct str text, struct node *node, struct conf_health *out)
{
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (!str_eq(words[i].word, text)) {
            continue;
        }
        struct source_pos *const places[CONF_HEALTH_KIND_COUNT] = {
            [CONF_HEALTH_TLS] = &out->tls.pos,
            [CONF_HEALTH_GRPC] = &out->grpc.pos,
            [CONF_HEALTH_POSTGRES] = &out->postgres.pos,
            [CONF_HEALTH_MYSQL] = &out->mysql.pos,
            [CONF_HEALTH_REDIS] = &out->redis.pos};
        out->is_tcp = words[i].kind == CONF_HEALTH_TCP;
        if (places[words[i].kind] != NULL) {
            *places[words[i].kind] = node->pos;
        }
        return true;
    }
    out->http.pos = node->pos;
    return parse_request(text, &out->http);
}

static bool read_check(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_health *out = place;
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    size_t every = str_find_str(text, STR(" every "));
    struct str check = str_trim(str_sub(text, 0, every));
    struct str interval = str_trim(str_skip(text, every + 7));
    if (every < text.len && quantity_duration(interval, &out->interval_ms) != OK) {
        return refuse_check(reader, node);
    }
    if (out->interval_ms < CONF_HEALTH_INTERVAL_MS_MIN ||
        out->interval_ms > CONF_HEALTH_INTERVAL_MS_MAX) {
        return conf_refuse(reader, node, DIAG_E0104, "every is from 10ms to 24h");
    }
    return parse_check(check, node, out) || refuse_check(reader, node);
}

const struct conf_grammar conf_health_grammar = {
    .form = "a request or tcp, tls, grpc, postgres, mysql, redis, and how often",
    .example = "GET /healthz every 5s",
    .pattern = "^(([!#$%&'*+.^_`|~0-9A-Za-z-]+ +)?/[^ ]*|tcp|tls|grpc|postgres|mysql|redis)"
               "( every ([0-9]{1,5}(h|ms|m|s)){1,4})?$",
    .bytes = sizeof(struct conf_health),
    .read = read_check};

static bool read_http(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_health_http *out = place;
    struct str text;
    return conf_scalar(reader, node, &text) &&
           (parse_request(text, out) || refuse_check(reader, node));
}

const struct conf_grammar conf_health_http_grammar = {
    .form = "a path, or a method and a path",
    .example = "/healthz",
    .pattern = "^([!#$%&'*+.^_`|~0-9A-Za-z-]+ +)?/[^ ]*$",
    .bytes = sizeof(struct conf_health_http),
    .read = read_http};

static bool read_path(struct conf_reader *reader, struct node *node, void *place)
{
    struct str *out = place;
    if (!conf_scalar(reader, node, out)) {
        return false;
    }
    if (is_target(*out)) {
        return true;
    }
    conf_hint(reader, "a path starts with a slash and has no spaces: /healthz");
    return conf_refuse(reader, node, DIAG_E0150, "%s is not a path", conf_show(reader, node));
}

static void write_path(const void *value, struct sink *out)
{
    sink_add(out, *(const struct str *)value);
}

const struct conf_grammar conf_health_path_grammar = {.form = "a path",
                                                      .example = "/healthz",
                                                      .pattern = "^/[^ #]*$",
                                                      .bytes = sizeof(struct str),
                                                      .read = read_path,
                                                      .write = write_path};

static bool parse_status(struct str text, uint16_t *out)
{
    uint64_t value;
    if (text.len != 3 || !str_to_u64(text, &value) || value < 100 || value > 599) {
        return false;
    }
    *out = (uint16_t)value;
    return true;
}

static bool parse_range(struct str text, struct conf_statuses *out)
{
    struct str_pair cut = str_cut(text, '-');
    struct conf_status_range range;
    if (out->count == CONF_STATUS_RANGES_MAX || !parse_status(cut.head, &range.first) ||
        !parse_status(cut.is_cut ? cut.tail : cut.head, &range.last) || range.first > range.last) {
        return false;
    }
    out->at[out->count++] = range;
    return true;
}

static bool read_some(struct conf_reader *reader, struct node *node, struct conf_statuses *out)
{
    struct str text, part;
    bool is_right = conf_scalar(reader, node, &text);
    if (!is_right) {
        return false;
    }
    uint32_t before = out->count;
    while (is_right && str_next_element(&text, &part)) {
        is_right = parse_range(part, out);
    }
    if (is_right && out->count > before) {
        return true;
    }
    conf_hint(reader, "write 200, 200-299, or a list of at most %d of them",
              CONF_STATUS_RANGES_MAX);
    return conf_refuse(reader, node, DIAG_E0150, "%s does not name statuses",
                       conf_show(reader, node));
}

static bool read_statuses(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_statuses *out = place;
    *out = (struct conf_statuses){0};
    if (node->type != NODE_LIST) {
        return read_some(reader, node, out);
    }
    for (struct node *item = node->first; item != NULL; item = item->next) {
        if (!read_some(reader, item, out)) {
            return false;
        }
    }
    return true;
}

static void write_statuses(const void *value, struct sink *out)
{
    const struct conf_statuses *statuses = value;
    for (uint32_t i = 0; i < statuses->count; i++) {
        const struct conf_status_range *range = &statuses->at[i];
        sink_add_fmt(out, "%s%u-%u", i > 0 ? ", " : "", range->first, range->last);
    }
}

const struct conf_grammar conf_statuses_grammar = {
    .form = "a status, a range of them, or a list",
    .example = "200-299",
    .pattern = "^[1-5][0-9]{2}(-[1-5][0-9]{2})?( *, *[1-5][0-9]{2}(-[1-5][0-9]{2})?)*$",
    .takes_int = true,
    .takes_list = true,
    .bytes = sizeof(struct conf_statuses),
    .read = read_statuses,
    .write = write_statuses};

bool conf_statuses_have(const struct conf_statuses *statuses, uint16_t status)
{
    for (uint32_t i = 0; i < statuses->count; i++) {
        if (status >= statuses->at[i].first && status <= statuses->at[i].last) {
            return true;
        }
    }
    return false;
}

/* Digits in pairs, with spaces between pairs where one likes. */
static bool parse_hex(struct str text, char *at, size_t *len)
{
    size_t i = 0;
    for (*len = 0; i < text.len;) {
        if (text.at[i] == ' ') {
            i++;
            continue;
        }
        int high = char_hex(text.at[i]);
        int low = i + 1 < text.len ? char_hex(text.at[i + 1]) : -1;
        if (high < 0 || low < 0) {
            return false;
        }
        at[(*len)++] = (char)(high * 16 + low);
        i += 2;
    }
    return *len > 0;
}

static bool read_hex(struct conf_reader *reader, struct node *node, void *place)
{
    struct str text, *out = place;
    size_t len;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    char *at = conf_array(reader, node, text.len + 1, 1);
    if (at == NULL) {
        return false;
    }
    if (!parse_hex(text, at, &len)) {
        conf_hint(reader, "write \"0d 0a\"");
        return conf_refuse(reader, node, DIAG_E0150, "%s is not bytes in hexadecimal",
                           conf_show(reader, node));
    }
    *out = str_of(at, len);
    return true;
}

static void write_hex(const void *value, struct sink *out)
{
    const struct str *bytes = value;
    for (size_t i = 0; i < bytes->len; i++) {
        sink_add_fmt(out, "%s%02x", i > 0 ? " " : "", (unsigned char)bytes->at[i]);
    }
}

const struct conf_grammar conf_hex_grammar = {.form = "bytes in hexadecimal",
                                              .example = "0d 0a",
                                              .pattern = "^ *([0-9A-Fa-f]{2} *)+$",
                                              .takes_int = true,
                                              .bytes = sizeof(struct str),
                                              .read = read_hex,
                                              .write = write_hex};
