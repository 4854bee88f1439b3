/* tunneling.c - where edge, the snapshot and l4 meet: listeners that lead to a service without
 * HTTP. See tunneling.h. */
#include "proxy/tunneling.h"

#include "base/check.h"
#include "l4/tunnel.h"

static void on_accept(struct listener *listener, int fd, const struct addr *peer)
{
    const struct listener_conf *conf = listener_conf(listener);
    tunnel_open(listener->core, conf->protocol, listener->slot, fd, peer);
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
    to->connect_ms = from->effective.connect_ms;
    to->cell_ends = registry_series(conf->registry, METRIC_tunnels, labels);
    *out = to;
    return split_init(&to->split, versions, plan->version_count, from->name);
}

enum err tunneling_compile(const struct world_conf *conf, struct snapshot *snapshot,
                           const struct conf_listener *from, struct listener_conf *to)
{
    const struct str label[1] = {from->name};
    if (!source_pos_is_set(&from->tcp.pos)) {
        return OK;
    }
    struct tunnel_conf *tunnel = ARENA_NEW(&snapshot->arena, struct tunnel_conf);
    if (tunnel == NULL) {
        return ERR_MEMORY;
    }
    *tunnel = (struct tunnel_conf){
        .listener = from->name,
        .idle_ms = from->tcp.idle_ms,
        .life_ms = from->tcp.life_ms,
        .drain_ms = conf->config->drain_timeout_ms,
        .generation = conf->number,
        .cell_open = to->cell_open,
        .cell_accepted = to->cell_accepted,
        .cell_refused = to->cell_refused,
        .cell_received_bytes = to->cell_received_bytes,
        .cell_sent_bytes = to->cell_sent_bytes,
        .cell_duration = registry_series(conf->registry, METRIC_tunnel_duration, label)};
    to->protocol = tunnel;
    to->on_accept = on_accept;
    return compile_service_for(conf, snapshot, from, from->tcp.service.text, &tunnel->service);
}
