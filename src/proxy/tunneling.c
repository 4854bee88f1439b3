/* tunneling.c - where edge, the snapshot and l4 meet: listeners that lead to a service without
 * HTTP. See tunneling.h. */
#include "proxy/tunneling.h"

#include "base/check.h"
#include "l4/naming.h"
#include "net/proxy_protocol.h"

static void on_accept(struct listener *listener, int fd, const struct caller *caller)
{
    const struct listener_conf *conf = listener_conf(listener);
    const struct tunnel_caller from = {caller->peer, caller->to, listener->slot};
    tunnel_open(listener->core, conf->protocol, fd, &from);
}

/* What is named there was checked when the file was read. */
static uint32_t service_index(const struct config *config, struct str name)
{
    uint32_t at = 0;
    while (at < config->services.count && !str_eq(config->services.at[at].name, name)) {
        at++;
    }
    CHECK(at < config->services.count);
    return at;
}

/* One service as tunnels want it: clusters by weight. */
static enum err compile_service_for(const struct world_conf *conf, struct snapshot *snapshot,
                                    const struct conf_listener *listener, struct str name,
                                    const struct tunnel_service **out)
{
    static const uint8_t versions_of_proxy[] = {[CONF_SEND_PROXY_OFF] = PROXY_NONE,
                                                [CONF_SEND_PROXY_V1] = PROXY_V1,
                                                [CONF_SEND_PROXY_V2] = PROXY_V2};
    uint32_t index = service_index(conf->config, name);
    const struct conf_service *from = &conf->config->services.at[index];
    const struct plan_service *plan = &snapshot->services[index];
    struct tunnel_service *to = ARENA_NEW(&snapshot->arena, struct tunnel_service);
    struct split_version *versions =
        ARENA_ARRAY(&snapshot->arena, plan->version_count, struct split_version);
    const struct str labels[2] = {listener->name, from->name};
    if (to == NULL || versions == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < plan->version_count; i++) {
        versions[i] = (struct split_version){.name = plan->versions[i].name,
                                             .weight = (uint32_t)from->versions.at[i].weight,
                                             .value = plan->versions[i].cluster};
    }
    to->service = plan->service;
    to->send_proxy = versions_of_proxy[from->send_proxy];
    to->connect_ms = from->effective.connect_ms;
    to->cell_ends = registry_series(conf->registry, METRIC_tunnels, labels);
    *out = to;
    return split_init(&to->split, versions, plan->version_count, from->name);
}

/* Services are compiled once for each place that names them. */
struct naming {
    const struct world_conf *conf;
    struct snapshot *snapshot;
    const struct conf_listener *listener;
};

static enum err add_service(const struct naming *naming, const struct conf_text *name,
                            const struct tunnel_service **out)
{
    return compile_service_for(naming->conf, naming->snapshot, naming->listener, name->text, out);
}

static enum err compile_rule(const struct naming *naming, const struct conf_tls_name *from,
                             struct naming_rule *to)
{
    struct naming_alpn *alpns =
        ARENA_ARRAY(&naming->snapshot->arena, from->alpn.count, struct naming_alpn);
    if (alpns == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < from->alpn.count; i++) {
        alpns[i].protocol = from->alpn.at[i].name;
        TRY(add_service(naming, &from->alpn.at[i].service, &alpns[i].service));
    }
    to->alpns = alpns;
    to->alpn_count = from->alpn.count;
    return add_service(naming, &from->service, &to->service);
}

static enum err compile_names(const struct naming *naming, struct tunnel_conf *tunnel)
{
    struct arena *arena = &naming->snapshot->arena;
    const struct conf_passthrough *from = &naming->listener->passthrough;
    struct tunnel_names *names = ARENA_NEW(arena, struct tunnel_names);
    struct naming_rule *rules = ARENA_ARRAY(arena, from->names.count, struct naming_rule);
    if (names == NULL || rules == NULL) {
        return ERR_MEMORY;
    }
    map_init(&names->exact, arena);
    map_init(&names->below, arena);
    for (uint32_t i = 0; i < from->names.count; i++) {
        struct str name = from->names.at[i].name;
        bool is_below = str_starts(name, STR("*."));
        TRY(compile_rule(naming, &from->names.at[i], &rules[i]));
        TRY(map_add(is_below ? &names->below : &names->exact,
                    is_below ? str_skip(name, 2) : name, &rules[i]));
    }
    tunnel->names = names;
    return from->other.text.len == 0 ? OK : add_service(naming, &from->other, &tunnel->service);
}

enum err tunneling_compile(const struct world_conf *conf, struct snapshot *snapshot,
                           const struct conf_listener *from, struct listener_conf *to)
{
    const struct naming naming = {conf, snapshot, from};
    bool is_tls = source_pos_is_set(&from->passthrough.pos);
    const struct str labels[2] = {from->name};
    if (!is_tls && !source_pos_is_set(&from->tcp.pos)) {
        return OK;
    }
    struct tunnel_conf *tunnel = ARENA_NEW(&snapshot->arena, struct tunnel_conf);
    if (tunnel == NULL) {
        return ERR_MEMORY;
    }
    *tunnel = (struct tunnel_conf){
        .listener = from->name,
        .idle_ms = is_tls ? from->passthrough.idle_ms : from->tcp.idle_ms,
        .life_ms = is_tls ? from->passthrough.life_ms : from->tcp.life_ms,
        .drain_ms = conf->config->drain_timeout_ms,
        .generation = conf->number,
        .cell_open = to->cell_open,
        .cell_accepted = to->cell_accepted,
        .cell_refused = to->cell_refused,
        .cell_received_bytes = to->cell_received_bytes,
        .cell_sent_bytes = to->cell_sent_bytes,
        .cell_ends = registry_series(conf->registry, METRIC_tunnels, labels),
        .cell_duration = registry_series(conf->registry, METRIC_tunnel_duration, labels)};
    to->protocol = tunnel;
    to->on_accept = on_accept;
    return is_tls ? compile_names(&naming, tunnel)
                  : add_service(&naming, &from->tcp.service, &tunnel->service);
}
