/* table_l4.c - the keys of listeners whose connections are not HTTP; see conf_l4.h.
 * The short form is the name of the service: `pg: { port: 5432, tcp: postgres }`. */
#include "base/limits.h"
#include "config/internals.h"

enum { DAY_MS = 24 * 3600 * 1000, MONTH_MS = 24 * DAY_MS };

#define SERVICE(owner)                                                                             \
    {                                                                                              \
        .name = "service", .type = CONF_TEXT, CONF_IS(owner, service),                             \
        .flags = CONF_REQUIRED | CONF_NOT_EMPTY,                                                   \
        .summary = "The service, by name, or one target as host:port."                             \
    }
#define TIMES(owner)                                                                               \
    {.name = "idle",                                                                               \
     .type = CONF_DURATION,                                                                        \
     CONF_IS(owner, idle_ms),                                                                      \
     .preset = "1h",                                                                               \
     .max = MONTH_MS,                                                                              \
     .summary = "Time without a byte in either direction, after which it ends; 0s: no limit."},    \
        {.name = "life",                                                                           \
         .type = CONF_DURATION,                                                                    \
         CONF_IS(owner, life_ms),                                                                  \
         .preset = "0s",                                                                           \
         .max = MONTH_MS,                                                                          \
         .summary = "Time after which it ends in any case; 0s: no limit."}

static const struct conf_field tcp_fields[] = {SERVICE(struct conf_tcp), TIMES(struct conf_tcp)};
static_assert(LIMIT_VALUE_tunnel_idle_ms == 3600000 && LIMIT_VALUE_tunnel_life_ms == 0,
              "the presets above are those of limits.def");

static bool read_tcp(struct conf_reader *reader, struct node *node, void *out)
{
    return conf_read_field(reader, &tcp_fields[0], node, out);
}

static const struct conf_grammar tcp_grammar = {.form = "a service or a target",
                                                .example = "postgres",
                                                .pattern = "^[^ ]+$",
                                                .bytes = sizeof(struct conf_tcp),
                                                .read = read_tcp};
const struct conf_table conf_tcp_table = {
    .name = "tcp",
    .summary = "Connections that are passed on to a service as they are, whatever they carry.",
    .fields = tcp_fields,
    .field_count = COUNT_OF(tcp_fields),
    .bytes = sizeof(struct conf_tcp),
    .pos_at = CONF_AT(struct conf_tcp, pos),
    .shorthand = &tcp_grammar};

static const struct conf_field alpn_fields[] = {SERVICE(struct conf_tls_alpn)};

static bool read_alpn(struct conf_reader *reader, struct node *node, void *out)
{
    return conf_read_field(reader, &alpn_fields[0], node, out);
}

static const struct conf_grammar alpn_grammar = {.form = "a service or a target",
                                                 .example = "grpc",
                                                 .pattern = "^[^ ]+$",
                                                 .bytes = sizeof(struct conf_tls_alpn),
                                                 .read = read_alpn};

static bool check_alpn(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_tls_alpn *out = place;
    if (out->name.len == 0 || out->name.len > 255) {
        return conf_refuse(reader, node, DIAG_E0104, "a protocol has 1 to 255 bytes");
    }
    return true;
}

static const struct conf_table alpn_table = {
    .name = "tls alpn",
    .summary = "The service of clients that offer this protocol.",
    .fields = alpn_fields,
    .field_count = COUNT_OF(alpn_fields),
    .bytes = sizeof(struct conf_tls_alpn),
    .name_at = CONF_AT(struct conf_tls_alpn, name),
    .pos_at = CONF_AT(struct conf_tls_alpn, pos),
    .check = check_alpn,
    .shorthand = &alpn_grammar};

static const struct conf_field tls_name_fields[] = {
    SERVICE(struct conf_tls_name),
    {.name = "alpn",
     .type = CONF_MAP,
     .table = &alpn_table,
     CONF_IS(struct conf_tls_name, alpn),
     .summary = "Other services by protocol: that of the first one that the client offers."},
};

static bool read_tls_name(struct conf_reader *reader, struct node *node, void *out)
{
    return conf_read_field(reader, &tls_name_fields[0], node, out);
}

/* Lower case labels, and perhaps a star for those in front. */
static bool check_tls_name(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_tls_name *out = place;
    struct str name = str_starts(out->name, STR("*.")) ? str_skip(out->name, 2) : out->name;
    bool is_right = name.len > 0 && name.len <= 253;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        is_right = is_right && ((c >= 'a' && c <= 'z') || char_is_digit(c) || c == '-' ||
                                c == '_' || (c == '.' && i > 0 && name.at[i - 1] != '.'));
    }
    if (!is_right || str_ends(name, STR("."))) {
        conf_hint(reader, "write api.example.com or *.example.com, in lower case");
        return conf_refuse(reader, node, DIAG_E0117, "\"%.*s\" is not a server name",
                           STR_FMT(str_sub(out->name, 0, 80)));
    }
    return true;
}

static const struct conf_grammar tls_name_grammar = {.form = "a service or a target",
                                                     .example = "api",
                                                     .pattern = "^[^ ]+$",
                                                     .bytes = sizeof(struct conf_tls_name),
                                                     .read = read_tls_name};

static const struct conf_table tls_name_table = {
    .name = "tls name",
    .summary = "The service of one server name, or of all below one: *.example.com.",
    .fields = tls_name_fields,
    .field_count = COUNT_OF(tls_name_fields),
    .bytes = sizeof(struct conf_tls_name),
    .name_at = CONF_AT(struct conf_tls_name, name),
    .pos_at = CONF_AT(struct conf_tls_name, pos),
    .check = check_tls_name,
    .shorthand = &tls_name_grammar};

static const struct conf_field passthrough_fields[] = {
    {.name = "names",
     .type = CONF_MAP,
     .table = &tls_name_table,
     CONF_IS(struct conf_passthrough, names),
     .summary = "Services by the server name that the client asks for (SNI)."},
    {.name = "default",
     .type = CONF_TEXT,
     CONF_IS(struct conf_passthrough, other),
     .flags = CONF_NOT_EMPTY,
     .summary = "The service of other names and of clients that ask for none; left out: refused."},
    TIMES(struct conf_passthrough)};

static bool check_passthrough(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_passthrough *out = place;
    if (out->names.count == 0 && out->other.text.len == 0) {
        return conf_refuse(reader, node, DIAG_E0108, "names or default is missing");
    }
    return true;
}

const struct conf_table conf_passthrough_table = {
    .name = "tls passthrough",
    .summary = "TLS that is passed on unopened, to the service of its server name.",
    .fields = passthrough_fields,
    .field_count = COUNT_OF(passthrough_fields),
    .bytes = sizeof(struct conf_passthrough),
    .check = check_passthrough,
    .pos_at = CONF_AT(struct conf_passthrough, pos)};

static const struct conf_field proxy_protocol_fields[] = {
    {.name = "from",
     .type = CONF_LIST,
     .item = CONF_PREFIX,
     CONF_IS(struct conf_proxy_protocol, from),
     .flags = CONF_REQUIRED | CONF_NOT_EMPTY,
     .summary = "Peers whose connections begin with a header, version 1 or 2; it must be there."},
    {.name = "required",
     .type = CONF_BOOL,
     CONF_IS(struct conf_proxy_protocol, is_required),
     .preset = "false",
     .summary = "Whether connections of other peers are refused."}};

const struct conf_table conf_proxy_protocol_table = {
    .name = "proxy protocol",
    .summary = "Balancers in front that tell whose connection it is.",
    .fields = proxy_protocol_fields,
    .field_count = COUNT_OF(proxy_protocol_fields),
    .bytes = sizeof(struct conf_proxy_protocol),
    .pos_at = CONF_AT(struct conf_proxy_protocol, pos)};

/* The n-th of a passthrough: the default, then those of each name. */
static const struct conf_text *passthrough_service(const struct conf_passthrough *from, uint32_t n)
{
    if (n == 0) {
        return &from->other;
    }
    n--;
    for (uint32_t i = 0; i < from->names.count; i++) {
        const struct conf_tls_name *name = &from->names.at[i];
        if (n == 0) {
            return &name->service;
        }
        if (n - 1 < name->alpn.count) {
            return &name->alpn.at[n - 1].service;
        }
        n -= name->alpn.count + 1;
    }
    return NULL;
}

const struct conf_text *conf_listener_service(const struct conf_listener *listener, uint32_t n)
{
    if (source_pos_is_set(&listener->passthrough.pos)) {
        return passthrough_service(&listener->passthrough, n);
    }
    return source_pos_is_set(&listener->tcp.pos) && n == 0 ? &listener->tcp.service : NULL;
}

bool conf_is_http(const struct conf_listener *listener)
{
    return !source_pos_is_set(&listener->tcp.pos) &&
           !source_pos_is_set(&listener->passthrough.pos);
}
