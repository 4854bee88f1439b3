/* roster.c - services, versions and instances over all reloads; see roster.h. */
#include "upstream/roster.h"

#include "base/check.h"
#include "base/heap.h"
#include "base/limits.h"
#include "base/log.h"
#include "upstream/conn.h"

enum { SET_ARENA_BYTES_MAX = 64 << 20, NAME_TEXT_BYTES = 320 };

/* A name that is resolved for one or more targets. */
struct roster_name {
    struct resolver_name resolver_name; /* first */
    struct list node;
    struct roster *roster;
    uint32_t use_count;
};

struct roster_set {
    struct arena arena;
    struct balance_set set;
    struct origin **removed; /* listed by the set before this one, and not by this one */
    uint32_t removed_count;
};

/* What the control thread knows of a cluster. */
struct roster_cluster {
    struct list node;
    struct roster *roster;
    struct cluster *cluster;
    struct arena arena; /* of targets */
    struct roster_target *targets;
    struct roster_name **names; /* by target; NULL: an address */
    uint32_t target_count;
    const struct balance_type *balance;
    uint32_t connections_max;
    struct list origins;
    struct instance_group group; /* of them */
    struct roster_set *current;
};

void roster_init(struct roster *roster, const struct roster_conf *conf)
{
    *roster = (struct roster){.loop = conf->loop,
                              .cores = conf->cores,
                              .core_count = conf->core_count,
                              .resolver = conf->resolver,
                              .registry = conf->registry,
                              .on_change = conf->on_change,
                              .owner = conf->owner};
    list_init(&roster->services);
    list_init(&roster->clusters);
    list_init(&roster->names);
    list_init(&roster->retired);
    instance_keeper_init(&roster->keeper, conf->loop, conf->registry);
}

/* No core has it any more: an instance that no other set lists is gone from here on. */
static void set_free(struct roster_set *set)
{
    if (set != NULL) {
        for (uint32_t i = 0; i < set->set.count; i++) {
            if (--origin_of(set->set.endpoints[i])->use_count == 0) {
                instance_unlist(origin_of(set->set.endpoints[i]));
            }
        }
        arena_reset(&set->arena);
        heap_free(set);
    }
}

static struct str keep_text(struct str text)
{
    char *at = heap_new(text.len + 1);
    if (at != NULL && text.len > 0) {
        memcpy(at, text.at, text.len);
    }
    return str_of(at, at == NULL ? 0 : text.len);
}

static void free_text(struct str text)
{
    char *at;
    memcpy(&at, &text.at, sizeof at); /* ours, made by keep_text */
    heap_free(at);
}

static void service_cells(struct roster *roster, struct service *service)
{
    const struct str label[1] = {service->name};
    struct service_cells *cells = &service->cells;
    struct registry *registry = roster->registry;
    cells->received_bytes = registry_hold(registry, METRIC_origin_received_bytes, label);
    cells->sent_bytes = registry_hold(registry, METRIC_origin_sent_bytes, label);
    cells->open = registry_hold(registry, METRIC_origin_connections, label);
    cells->idle = registry_hold(registry, METRIC_origin_connections_idle, label);
    cells->connects = registry_hold(registry, METRIC_origin_connects, label);
    cells->connect_failures = registry_hold(registry, METRIC_origin_connect_failures, label);
    cells->reuses = registry_hold(registry, METRIC_origin_reuses, label);
    cells->replays = registry_hold(registry, METRIC_origin_stale_replays, label);
    cells->attempts = registry_hold(registry, METRIC_attempts, label);
    cells->retries = registry_hold(registry, METRIC_retries, label);
    cells->queue_depth = registry_hold(registry, METRIC_queue_depth, label);
    cells->queue_wait = registry_hold(registry, METRIC_queue_wait, label);
    const struct str pair[2] = {service->name, STR("")};
    cells->ttfb = registry_hold(registry, METRIC_origin_ttfb, pair);
}

struct service *roster_service(struct roster *roster, struct str name, uint32_t queue_max)
{
    struct service *service = NULL;
    LIST_EACH(node, &roster->services) {
        struct service *known = CONTAINER_OF(node, struct service, node);
        service = str_eq(known->name, name) ? known : service;
    }
    if (service == NULL) {
        service = heap_new(sizeof *service);
        if (service == NULL) {
            return NULL;
        }
        service->name = keep_text(name);
        service_cells(roster, service);
        list_push_back(&roster->services, &service->node);
    }
    atomic_store_explicit(&service->queue_max, queue_max, memory_order_relaxed);
    return service;
}

static struct roster_cluster *state_of(struct roster *roster, const struct cluster *cluster)
{
    LIST_EACH(node, &roster->clusters) {
        struct roster_cluster *state = CONTAINER_OF(node, struct roster_cluster, node);
        if (state->cluster == cluster) {
            return state;
        }
    }
    return NULL;
}

struct cluster *roster_cluster(struct roster *roster, struct service *service, struct str version)
{
    LIST_EACH(node, &roster->clusters) {
        struct roster_cluster *known = CONTAINER_OF(node, struct roster_cluster, node);
        if (known->cluster->service == service && str_eq(known->cluster->name, version)) {
            return known->cluster;
        }
    }
    struct roster_cluster *state = heap_new(sizeof *state);
    struct cluster *cluster =
        heap_new(sizeof *cluster + sizeof cluster->parts[0] * roster->core_count);
    if (state == NULL || cluster == NULL) {
        heap_free(state);
        heap_free(cluster);
        return NULL;
    }
    cluster_init(cluster, service, roster->cores, roster->core_count);
    cluster->name = keep_text(version);
    state->roster = roster;
    state->cluster = cluster;
    arena_init_heap(&state->arena, SET_ARENA_BYTES_MAX);
    list_init(&state->origins);
    instance_group_init(&state->group, &roster->keeper, cluster, &state->origins);
    list_push_back(&roster->clusters, &state->node);
    return cluster;
}

static void origin_cells(struct roster *roster, struct origin *origin)
{
    const struct str labels[3] = {origin->cluster->service->name, origin->cluster->name,
                                  origin->endpoint.name};
    origin->cell_requests = registry_hold(roster->registry, METRIC_endpoint_requests, labels);
    origin->cell_in_flight = registry_hold(roster->registry, METRIC_endpoint_in_flight, labels);
    origin->cell_latency = registry_hold(roster->registry, METRIC_endpoint_latency, labels);
}

/* The instance of this cluster at `addr`, known or new. NULL: no memory. */
static struct origin *origin_at(struct roster_cluster *state, const struct addr *addr,
                                struct str host)
{
    struct roster *roster = state->roster;
    LIST_EACH(node, &state->origins) {
        struct origin *known = CONTAINER_OF(node, struct origin, node);
        if (addr_eq(&known->endpoint.addr, addr)) {
            return known;
        }
    }
    struct origin *origin = heap_new(sizeof *origin + sizeof(struct pool) * roster->core_count);
    if (origin == NULL) {
        return NULL;
    }
    char text[ADDR_TEXT_BYTES_MAX];
    struct strbuf out = strbuf_over(text, sizeof text);
    addr_add(&out, addr);
    origin->endpoint.addr = *addr;
    origin->endpoint.name = keep_text(strbuf_str(&out));
    origin->host = keep_text(host);
    origin->cluster = state->cluster;
    origin->instance.group = &state->group;
    for (uint32_t i = 0; i < roster->core_count; i++) {
        list_init(&origin->pools[i].idle);
    }
    origin_cells(roster, origin);
    list_push_back(&state->origins, &origin->node);
    return origin;
}

static void on_name_change(struct resolver_name *resolver_name);

static struct roster_name *name_for(struct roster *roster, const struct roster_target *target)
{
    enum name_families families = target->is_every_address ? NAME_BOTH : NAME_V4_FIRST;
    LIST_EACH(node, &roster->names) {
        struct roster_name *known = CONTAINER_OF(node, struct roster_name, node);
        if (known->resolver_name.port == target->port &&
            known->resolver_name.families == families &&
            str_eq(str_from_c(known->resolver_name.host), target->host)) {
            known->use_count++;
            return known;
        }
    }
    struct roster_name *name = heap_new(sizeof *name);
    if (name == NULL) {
        return NULL;
    }
    const struct resolver_name_conf conf = {
        .host = target->host,
        .port = target->port,
        .families = families,
        .on_change = on_name_change};
    name->roster = roster;
    name->use_count = 1;
    if (resolver_name_add(roster->resolver, &name->resolver_name, &conf) != OK) {
        log_line(LOG_ERROR, "upstream", "\"%.*s\" is not a name that can be resolved",
                 STR_FMT(target->host));
        heap_free(name);
        return NULL;
    }
    list_push_back(&roster->names, &name->node);
    return name;
}

static void release_names(struct roster_cluster *state)
{
    for (uint32_t i = 0; i < state->target_count; i++) {
        struct roster_name *name = state->names[i];
        if (name != NULL && --name->use_count == 0) {
            resolver_name_remove(&name->resolver_name);
            list_remove(&name->node);
            heap_free(name);
        }
    }
}

/* How many instances a target stands for just now. */
static uint32_t address_count(const struct roster_cluster *state, uint32_t at)
{
    const struct roster_name *name = state->names[at];
    if (state->targets[at].addr.family != ADDR_NONE) {
        return 1;
    }
    uint32_t count = name == NULL ? 0 : name->resolver_name.addr_count;
    return state->targets[at].is_every_address || count == 0 ? count : 1;
}

static const struct addr *address_at(const struct roster_cluster *state, uint32_t at,
                                     uint32_t index)
{
    const struct addr *fixed = &state->targets[at].addr;
    return fixed->family != ADDR_NONE ? fixed : &state->names[at]->resolver_name.addrs[index];
}

static bool has_endpoint(struct endpoint *const *endpoints, uint32_t count,
                         const struct endpoint *wanted)
{
    for (uint32_t i = 0; i < count; i++) {
        if (endpoints[i] == wanted) {
            return true;
        }
    }
    return false;
}

/* Every instance of every target, each once. */
static enum err gather(struct roster_cluster *state, struct arena *arena,
                       struct endpoint ***endpoints, uint32_t *count)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < state->target_count; i++) {
        most += address_count(state, i);
    }
    *count = 0;
    *endpoints = ARENA_ARRAY(arena, most + 1, struct endpoint *);
    if (*endpoints == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < state->target_count; i++) {
        for (uint32_t j = 0; j < address_count(state, i); j++) {
            const struct addr *addr = address_at(state, i, j);
            struct origin *origin = origin_at(state, addr, state->targets[i].text);
            if (origin == NULL) {
                return ERR_MEMORY;
            }
            instance_list(origin, state->targets[i].weight);
            endpoint_set_ceiling(&origin->endpoint, state->connections_max);
            if (!has_endpoint(*endpoints, *count, &origin->endpoint)) {
                (*endpoints)[(*count)++] = &origin->endpoint;
            }
        }
    }
    return OK;
}

static bool is_same_set(const struct roster_set *set, const struct balance_set_conf *conf)
{
    if (set == NULL || set->set.type != conf->type || set->set.count != conf->count) {
        return false;
    }
    for (uint32_t i = 0; i < conf->count; i++) {
        if (set->set.endpoints[i] != conf->endpoints[i]) {
            return false;
        }
    }
    return true;
}

/* They serve on until every core has the new set; their idle connections go with the old one. */
static enum err list_removed(const struct roster_set *old, struct roster_set *set,
                             const struct balance_set_conf *conf)
{
    uint32_t count = old == NULL ? 0 : old->set.count;
    set->removed = ARENA_ARRAY(&set->arena, count, struct origin *);
    if (set->removed == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct endpoint *endpoint = old->set.endpoints[i];
        if (!has_endpoint(conf->endpoints, conf->count, endpoint)) {
            set->removed[set->removed_count++] = origin_of(endpoint);
        }
    }
    return OK;
}

static enum err set_build(struct roster_cluster *state, struct roster_set *set)
{
    struct balance_set_conf conf = {.type = state->balance};
    struct endpoint **endpoints;
    arena_init_heap(&set->arena, SET_ARENA_BYTES_MAX);
    TRY(gather(state, &set->arena, &endpoints, &conf.count));
    conf.endpoints = endpoints;
    conf.seed = rng_seed_from_kernel();
    if (is_same_set(state->current, &conf)) {
        return ERR_EXISTS;
    }
    if (conf.count == 0 && state->target_count > 0) {
        /* Names that were never resolved, or whose last good answer is still in use. */
        return ERR_NAME_UNRESOLVED;
    }
    TRY(list_removed(state->current, set, &conf));
    TRY(balance_set_init(&set->set, &set->arena, &conf));
    for (uint32_t i = 0; i < conf.count; i++) {
        origin_of(endpoints[i])->use_count++;
    }
    return OK;
}

/* Makes the set anew; an update is queued when it differs. */
static enum err rebuild(struct roster_cluster *state)
{
    struct roster_set *set = heap_new(sizeof *set);
    struct roster_update *update = heap_new(sizeof *update);
    enum err e = set == NULL || update == NULL ? ERR_MEMORY : set_build(state, set);
    if (e != OK) {
        if (set != NULL) {
            arena_reset(&set->arena);
        }
        heap_free(set);
        heap_free(update);
        return e == ERR_EXISTS || e == ERR_NAME_UNRESOLVED ? OK : e;
    }
    *update = (struct roster_update){.next = state->roster->updates,
                                     .cluster = state->cluster,
                                     .set = set,
                                     .old = state->current};
    state->roster->updates = update;
    state->current = set;
    return OK;
}

static bool uses_name(const struct roster_cluster *state, const struct roster_name *name)
{
    for (uint32_t i = 0; i < state->target_count; i++) {
        if (state->names[i] == name) {
            return true;
        }
    }
    return false;
}

static void on_name_change(struct resolver_name *resolver_name)
{
    struct roster_name *name = CONTAINER_OF(resolver_name, struct roster_name, resolver_name);
    struct roster *roster = name->roster;
    LIST_EACH(node, &roster->clusters) {
        struct roster_cluster *state = CONTAINER_OF(node, struct roster_cluster, node);
        if (uses_name(state, name) && rebuild(state) != OK) {
            log_line(LOG_ERROR, "upstream", "no memory for the instances of %.*s",
                     STR_FMT(state->cluster->service->name));
        }
    }
    if (roster->updates != NULL) {
        roster->on_change(roster);
    }
}

/* Copies the targets, taking the new names before the old are given up: those in both stay. */
static enum err take_targets(struct roster_cluster *state, const struct roster_cluster_conf *conf)
{
    struct roster_cluster next = *state;
    arena_init_heap(&next.arena, SET_ARENA_BYTES_MAX);
    next.target_count = conf->target_count;
    next.targets = ARENA_ARRAY(&next.arena, conf->target_count + 1u, struct roster_target);
    next.names = ARENA_ARRAY(&next.arena, conf->target_count + 1u, struct roster_name *);
    enum err e = next.targets == NULL || next.names == NULL ? ERR_MEMORY : OK;
    for (uint32_t i = 0; e == OK && i < conf->target_count; i++) {
        next.targets[i] = conf->targets[i];
        e = arena_keep(&next.arena, conf->targets[i].text, &next.targets[i].text);
        if (e == OK) {
            e = arena_keep(&next.arena, conf->targets[i].host, &next.targets[i].host);
        }
        if (e == OK && next.targets[i].addr.family == ADDR_NONE) {
            next.names[i] = name_for(state->roster, &next.targets[i]);
        }
    }
    if (e != OK) {
        next.target_count = next.names == NULL ? 0 : next.target_count;
        release_names(&next);
        arena_reset(&next.arena);
        return e;
    }
    release_names(state);
    arena_reset(&state->arena);
    state->arena = next.arena;
    state->targets = next.targets;
    state->names = next.names;
    state->target_count = next.target_count;
    return OK;
}

enum err roster_configure(struct roster *roster, struct cluster *cluster,
                          const struct roster_cluster_conf *conf)
{
    struct roster_cluster *state = state_of(roster, cluster);
    CHECK(state != NULL);
    TRY(take_targets(state, conf));
    state->balance = conf->balance;
    state->connections_max = conf->connections_max;
    return rebuild(state);
}

struct roster_update *roster_take_updates(struct roster *roster)
{
    struct roster_update *updates = roster->updates;
    roster->updates = NULL;
    return updates;
}

static void apply_one(const struct roster_update *update, struct core *core)
{
    update->cluster->parts[core->index].set = &update->set->set;
    for (uint32_t i = 0; i < update->set->removed_count; i++) {
        pool_purge(update->set->removed[i], core);
    }
}

void roster_apply(const struct roster_update *update, struct core *core)
{
    /* Newest first in the list: the oldest is applied first, so that the newest stays. */
    if (update != NULL) {
        roster_apply(update->next, core);
        apply_one(update, core);
        cluster_call_more(update->cluster, core);
    }
}

void roster_release(struct roster *roster, struct roster_update *updates)
{
    (void)roster;
    while (updates != NULL) {
        struct roster_update *next = updates->next;
        set_free(updates->old);
        heap_free(updates);
        updates = next;
    }
}

static void origin_free(struct origin *origin)
{
    list_remove(&origin->node);
    free_text(origin->endpoint.name);
    free_text(origin->host);
    heap_free(origin);
}

/* Its series stay exported, but may make room for others. */
static void origin_retire_cells(struct roster *roster, const struct origin *origin)
{
    registry_retire(roster->registry, METRIC_endpoint_requests, origin->cell_requests);
    registry_retire(roster->registry, METRIC_endpoint_in_flight, origin->cell_in_flight);
    registry_retire(roster->registry, METRIC_endpoint_latency, origin->cell_latency);
    stats_set(roster->registry->block, origin->instance.cell_state, 0);
    registry_retire(roster->registry, METRIC_endpoint_state, origin->instance.cell_state);
}

void roster_sweep(struct roster *roster)
{
    LIST_EACH(node, &roster->clusters) {
        struct roster_cluster *state = CONTAINER_OF(node, struct roster_cluster, node);
        LIST_EACH_SAFE(origin_node, &state->origins) {
            struct origin *origin = CONTAINER_OF(origin_node, struct origin, node);
            bool is_used = origin->use_count > 0 ||
                           atomic_load_explicit(&origin->open_count, memory_order_acquire) > 0 ||
                           endpoint_in_flight(&origin->endpoint) > 0;
            /* Seen twice: an exchange that ends just now may still read the name. */
            if (!is_used && origin->is_unused) {
                origin_retire_cells(roster, origin);
                origin_free(origin);
            } else {
                origin->is_unused = !is_used;
            }
        }
    }
}

const struct balance_set *roster_set_of(struct roster *roster, const struct cluster *cluster)
{
    const struct roster_cluster *state = state_of(roster, cluster);
    return state == NULL || state->current == NULL ? NULL : &state->current->set;
}

void roster_drop(struct roster *roster)
{
    if (roster->loop == NULL) {
        return; /* all zero: it was never made */
    }
    instance_keeper_drop(&roster->keeper);
    roster_release(roster, roster_take_updates(roster));
    LIST_EACH_SAFE(node, &roster->clusters) {
        struct roster_cluster *state = CONTAINER_OF(node, struct roster_cluster, node);
        release_names(state);
        set_free(state->current);
        LIST_EACH_SAFE(origin_node, &state->origins) {
            origin_free(CONTAINER_OF(origin_node, struct origin, node));
        }
        arena_reset(&state->arena);
        free_text(state->cluster->name);
        heap_free(state->cluster);
        heap_free(state);
    }
    LIST_EACH_SAFE(node, &roster->services) {
        struct service *service = CONTAINER_OF(node, struct service, node);
        free_text(service->name);
        heap_free(service);
    }
    list_init(&roster->clusters);
    list_init(&roster->services);
}
