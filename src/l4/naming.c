/* naming.c - from a ClientHello to a service; see naming.h. */
#include "l4/naming.h"

#include "base/limits.h"
#include "net/client_hello.h"
#include "net/socket.h"

/* A hello of the largest size, in records that are not much smaller than they need be. */
enum { PEEK_BYTES_MAX = LIMIT_VALUE(client_hello_bytes) * 2 };
static_assert((int)PEEK_BYTES_MAX <= (int)SCRATCH_BYTES, "it is read at once");
static_assert((int)LIMIT_VALUE_client_hello_bytes <= (int)OUT_BYTES, "it is joined there");

const struct naming_rule *naming_find(const struct tunnel_names *names, struct str name)
{
    const struct naming_rule *rule = name.len == 0 ? NULL : map_find(&names->exact, name);
    struct str_pair cut = str_cut(name, '.');
    while (rule == NULL && cut.is_cut && cut.tail.len > 0) {
        rule = map_find(&names->below, cut.tail);
        cut = str_cut(cut.tail, '.');
    }
    return rule;
}

static void keep(char *to, uint8_t *len, size_t room, struct str text)
{
    size_t kept = text.len < room ? text.len : room;
    memcpy(to, text.at, kept);
    *len = (uint8_t)kept;
}

/* The first protocol of the client that has a service of its own decides. */
static const struct tunnel_service *by_protocol(struct tunnel *tunnel,
                                                const struct naming_rule *rule, struct str alpn)
{
    struct str protocol;
    while (rule->alpn_count > 0 && client_hello_next_alpn(&alpn, &protocol)) {
        for (uint32_t i = 0; i < rule->alpn_count; i++) {
            if (!str_eq(rule->alpns[i].protocol, protocol)) {
                continue;
            }
            if (protocol.len <= TUNNEL_ALPN_BYTES) {
                keep(tunnel->alpn, &tunnel->alpn_len, TUNNEL_ALPN_BYTES, protocol);
            }
            return rule->alpns[i].service;
        }
    }
    return rule->service;
}

static void decide(struct tunnel *tunnel, const struct client_hello *hello)
{
    const struct tunnel_conf *conf = tunnel->conf;
    const struct naming_rule *rule = naming_find(conf->names, hello->name);
    const struct tunnel_service *service = conf->service;
    if (hello->name.len > 0) {
        keep(tunnel->host, &tunnel->host_len, TUNNEL_HOST_BYTES, hello->name);
    }
    if (rule != NULL) {
        service = by_protocol(tunnel, rule, hello->alpn);
    }
    if (service == NULL) {
        /* A fatal alert of TLS 1.x: the client can tell its user what is wrong. */
        size_t sent;
        enum err e = socket_send_str(tunnel->client.io.fd, STR("\x15\x03\x01\0\2\2\x70"), &sent);
        tunnel_end(tunnel, ERR_NO_NAME, e != OK);
        return;
    }
    tunnel_connect(tunnel, service);
}

void naming_run(struct tunnel *tunnel, bool has_ended)
{
    struct core *core = tunnel->core;
    struct client_hello hello;
    size_t got;
    enum err e = socket_peek(tunnel->client.io.fd, core->scratch, PEEK_BYTES_MAX, &got);
    if (e == OK) {
        e = client_hello_parse(str_of(core->scratch, got), core->out, &hello);
        /* Records so small that they fill the room without a hello. */
        e = e == ERR_AGAIN && got == PEEK_BYTES_MAX ? ERR_LIMIT : e;
    }
    if (e == OK) {
        decide(tunnel, &hello);
    } else if (e != ERR_AGAIN || has_ended) {
        tunnel_end(tunnel, e == ERR_IO ? ERR_TUNNEL_CLIENT_RESET : ERR_BAD_PREFACE, true);
    }
}
