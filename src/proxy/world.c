/* world.c - snapshots: compiled from a checked configuration, and verified before; see world.h. */
#include "proxy/world.h"

#include "base/check.h"
#include "base/heap.h"
#include "base/limits.h"
#include "proxy/affinity.h"
#include "proxy/compile.h"
#include "proxy/tunneling.h"
#include "route/router.h"

#define WORLD_ARENA_BYTES_MAX ((size_t)4 << 30)

static void conf_cells(struct listener_conf *to, struct registry *registry)
{
    const struct str label[1] = {to->name};
    to->cell_open = registry_series(registry, METRIC_client_connections, label);
    to->cell_accepted = registry_series(registry, METRIC_client_connections_accepted, label);
    to->cell_refused = registry_series(registry, METRIC_client_connections_refused, label);
    to->cell_received_bytes = registry_series(registry, METRIC_client_received_bytes, label);
    to->cell_sent_bytes = registry_series(registry, METRIC_client_sent_bytes, label);
    const struct str unrouted[4] = {to->name};
    to->cell_requests = registry_series(registry, METRIC_requests, unrouted);
}

static enum err compile_listeners(const struct world_conf *conf, struct snapshot *snapshot)
{
    const struct config *config = conf->config;
    struct listener_conf *all =
        ARENA_ARRAY(&snapshot->arena, config->listeners.count, struct listener_conf);
    snapshot->listeners =
        ARENA_ARRAY(&snapshot->arena, conf->slot_count, const struct listener_conf *);
    snapshot->listener_count = conf->slot_count;
    if (all == NULL || snapshot->listeners == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < config->listeners.count; i++) {
        CHECK(conf->slots[i] < conf->slot_count);
        compile_listener(&config->listeners.at[i], &all[i]);
        conf_cells(&all[i], conf->registry);
        TRY(tunneling_compile(conf, snapshot, &config->listeners.at[i], &all[i]));
        snapshot->listeners[conf->slots[i]] = &all[i];
    }
    return OK;
}

/* The instances of one version, for the roster. */
static enum err compile_cluster(const struct world_conf *conf, const struct conf_service *service,
                                const struct conf_version *version, struct cluster *cluster)
{
    struct arena scratch;
    arena_init_heap(&scratch, WORLD_ARENA_BYTES_MAX);
    struct roster_target *targets =
        ARENA_ARRAY(&scratch, version->targets.count + 1u, struct roster_target);
    for (uint32_t i = 0; targets != NULL && i < version->targets.count; i++) {
        targets[i] = roster_target_from(&version->targets.at[i]);
    }
    const struct roster_cluster_conf cluster_conf = {
        .targets = targets,
        .target_count = version->targets.count,
        .discover = &version->discover,
        .balance = compile_method(&service->balance),
        .options = compile_balance(&service->balance),
        .connections_max = (uint32_t)service->connections.max,
        .life = compile_life(service),
        .zone = conf->config->zone,
        .eject = compile_eject(&service->eject),
        .breaker = compile_breaker(&service->breaker),
        .concurrency = {.min = (uint32_t)service->concurrency.min,
                        .max = source_pos_is_set(&service->concurrency.pos)
                                   ? (uint32_t)service->concurrency.max
                                   : 0}};
    enum err e =
        targets == NULL ? ERR_MEMORY : roster_configure(conf->roster, cluster, &cluster_conf);
    arena_reset(&scratch);
    return e;
}

/* Service, versions and instances at run time. */
static enum err bind_service(const struct world_conf *conf, struct arena *arena,
                             const struct conf_service *from, struct plan_service *to)
{
    struct plan_version *versions;
    TRY(compile_service(arena, from, to, &versions));
    to->service = roster_service(conf->roster, from->name, (uint32_t)from->queue.size);
    if (to->service == NULL) {
        return ERR_MEMORY;
    }
    to->service->codel_target_ms_next = (uint32_t)from->queue.target_ms;
    to->service->codel_interval_ms_next = (uint32_t)from->queue.interval_ms;
    for (uint32_t i = 0; i < to->version_count; i++) {
        versions[i].cluster = roster_cluster(conf->roster, to->service, versions[i].name);
        if (versions[i].cluster == NULL) {
            return ERR_MEMORY;
        }
        TRY(compile_cluster(conf, from, &from->versions.at[i], versions[i].cluster));
    }
    return OK;
}

static enum err compile_services(const struct world_conf *conf, struct snapshot *snapshot)
{
    const struct config *config = conf->config;
    struct plan_service *services =
        ARENA_ARRAY(&snapshot->arena, config->services.count, struct plan_service);
    if (services == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < config->services.count; i++) {
        TRY(bind_service(conf, &snapshot->arena, &config->services.at[i], &services[i]));
        TRY(affinity_compile(&snapshot->arena, &config->services.at[i], conf->roster->core_count,
                             &snapshot->stickies, &services[i].sticky));
    }
    snapshot->services = services;
    return OK;
}

/* The series of what a route answers, for each listener and version. */
static enum err route_cells(const struct world_conf *conf, struct arena *arena, struct plan *plan)
{
    const struct config *config = conf->config;
    uint32_t versions = plan->to == NULL ? 0 : plan->to->version_count;
    uint32_t *cells = ARENA_ARRAY(arena, (size_t)conf->slot_count * (versions + 1), uint32_t);
    const struct str route[1] = {plan->name};
    if (cells == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < config->listeners.count; i++) {
        for (uint32_t j = 0; j <= versions; j++) {
            const struct str labels[4] = {config->listeners.at[i].name, plan->name,
                                          plan->to == NULL ? STR("") : plan->to->name,
                                          j == versions ? STR("") : plan->to->versions[j].name};
            cells[conf->slots[i] * (versions + 1) + j] =
                registry_series(conf->registry, METRIC_requests, labels);
        }
    }
    plan->cells_requests = cells;
    plan->cell_duration = registry_series(conf->registry, METRIC_request_duration, route);
    return OK;
}

/* All but the chain. */
static enum err compile_plan(const struct world_conf *conf, struct snapshot *snapshot,
                             const struct conf_route *route, struct plan *plan)
{
    const char *fault = NULL;
    plan->name = route->name;
    plan->line = route->pos.line;
    if (route->pos.source != NULL) {
        plan->file = arena_keep_c(&snapshot->arena, route->pos.source->name);
    }
    TRY(compile_action(&snapshot->arena, route, plan, &fault));
    if (route->action == CONF_TO_SERVICE) {
        plan->to = &snapshot->services[route->service - conf->config->services.at];
    }
    plan->urgency = route->urgency;
    plan->connect_ms = route->effective.timeout.connect_ms;
    plan->response_ms = route->effective.timeout.response_ms;
    plan->body_ms = route->effective.timeout.body_ms;
    plan->total_ms = route->effective.timeout.total_ms;
    retry_compile(&plan->retry, route->effective.retry, plan->total_ms);
    plan->body_bytes_max = (uint64_t)route->effective.body_limit.bytes;
    return route_cells(conf, &snapshot->arena, plan);
}

/* A plan like this one that does something else. Its chain is the same: policies ran already. */
static enum err compile_fallback(const struct world_conf *conf, struct snapshot *snapshot,
                                 const struct conf_fallback *from, struct plan *plan)
{
    const struct config *config = conf->config;
    struct plan *other = ARENA_NEW(&snapshot->arena, struct plan);
    if (other == NULL) {
        return ERR_MEMORY;
    }
    *other = *plan;
    plan->fallback = other;
    if (from->to.text.len == 0) {
        const struct conf_respond respond = {
            .status = from->status, .body = from->body, .headers = from->headers};
        other->action = PLAN_RESPOND;
        return compile_respond(&snapshot->arena, &respond, other);
    }
    for (uint32_t i = 0; i < config->services.count; i++) {
        if (str_eq(config->services.at[i].name, from->to.text)) {
            other->to = &snapshot->services[i];
        }
    }
    return route_cells(conf, &snapshot->arena, other);
}

static enum err compile_routes(const struct world_conf *conf, struct snapshot *snapshot)
{
    const struct config *config = conf->config;
    struct plan *plans = ARENA_ARRAY(&snapshot->arena, config->routes.count, struct plan);
    const struct world_policies policies = {conf->policy_types, conf->policy_count};
    struct compile_chain chain = {
        .arena = &snapshot->arena, .policies = &policies, .compiled = &snapshot->policies};
    struct route_rule *rules;
    if (plans == NULL) {
        return ERR_MEMORY;
    }
    map_init(&chain.by_conf, &snapshot->arena);
    snapshot->plans = plans;
    snapshot->plan_count = config->routes.count;
    for (uint32_t i = 0; i < config->routes.count; i++) {
        TRY(compile_plan(conf, snapshot, &config->routes.at[i], &plans[i]));
        TRY(compile_chain(&chain, &config->routes.at[i], &plans[i].chain));
        const struct conf_service *service = config->routes.at[i].service;
        if (service != NULL && source_pos_is_set(&service->fallback.pos)) {
            TRY(compile_fallback(conf, snapshot, &service->fallback, &plans[i]));
        }
    }
    TRY(compile_rules(&snapshot->arena, config, plans, &rules));
    const struct router_conf router = {
        .rules = rules, .rule_count = config->routes.count, .uri = compile_uri_rules(config)};
    return router_new(&snapshot->arena, &router, &snapshot->router);
}

static_assert((int)URGENCY_HIGH == CONF_URGENCY_HIGH && (int)URGENCY_LOW == CONF_URGENCY_LOW,
              "the words of the file are in the order of the lines");

enum err world_compile(const struct world_conf *conf, struct snapshot **out)
{
    struct snapshot *snapshot = heap_new(sizeof *snapshot);
    if (snapshot == NULL) {
        return ERR_MEMORY;
    }
    arena_init_heap(&snapshot->arena, WORLD_ARENA_BYTES_MAX);
    snapshot->number = conf->number;
    snapshot->hash = config_hash(conf->config);
    registry_begin(conf->registry, conf->number);
    roster_begin(conf->roster, conf->number);
    enum err e = compile_services(conf, snapshot);
    e = e == OK ? compile_listeners(conf, snapshot) : e;
    e = e == OK ? compile_routes(conf, snapshot) : e;
    if (e != OK) {
        world_free(snapshot);
        return e;
    }
    snapshot->config = conf->config;
    *out = snapshot;
    return OK;
}

void world_free(struct snapshot *snapshot)
{
    if (snapshot == NULL) {
        return;
    }
    router_drop(snapshot->router);
    compile_drop_policies(&snapshot->policies);
    affinity_drop(snapshot->stickies);
    arena_reset(&snapshot->arena);
    if (snapshot->config != NULL) {
        config_free(snapshot->config);
    }
    heap_free(snapshot);
}
