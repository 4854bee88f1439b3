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

const struct conf_text *conf_listener_service(const struct conf_listener *listener, uint32_t n)
{
    bool is_tcp = source_pos_is_set(&listener->tcp.pos);
    return is_tcp && n == 0 ? &listener->tcp.service : NULL;
}

bool conf_is_http(const struct conf_listener *listener)
{
    return !source_pos_is_set(&listener->tcp.pos);
}
