/* roster.c - services, versions and instances over all reloads; see roster.h. */
#include "upstream/roster.h"

#include "base/check.h"
#include "base/heap.h"
#include "base/log.h"
#include "upstream/conn.h"
#include "upstream/roster_inner.h"

enum { TICK_MS = 1000 };

/* Each second: what services have had until now, for their budgets. */
static void on_tick(struct loop *loop, struct timer *timer)
{
    struct roster *roster = CONTAINER_OF(timer, struct roster, tick);
    LIST_EACH(node, &roster->services) {
        struct service *service = CONTAINER_OF(node, struct service, node);
        uint64_t requests = stats_read(service->stats, service->cells.attempts) -
                            stats_read(service->stats, service->cells.retries);
        budget_tick(&service->budget, requests, loop->now_ms);
    }
    timer_set(loop, timer, loop->now_ms + TICK_MS);
}

void roster_init(struct roster *roster, const struct roster_conf *conf)
{
    *roster = (struct roster){.loop = conf->loop,
                              .cores = conf->cores,
                              .core_count = conf->core_count,
                              .resolver = conf->resolver,
                              .fetcher = conf->fetcher,
                              .registry = conf->registry,
                              .on_change = conf->on_change,
                              .owner = conf->owner};
    list_init(&roster->services);
    list_init(&roster->clusters);
    list_init(&roster->names);
    list_init(&roster->retired);
    roster->tick.fire = on_tick;
    timer_set(roster->loop, &roster->tick, roster->loop->now_ms + TICK_MS);
    instance_keeper_init(&roster->keeper, conf->loop, conf->registry);
    roster_watch_start(roster);
}

/* The series of a service, by its name alone. */
static const struct {
    enum metric metric;
    size_t offset;
} service_series[] = {
#define SERIES(metric, cell) {METRIC_##metric, offsetof(struct service_cells, cell)}
    SERIES(origin_received_bytes, received_bytes),
    SERIES(origin_sent_bytes, sent_bytes),
    SERIES(origin_connections, open),
    SERIES(origin_connections_idle, idle),
    SERIES(origin_connects, connects),
    SERIES(origin_connect_failures, connect_failures),
    SERIES(origin_reuses, reuses),
    SERIES(origin_stale_replays, replays),
    SERIES(attempts, attempts),
    SERIES(retries, retries),
    SERIES(retries_over_budget, retries_over_budget),
    SERIES(queue_depth, queue_depth),
    SERIES(queue_wait, queue_wait),
    SERIES(fallbacks, fallbacks),
#undef SERIES
};

static uint32_t *service_cell(struct service *service, size_t at)
{
    return (uint32_t *)(void *)((char *)&service->cells + service_series[at].offset);
}

static void service_cells(struct roster *roster, struct service *service)
{
    const struct str label[1] = {service->name}, pair[2] = {service->name, STR("")};
    for (size_t i = 0; i < COUNT_OF(service_series); i++) {
        *service_cell(service, i) =
            registry_hold(roster->registry, service_series[i].metric, label);
    }
    service->cells.ttfb = registry_hold(roster->registry, METRIC_origin_ttfb, pair);
}

static void service_free(struct roster *roster, struct service *service)
{
    for (size_t i = 0; i < COUNT_OF(service_series); i++) {
        registry_retire(roster->registry, service_series[i].metric, *service_cell(service, i));
    }
    registry_retire(roster->registry, METRIC_origin_ttfb, service->cells.ttfb);
    list_remove(&service->node);
    roster_text_free(service->name);
    heap_free(service);
}

void roster_begin(struct roster *roster, uint64_t generation)
{
    roster->generation = generation;
}

void roster_forget(struct roster *roster, uint64_t oldest)
{
    roster->oldest = oldest;
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
        service->stats = roster->registry->stats;
        budget_init(&service->budget, roster->loop->now_ms);
        list_push_back(&roster->services, &service->node);
    }
    service->generation = roster->generation;
    service->queue_max_next = queue_max;
    return service;
}

static struct roster_cluster *cluster_new(struct roster *roster, struct service *service,
                                          struct str version)
{
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
    service->cluster_count++;
    state->roster = roster;
    state->cluster = cluster;
    cluster->state = state;
    list_init(&state->origins);
    instance_group_init(&state->group, &roster->keeper, cluster, &state->origins);
    list_push_back(&roster->clusters, &state->node);
    return state;
}

struct cluster *roster_cluster(struct roster *roster, struct service *service, struct str version)
{
    struct roster_cluster *state = NULL;
    LIST_EACH(node, &roster->clusters) {
        struct roster_cluster *known = CONTAINER_OF(node, struct roster_cluster, node);
        bool is_it = known->cluster->service == service && str_eq(known->cluster->name, version);
        state = is_it ? known : state;
    }
    if (state == NULL) {
        state = cluster_new(roster, service, version);
    }
    if (state == NULL) {
        return NULL;
    }
    state->generation = roster->generation;
    return state->cluster;
}

static void spec_drop(struct roster_spec *spec)
{
    roster_names_release(spec);
    arena_reset(&spec->arena);
    *spec = (struct roster_spec){0};
}

/* Copies what was said, names included: those that are in use already are not asked for again. */
static enum err spec_make(struct roster *roster, const struct roster_cluster_conf *conf,
                          struct roster_spec *spec)
{
    *spec = (struct roster_spec){.target_count = conf->target_count,
                                 .options = conf->options,
                                 .balance = conf->balance,
                                 .connections_max = conf->connections_max,
                                 .life = conf->life,
                                 .eject = conf->eject,
                                 .breaker = conf->breaker,
                                 .concurrency = conf->concurrency};
    arena_init_heap(&spec->arena, SET_ARENA_BYTES_MAX);
    spec->targets = ARENA_ARRAY(&spec->arena, conf->target_count + 1u, struct roster_target);
    spec->names = ARENA_ARRAY(&spec->arena, conf->target_count + 1u, struct roster_name *);
    if (spec->targets == NULL || spec->names == NULL) {
        return ERR_MEMORY;
    }
    TRY(arena_keep(&spec->arena, conf->zone, &spec->zone));
    for (uint32_t i = 0; i < conf->target_count; i++) {
        TRY(roster_target_keep(&spec->arena, &conf->targets[i], &spec->targets[i]));
        if (spec->targets[i].addr.family == ADDR_NONE) {
            spec->names[i] = roster_name_get(roster, &spec->targets[i]);
        }
    }
    return OK;
}

/* What spec_make was told, texts borrowed. */
static struct roster_cluster_conf conf_of(const struct roster_spec *spec)
{
    return (struct roster_cluster_conf){.targets = spec->targets,
                                        .target_count = spec->target_count,
                                        .balance = spec->balance,
                                        .options = spec->options,
                                        .connections_max = spec->connections_max,
                                        .life = spec->life,
                                        .eject = spec->eject,
                                        .zone = spec->zone};
}

/* Of updates that no core has seen: with `set` and `host` still the new ones. */
static void stage_drop(struct roster_cluster *state)
{
    struct roster_update *update = state->stage.updates;
    while (update != NULL) {
        struct roster_update *next = update->next;
        roster_set_free(update->set);
        heap_free(update->host);
        heap_free(update);
        update = next;
    }
    spec_drop(&state->stage.spec);
    if (state->stage.source != state->source) {
        discover_close(state->stage.source);
    }
    state->stage = (struct roster_stage){0};
}

/* The set that the cluster has under `spec`, when that is another one. */
static enum err stage_set(struct roster_cluster *state, const struct roster_spec *spec)
{
    struct roster_set *set = heap_new(sizeof *set);
    struct roster_update *update = heap_new(sizeof *update);
    state->stage.is_used = true;
    enum err e = set == NULL || update == NULL ? ERR_MEMORY : roster_set_build(state, spec, set);
    if (e != OK) {
        if (set != NULL) {
            arena_reset(&set->arena);
        }
        heap_free(set);
        heap_free(update);
        return e == ERR_EXISTS || e == ERR_NAME_UNRESOLVED ? OK : e;
    }
    *update = (struct roster_update){
        .next = state->stage.updates, .state = state, .cluster = state->cluster, .set = set};
    state->stage.updates = update;
    return OK;
}

/* Cannot fail: all that needs memory was made before. */
static void stage_use(struct roster_cluster *state)
{
    struct roster_update *update = state->stage.updates;
    while (update != NULL) {
        struct roster_update *next = update->next;
        if (update->set != NULL) {
            update->old = state->current;
            state->current = update->set;
            state->update_count++;
        } else {
            update->host = atomic_exchange_explicit(&update->origin->host, update->host,
                                                    memory_order_acq_rel);
        }
        update->next = state->roster->updates;
        state->roster->updates = update;
        update = next;
    }
    if (state->stage.has_spec) {
        spec_drop(&state->spec);
        state->spec = state->stage.spec;
        if (state->source != state->stage.source) {
            discover_close(state->source);
            state->source = state->stage.source;
        }
        state->spec.life.goes_by_key = state->spec.balance->keyed_by != BALANCE_BY_NOTHING;
        instance_group_configure(&state->group, &state->spec.life);
        roster_watch_conf(state);
    }
    state->stage = (struct roster_stage){0};
    roster_set_use(state);
    if (state->current != NULL) {
        instance_group_publish(&state->group, state->current->levels);
    }
}

/* The targets that a source has listed, or those in use until it has. */
static struct roster_cluster_conf listed_conf(const struct roster_cluster *state,
                                              const struct roster_cluster_conf *conf)
{
    const struct discover *source = state->stage.source;
    struct roster_cluster_conf listed = *conf;
    if (source != NULL) {
        bool has_answered = source->answers_total > 0;
        listed.targets = has_answered ? source->list.targets : state->spec.targets;
        listed.target_count = has_answered ? source->list.count : state->spec.target_count;
    }
    return listed;
}

static enum err stage_conf(struct roster_cluster *state, const struct roster_cluster_conf *conf)
{
    const struct roster_cluster_conf listed = listed_conf(state, conf);
    const struct discover *source = state->stage.source;
    TRY(spec_make(state->roster, &listed, &state->stage.spec));
    if (source != NULL && source->answers_total == 0 && state->current == NULL) {
        return OK; /* its first list makes the first set */
    }
    return stage_set(state, &state->stage.spec);
}

enum err roster_configure(struct roster *roster, struct cluster *cluster,
                          const struct roster_cluster_conf *conf)
{
    struct roster_cluster *state = cluster->state;
    CHECK(state->roster == roster);
    stage_drop(state);
    state->stage.is_used = state->stage.has_spec = true;
    enum err e = roster_follow(state, conf->discover);
    e = e == OK ? stage_conf(state, conf) : e;
    if (e != OK) {
        stage_drop(state);
    }
    return e;
}

enum err roster_relist(struct roster_cluster *state, const struct discover_list *list)
{
    struct roster_cluster_conf conf = conf_of(&state->spec);
    conf.targets = list->targets;
    conf.target_count = list->count;
    stage_drop(state);
    state->stage.is_used = state->stage.has_spec = true;
    state->stage.source = state->source;
    enum err e = spec_make(state->roster, &conf, &state->stage.spec);
    e = e == OK ? stage_set(state, &state->stage.spec) : e;
    if (e == OK) {
        stage_use(state);
    } else {
        stage_drop(state);
    }
    return e;
}

enum err roster_rebuild(struct roster_cluster *state)
{
    stage_drop(state);
    enum err e = stage_set(state, &state->spec);
    if (e == OK) {
        stage_use(state);
    } else {
        stage_drop(state);
    }
    return e;
}

struct roster_update *roster_take_updates(struct roster *roster)
{
    LIST_EACH(node, &roster->services) {
        struct service *service = CONTAINER_OF(node, struct service, node);
        atomic_store_explicit(&service->queue_max, service->queue_max_next, memory_order_relaxed);
        atomic_store_explicit(&service->codel_target_ms, service->codel_target_ms_next,
                              memory_order_relaxed);
        atomic_store_explicit(&service->codel_interval_ms, service->codel_interval_ms_next,
                              memory_order_relaxed);
    }
    LIST_EACH(node, &roster->clusters) {
        struct roster_cluster *state = CONTAINER_OF(node, struct roster_cluster, node);
        if (state->stage.is_used) {
            stage_use(state);
        }
    }
    struct roster_update *updates = roster->updates;
    roster->updates = NULL;
    return updates;
}

void roster_discard(struct roster *roster)
{
    LIST_EACH(node, &roster->services) {
        struct service *service = CONTAINER_OF(node, struct service, node);
        service->queue_max_next = atomic_load_explicit(&service->queue_max, memory_order_relaxed);
        service->codel_target_ms_next =
            atomic_load_explicit(&service->codel_target_ms, memory_order_relaxed);
        service->codel_interval_ms_next =
            atomic_load_explicit(&service->codel_interval_ms, memory_order_relaxed);
    }
    LIST_EACH(node, &roster->clusters) {
        stage_drop(CONTAINER_OF(node, struct roster_cluster, node));
    }
}

static void apply_one(const struct roster_update *update, struct core *core)
{
    update->cluster->parts[core->index].set = &update->set->set;
    update->cluster->parts[core->index].levels = update->set->levels;
    for (uint32_t i = 0; i < update->set->removed_count; i++) {
        pool_purge(update->set->removed[i], core);
    }
}

void roster_apply(const struct roster_update *update, struct core *core)
{
    /* Newest first in the list: the oldest is applied first, so that the newest stays. */
    if (update != NULL) {
        roster_apply(update->next, core);
        if (update->cluster != NULL) {
            apply_one(update, core);
            cluster_call_more(update->cluster, core);
        } else if (update->is_purge) {
            pool_purge(update->origin, core);
        }
    }
}

void roster_each(struct roster *roster, void (*each)(void *context, struct origin *origin),
                 void *context)
{
    if (roster->loop == NULL) {
        return; /* all zero: it was never made */
    }
    LIST_EACH(node, &roster->clusters) {
        struct roster_cluster *state = CONTAINER_OF(node, struct roster_cluster, node);
        LIST_EACH(origin_node, &state->origins) {
            each(context, CONTAINER_OF(origin_node, struct origin, node));
        }
    }
}

enum err roster_purge(struct roster *roster, struct origin *origin)
{
    struct roster_update *update = heap_new(sizeof *update);
    if (update == NULL) {
        return ERR_MEMORY;
    }
    *update = (struct roster_update){.next = roster->updates, .origin = origin, .is_purge = true};
    roster->updates = update;
    origin->use_count++; /* until all cores have been told */
    return OK;
}

void roster_release(struct roster *roster, struct roster_update *updates)
{
    (void)roster;
    while (updates != NULL) {
        struct roster_update *next = updates->next;
        if (updates->state != NULL) {
            updates->state->update_count--;
        }
        roster_set_free(updates->old);
        if (updates->is_purge) {
            updates->origin->use_count--;
        }
        heap_free(updates->host);
        heap_free(updates);
        updates = next;
    }
}

static void sweep_origins(struct roster_cluster *state)
{
    LIST_EACH_SAFE(node, &state->origins) {
        struct origin *origin = CONTAINER_OF(node, struct origin, node);
        bool is_used = origin->use_count > 0 ||
                       atomic_load_explicit(&origin->open_count, memory_order_acquire) > 0 ||
                       endpoint_in_flight(&origin->endpoint) > 0;
        /* Seen twice: an exchange that ends just now may still read the name. */
        if (!is_used && origin->is_unused) {
            roster_origin_retire(state->roster, origin);
            roster_origin_free(origin);
        } else {
            origin->is_unused = !is_used;
        }
    }
}

/* Nobody can reach its instances any more: they go, and the cores are told. */
static void empty(struct roster_cluster *state)
{
    const struct roster_cluster_conf none = {.balance = state->spec.balance};
    if ((state->spec.target_count > 0 || state->source != NULL) &&
        roster_configure(state->roster, state->cluster, &none) == OK) {
        stage_use(state);
    }
}

static void cluster_drop(struct roster_cluster *state)
{
    stage_drop(state);
    discover_close(state->source);
    spec_drop(&state->spec);
    roster_set_free(state->current);
    LIST_EACH_SAFE(node, &state->origins) {
        roster_origin_free(CONTAINER_OF(node, struct origin, node));
    }
    list_remove(&state->node);
    list_remove(&state->group.node);
    state->cluster->service->cluster_count--;
    roster_text_free(state->cluster->name);
    heap_free(state->cluster);
    heap_free(state);
}

/* An operator may have given an instance another weight: tables are made anew then. */
static void reweigh(struct roster_cluster *state)
{
    bool is_due = state->spec.balance != NULL && state->spec.balance->is_weighed_at_init &&
                  !state->stage.is_used;
    if (is_due && roster_rebuild(state) != OK) {
        log_line(LOG_ERROR, "upstream", "no memory for the weights of %.*s",
                 STR_FMT(state->cluster->service->name));
    }
}

/* A core that has taken over an empty set, after the last exchange that could wait in its line,
 * has also had the mail of those that were called. */
static void sweep_cluster(struct roster_cluster *state)
{
    bool is_named = state->generation >= state->roster->oldest;
    if (is_named) {
        state->is_unused = false;
        reweigh(state);
        return;
    }
    empty(state);
    bool is_used = state->update_count > 0 || state->spec.target_count > 0 ||
                   !list_is_empty(&state->origins) || cluster_has_line(state->cluster);
    if (!is_used && state->is_unused) {
        cluster_drop(state);
    } else {
        state->is_unused = !is_used;
    }
}

void roster_sweep(struct roster *roster)
{
    LIST_EACH_SAFE(node, &roster->clusters) {
        struct roster_cluster *state = CONTAINER_OF(node, struct roster_cluster, node);
        sweep_origins(state);
        sweep_cluster(state);
    }
    LIST_EACH_SAFE(node, &roster->services) {
        struct service *service = CONTAINER_OF(node, struct service, node);
        if (service->generation < roster->oldest && service->cluster_count == 0) {
            service_free(roster, service);
        }
    }
    if (roster->updates != NULL) {
        roster->on_change(roster);
    }
}

const struct balance_set *roster_set_of(struct roster *roster, const struct cluster *cluster)
{
    const struct roster_cluster *state = cluster->state;
    CHECK(state == NULL || state->roster == roster);
    return state == NULL || state->current == NULL ? NULL : &state->current->set;
}

void roster_drop(struct roster *roster)
{
    if (roster->loop == NULL) {
        return; /* all zero: it was never made */
    }
    timer_stop(&roster->tick);
    instance_keeper_drop(&roster->keeper);
    timer_stop(&roster->watch);
    roster_release(roster, roster_take_updates(roster));
    LIST_EACH_SAFE(node, &roster->clusters) {
        cluster_drop(CONTAINER_OF(node, struct roster_cluster, node));
    }
    LIST_EACH_SAFE(node, &roster->services) {
        service_free(roster, CONTAINER_OF(node, struct service, node));
    }
}
