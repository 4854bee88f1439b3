/* table_discover.c - the key `discover`: who knows the instances of a service.
 * One text says kind, server and key, as a URL does, so that the short form is enough for most; the
 * long form adds how often, tokens, and what an empty list means. */
#include "config/internals.h"

static bool refuse(struct conf_reader *reader, struct node *node, const char *why)
{
    conf_hint(reader, "srv://NAME, file:/PATH, http://HOST/PATH, consul://HOST:8500/SERVICE or "
                      "etcd://HOST:2379/PREFIX");
    return conf_refuse(reader, node, DIAG_E0145, "%s: %s", conf_show(reader, node), why);
}

/* "consul" and "etcd", the latter two also over TLS, with what follows "://". */
static bool cut_registry(struct str text, struct str scheme, struct str *server, bool *is_tls)
{
    *is_tls = false;
    if (!str_starts(text, scheme)) {
        return false;
    }
    *server = str_skip(text, scheme.len);
    if (str_starts(*server, STR("+https"))) {
        *is_tls = true;
        *server = str_skip(*server, 6);
    }
    if (!str_starts(*server, STR("://"))) {
        return false;
    }
    *server = str_skip(*server, 3);
    return true;
}

static bool read_registry(struct conf_reader *reader, struct node *node, struct str rest,
                          bool is_tls, struct conf_discover *out)
{
    size_t slash = str_find(rest, '/');
    struct str server = str_sub(rest, 0, slash);
    /* Keys of etcd usually start with a slash: there the path is the prefix as it stands. */
    out->key = str_skip(rest, out->kind == CONF_DISCOVER_ETCD ? slash : slash + 1);
    if (server.len == 0) {
        return refuse(reader, node, "the server is missing");
    }
    if (out->key.len == 0 || str_eq(out->key, STR("/"))) {
        return refuse(reader, node,
                      out->kind == CONF_DISCOVER_CONSUL ? "the name of the service is missing"
                                                        : "the prefix of its keys is missing");
    }
    out->url = arena_fmt(reader->arena, "http%s://%.*s", is_tls ? "s" : "", STR_FMT(server));
    return out->url.at != NULL || conf_refuse(reader, node, DIAG_E0014, "out of memory");
}

static bool has_blank(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] <= ' ' || text.at[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool read_from(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_discover *out = place;
    struct str text, rest;
    bool is_tls;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    out->from = text;
    out->pos = node->pos;
    if (has_blank(text)) {
        return refuse(reader, node, "it has a space or a control character");
    }
    if (str_starts(text, STR("srv://"))) {
        out->kind = CONF_DISCOVER_SRV;
        out->url = str_skip(text, 6);
        return (out->url.len > 0 && str_find(out->url, '/') == out->url.len &&
                str_find(out->url, ':') == out->url.len) ||
               refuse(reader, node, "SRV records have a name alone, they bring the port");
    }
    if (str_starts(text, STR("file:"))) {
        out->kind = CONF_DISCOVER_FILE;
        out->url = str_skip(text, str_starts(text, STR("file:///")) ? 7 : 5);
        return str_starts(out->url, STR("/")) || refuse(reader, node, "the path starts with /");
    }
    if (str_starts(text, STR("http://")) || str_starts(text, STR("https://"))) {
        out->kind = CONF_DISCOVER_HTTP;
        out->url = text;
        return true;
    }
    if (cut_registry(text, STR("consul"), &rest, &is_tls)) {
        out->kind = CONF_DISCOVER_CONSUL;
        return read_registry(reader, node, rest, is_tls, out);
    }
    if (cut_registry(text, STR("etcd"), &rest, &is_tls)) {
        out->kind = CONF_DISCOVER_ETCD;
        return read_registry(reader, node, rest, is_tls, out);
    }
    return refuse(reader, node, "this is no place that lists instances");
}

static void write_from(const void *value, struct sink *out)
{
    const struct conf_discover *discover = value;
    sink_add(out, discover->from);
}

static const struct conf_grammar discover_grammar = {
    .form = "srv://NAME, file:/PATH, http(s)://HOST/PATH, consul://HOST:PORT/SERVICE or "
            "etcd://HOST:PORT/PREFIX",
    .example = "srv://_http._tcp.orders.internal",
    .pattern = "^(srv://|file:/|https?://|(consul|etcd)(\\+https)?://)[^ ]+$",
    .bytes = sizeof(struct conf_discover),
    .read = read_from,
    .write = write_from};

static const char *const empty_names[] = {"keep", "believe", NULL};

static const struct conf_field discover_fields[] = {
    {.name = "from",
     .type = CONF_CUSTOM,
     .grammar = &discover_grammar,
     .offset = 0,
     .bytes = sizeof(struct conf_discover),
     .flags = CONF_REQUIRED,
     .summary =
         "Who lists the instances: SRV records, a watched file, an HTTP resource with such a "
         "list, the Consul catalogue (healthy instances only), or the keys of etcd that "
         "start with the path, each with a target as its value."},
    {.name = "every",
     .type = CONF_DURATION,
     CONF_IS(struct conf_discover, every_ms),
     .preset = "5s",
     .min = 100,
     .max = 86400000,
     .summary = "How often an HTTP resource is asked, and how soon after a failure any source is "
                "asked again at the latest. SRV records go by their TTL, files are looked at twice "
                "a second, Consul and etcd tell of changes at once."},
    {.name = "empty",
     .type = CONF_ENUM,
     CONF_IS(struct conf_discover, empty),
     .preset = "keep",
     .names = empty_names,
     .summary = "What an empty list means: keep the instances known before, or believe it and "
                "answer 503. Failures of the source always keep them."},
    {.name = "token",
     .type = CONF_STRING,
     CONF_IS(struct conf_discover, token),
     .flags = CONF_SECRET | CONF_NOT_EMPTY | CONF_FIELD_VALUE,
     .summary = "Sent as a bearer token (RFC 6750), to Consul as X-Consul-Token."},
    {.name = "tag",
     .type = CONF_STRING,
     CONF_IS(struct conf_discover, tag),
     .flags = CONF_NOT_EMPTY,
     .summary = "Consul: only instances with this tag."},
    {.name = "datacenter",
     .type = CONF_STRING,
     CONF_IS(struct conf_discover, datacenter),
     .flags = CONF_NOT_EMPTY,
     .summary = "Consul: the datacenter that is asked."},
};

static bool check_discover(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_discover *discover = place;
    bool is_consul = discover->kind == CONF_DISCOVER_CONSUL;
    if (!is_consul && (discover->tag.len > 0 || discover->datacenter.len > 0)) {
        return conf_refuse(reader, node, DIAG_E0145, "tag and datacenter are for consul://");
    }
    return true;
}

const struct conf_table conf_discover_table = {
    .name = "discover",
    .summary = "Who knows the instances of a service, when they are not in the file.",
    .fields = discover_fields,
    .field_count = COUNT_OF(discover_fields),
    .bytes = sizeof(struct conf_discover),
    .pos_at = CONF_AT(struct conf_discover, pos),
    .shorthand = &discover_grammar,
    .check = check_discover};
