/* grammar_route.c - the small grammars of a route (rewrite, redirect) and of the things around
 * routes: a request in `tests`, where the access log goes, the admin socket, a port alone. */
#include "config/internals.h"

static bool refuse_rewrite(struct conf_reader *reader, struct node *node, const char *hint)
{
    conf_hint(reader, "%s", hint);
    return conf_refuse(reader, node, DIAG_E0118, "%s is not a path to rewrite to",
                       conf_show(reader, node));
}

static bool parse_rewrite(struct conf_reader *reader, struct node *node, struct str text,
                          struct conf_rewrite *out)
{
    bool is_prefix = str_ends(text, STR("/*"));
    if (text.len == 0 || text.at[0] != '/' || (text.len > 1 && text.at[1] == '/')) {
        return refuse_rewrite(reader, node, "a path starts with one slash: /orders/*");
    }
    if (is_prefix) {
        text = str_sub(text, 0, text.len > 2 ? text.len - 2 : 1);
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c <= 0x20 || c >= 0x7f || memchr("*?#\"<>\\^`|", c, 10) != NULL) {
            return refuse_rewrite(reader, node,
                                  "write other characters as %XX; a query stays as it is");
        }
    }
    if (is_prefix && str_find(text, '{') < text.len) {
        return refuse_rewrite(reader, node, "write either /* or parameters such as {id}");
    }
    out->kind = is_prefix ? CONF_REWRITE_PREFIX : CONF_REWRITE_TEMPLATE;
    out->path = text;
    out->pos = node->pos;
    return true;
}

static bool read_rewrite(struct conf_reader *reader, struct node *node, void *out)
{
    struct str text;
    return conf_scalar(reader, node, &text) && parse_rewrite(reader, node, text, out);
}

static void write_rewrite(const void *value, struct sink *out)
{
    const struct conf_rewrite *rewrite = value;
    sink_add(out, rewrite->path);
    if (rewrite->kind == CONF_REWRITE_PREFIX) {
        sink_add_c(out, rewrite->path.len > 1 ? "/*" : "*");
    }
}

const struct conf_grammar conf_rewrite_grammar = {
    .form = "/path/* for the matched prefix, or a whole path with {name}",
    .example = "/orders/*",
    .pattern = "^/",
    .bytes = sizeof(struct conf_rewrite),
    .read = read_rewrite,
    .write = write_rewrite};

static bool refuse_redirect(struct conf_reader *reader, struct node *node, const char *hint)
{
    conf_hint(reader, "%s", hint);
    return conf_refuse(reader, node, DIAG_E0121, "%s is not where a redirect can go",
                       node->type == NODE_MAP ? "this" : conf_show(reader, node));
}

/* Splits "host:port"; a host alone has port 0. */
static bool parse_authority(struct str text, struct str *host, int64_t *port)
{
    struct str_pair cut = str_cut_last(text, ':');
    uint64_t value = 0;
    bool is_v6_alone = text.len > 0 && text.at[text.len - 1] == ']';
    *host = is_v6_alone || !cut.is_cut ? text : cut.head;
    if (!is_v6_alone && cut.is_cut &&
        (!str_to_u64(cut.tail, &value) || value == 0 || value > UINT16_MAX)) {
        return false;
    }
    *port = (int64_t)value;
    for (size_t i = 0; i < host->len; i++) {
        unsigned char c = (unsigned char)host->at[i];
        if (c <= 0x20 || c >= 0x7f || memchr("/?#@\\\"<>{}", c, 10) != NULL) {
            return false;
        }
    }
    return host->len > 0;
}

static bool read_redirect_to(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_redirect *out = place;
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    size_t scheme = str_find_str(text, STR("://"));
    if (scheme < text.len) {
        out->scheme = str_sub(text, 0, scheme);
        text = str_skip(text, scheme + 3);
        size_t slash = str_find(text, '/');
        if (!parse_authority(str_sub(text, 0, slash), &out->host, &out->port)) {
            return refuse_redirect(reader, node, "write https://host/path");
        }
        text = str_skip(text, slash);
    }
    if (text.len > 0) {
        return parse_rewrite(reader, node, text, &out->path);
    }
    return out->scheme.len > 0 || refuse_redirect(reader, node, "write https://host/path or /path");
}

static const struct conf_grammar redirect_grammar = {.form = "an absolute URL or a path",
                                                     .example = "https://www.example.com/*",
                                                     .pattern = "^(https?://[^/ ]+(/.*)?|/.*)$",
                                                     .bytes = sizeof(struct conf_redirect),
                                                     .read = read_redirect_to};

static const struct conf_field redirect_fields[] = {
    {.name = "to",
     .type = CONF_CUSTOM,
     .grammar = &redirect_grammar,
     .offset = 0,
     .bytes = sizeof(struct conf_redirect),
     .summary = "An absolute URL or a path: scheme, host, port and path in one text."},
    {.name = "scheme",
     .type = CONF_STRING,
     CONF_IS(struct conf_redirect, scheme),
     .summary = "http or https; left out: that of the request."},
    {.name = "host",
     .type = CONF_STRING,
     CONF_IS(struct conf_redirect, host),
     .summary = "The host; left out: that of the request."},
    {.name = "port",
     .type = CONF_INT,
     CONF_IS(struct conf_redirect, port),
     .min = 1,
     .max = 65535,
     .summary = "The port; left out: the usual one of the scheme."},
    {.name = "path",
     .type = CONF_CUSTOM,
     .grammar = &conf_rewrite_grammar,
     CONF_IS(struct conf_redirect, path),
     .summary = "The path, written as in rewrite; left out: that of the request."},
    {.name = "status",
     .type = CONF_INT,
     CONF_IS(struct conf_redirect, status),
     .preset = "302",
     .min = 301,
     .max = 308,
     .summary = "301, 302, 303, 307 or 308."},
    {.name = "keep_query",
     .type = CONF_BOOL,
     CONF_IS(struct conf_redirect, keeps_query),
     .preset = "true",
     .summary = "Whether the query of the request goes with it."},
};

static bool check_redirect(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_redirect *out = place;
    struct str host;
    int64_t port = 0;
    bool is_scheme = out->scheme.len == 0 || str_eq(out->scheme, STR("http")) ||
                     str_eq(out->scheme, STR("https"));
    if (!is_scheme) {
        return refuse_redirect(reader, node, "the scheme is http or https");
    }
    if (out->host.len > 0 && (!parse_authority(out->host, &host, &port) || port != 0)) {
        return refuse_redirect(reader, node, "the host is a name, without port or path");
    }
    if (out->status > 303 && out->status < 307) {
        return refuse_redirect(reader, node, "the status is 301, 302, 303, 307 or 308");
    }
    bool is_empty = out->scheme.len == 0 && out->host.len == 0 && out->port == 0 &&
                    out->path.kind == CONF_REWRITE_NONE;
    return !is_empty || refuse_redirect(reader, node, "it would lead back to the same URL");
}

const struct conf_table conf_redirect_table = {
    .name = "redirect",
    .summary = "An answer that sends the client to another URL.",
    .fields = redirect_fields,
    .field_count = COUNT_OF(redirect_fields),
    .bytes = sizeof(struct conf_redirect),
    .pos_at = CONF_AT(struct conf_redirect, pos),
    .shorthand = &redirect_grammar,
    .check = check_redirect};

/* The field of this grammar is the whole test: a request is kept in three texts. */
static bool read_request(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_test *out = place;
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    struct str_pair cut = str_cut(text, ' ');
    out->request = text;
    out->method = cut.head;
    out->url = str_trim(cut.tail);
    bool has_scheme = str_starts(out->url, STR("http://")) || str_starts(out->url, STR("https://"));
    if (!cut.is_cut || !conf_is_token(out->method) || !has_scheme ||
        str_find(out->url, ' ') < out->url.len) {
        conf_hint(reader, "write GET https://api.example.com/orders/7");
        return conf_refuse(reader, node, DIAG_E0120, "%s is not a request",
                           conf_show(reader, node));
    }
    return true;
}

static void write_request(const void *value, struct sink *out)
{
    const struct conf_test *test = value;
    sink_add(out, test->request);
}

const struct conf_grammar conf_request_grammar = {.form = "METHOD URL",
                                                  .example = "GET https://api.example.com/orders/7",
                                                  .pattern = "^[^ ]+ https?://[^ ]+$",
                                                  .bytes = sizeof(struct conf_test),
                                                  .read = read_request,
                                                  .write = write_request};

static bool read_ip(struct conf_reader *reader, struct node *node, void *out)
{
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    if (addr_parse_ip(text, out) == OK) {
        return true;
    }
    conf_hint(reader, "write 10.0.0.1 or ::1");
    return conf_refuse(reader, node, DIAG_E0111, "%s is not an address", conf_show(reader, node));
}

static void write_ip(const void *value, struct sink *out)
{
    const struct addr *addr = value;
    if (addr->family != ADDR_NONE) {
        char text[ADDR_TEXT_BYTES_MAX];
        struct strbuf ip = strbuf_over(text, sizeof text);
        addr_add_ip(&ip, addr);
        sink_add(out, strbuf_str(&ip));
    }
}

const struct conf_grammar conf_ip_grammar = {.form = "an IP address",
                                             .example = "10.0.0.1",
                                             .pattern = "^[0-9A-Fa-f.:]+$",
                                             .bytes = sizeof(struct addr),
                                             .read = read_ip,
                                             .write = write_ip};

static bool read_port(struct conf_reader *reader, struct node *node, void *place)
{
    static const struct conf_field port_field = {.type = CONF_INT, .min = 1, .max = 65535};
    struct addr *out = place;
    int64_t port;
    if (!conf_read_scalar(reader, &port_field, CONF_INT, node, &port)) {
        return false;
    }
    *out = (struct addr){.port = (uint16_t)port};
    return true;
}

const struct conf_grammar conf_port_grammar = {.form = "a port",
                                               .example = "8080",
                                               .pattern = "^\\$\\{",
                                               .takes_int = true,
                                               .bytes = sizeof(struct addr),
                                               .read = read_port};

static bool read_log_to(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_access_log *out = place;
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    out->to = str_eq(text, STR("stdout"))   ? CONF_LOG_STDOUT
              : str_eq(text, STR("stderr")) ? CONF_LOG_STDERR
              : str_eq(text, STR("off"))    ? CONF_LOG_OFF
                                            : CONF_LOG_FILE;
    if (out->to == CONF_LOG_FILE &&
        (text.len == 0 || text.at[0] != '/' || text.at[text.len - 1] == '/')) {
        conf_hint(reader, "write stdout, stderr, off or /path/of/a/file");
        return conf_refuse(reader, node, DIAG_E0109, "%s is not where a log can go",
                           conf_show(reader, node));
    }
    out->path = out->to == CONF_LOG_FILE ? text : (struct str){0};
    return true;
}

static void write_log_to(const void *value, struct sink *out)
{
    static const char *const words[] = {"stdout", "stderr", "", "off"};
    const struct conf_access_log *log = value;
    sink_add_c(out, words[log->to]);
    sink_add(out, log->path);
}

const struct conf_grammar conf_log_to_grammar = {.form = "stdout, stderr, off or a file",
                                                 .example = "stdout",
                                                 .pattern = "^(stdout|stderr|off|/.*[^/])$",
                                                 .bytes = sizeof(struct conf_access_log),
                                                 .read = read_log_to,
                                                 .write = write_log_to};

static bool read_unix(struct conf_reader *reader, struct node *node, void *place)
{
    struct str text, *out = place;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    struct str path = str_skip(text, 5);
    if (!str_starts(text, STR("unix:")) || path.len == 0 || path.at[0] != '/' ||
        path.len > ADDR_UNIX_BYTES_MAX) {
        conf_hint(reader, "write unix:/run/sluice/admin.sock, at most 107 bytes of path");
        return conf_refuse(reader, node, DIAG_E0111, "%s is not a Unix socket",
                           conf_show(reader, node));
    }
    *out = path;
    return true;
}

static void write_unix(const void *value, struct sink *out)
{
    const struct str *path = value;
    if (path->len > 0) {
        sink_add_c(out, "unix:");
        sink_add(out, *path);
    }
}

const struct conf_grammar conf_unix_grammar = {.form = "unix:/path",
                                               .example = "unix:/run/sluice/admin.sock",
                                               .pattern = "^unix:/",
                                               .bytes = sizeof(struct str),
                                               .read = read_unix,
                                               .write = write_unix};
