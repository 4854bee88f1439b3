/* roster.c - services, versions and instances over all reloads; see roster.h. */
#include "upstream/roster.h"

#include "base/check.h"
#include "base/heap.h"
#include "upstream/conn.h"
#include "upstream/roster_inner.h"

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
        service->name = roster_text_keep(name);
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
    cluster->name = roster_text_keep(version);
    state->roster = roster;
    state->cluster = cluster;
    arena_init_heap(&state->arena, SET_ARENA_BYTES_MAX);
    list_init(&state->origins);
    instance_group_init(&state->group, &roster->keeper, cluster, &state->origins);
    list_push_back(&roster->clusters, &state->node);
    return cluster;
}

enum err roster_rebuild(struct roster_cluster *state)
{
    struct roster_set *set = heap_new(sizeof *set);
    struct roster_update *update = heap_new(sizeof *update);
    enum err e = set == NULL || update == NULL ? ERR_MEMORY : roster_set_build(state, set);
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

static enum err keep_target(struct arena *arena, const struct roster_target *from,
                            struct roster_target *to)
{
    *to = *from;
    TRY(arena_keep(arena, from->text, &to->text));
    TRY(arena_keep(arena, from->host, &to->host));
    TRY(arena_keep(arena, from->zone, &to->zone));
    return arena_keep(arena, from->name, &to->name);
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
        e = keep_target(&next.arena, &conf->targets[i], &next.targets[i]);
        if (e == OK && next.targets[i].addr.family == ADDR_NONE) {
            next.names[i] = roster_name_get(state->roster, &next.targets[i]);
        }
    }
    if (e != OK) {
        next.target_count = next.names == NULL ? 0 : next.target_count;
        roster_names_release(&next);
        arena_reset(&next.arena);
        return e;
    }
    roster_names_release(state);
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
    return roster_rebuild(state);
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
        roster_set_free(updates->old);
        heap_free(updates);
        updates = next;
    }
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
                roster_origin_retire(roster, origin);
                roster_origin_free(origin);
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
        roster_names_release(state);
        roster_set_free(state->current);
        LIST_EACH_SAFE(origin_node, &state->origins) {
            roster_origin_free(CONTAINER_OF(origin_node, struct origin, node));
        }
        arena_reset(&state->arena);
        roster_text_free(state->cluster->name);
        heap_free(state->cluster);
        heap_free(state);
    }
    LIST_EACH_SAFE(node, &roster->services) {
        struct service *service = CONTAINER_OF(node, struct service, node);
        roster_text_free(service->name);
        heap_free(service);
    }
    list_init(&roster->clusters);
    list_init(&roster->services);
}
