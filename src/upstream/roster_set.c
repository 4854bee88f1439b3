/* roster_set.c - the instances of one cluster, and the list of them that picks go by.
 * A set is made aside and never changed; instances outlive the sets that list them: roster.h. */
#include "base/check.h"
#include "base/heap.h"
#include "upstream/roster_inner.h"

struct str roster_text_keep(struct str text)
{
    char *at = heap_new(text.len + 1);
    if (at != NULL && text.len > 0) {
        memcpy(at, text.at, text.len);
    }
    return str_of(at, at == NULL ? 0 : text.len);
}

void roster_text_free(struct str text)
{
    char *at;
    memcpy(&at, &text.at, sizeof at); /* ours, made by roster_text_keep */
    heap_free(at);
}

struct str *roster_host_new(struct str text)
{
    struct str *host = heap_new(sizeof *host + text.len);
    if (host != NULL) {
        char *at = (char *)(host + 1);
        *host = str_of(at, text.len);
        if (text.len > 0) {
            memcpy(at, text.at, text.len);
        }
    }
    return host;
}

void roster_set_free(struct roster_set *set)
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

static void origin_cells(struct roster *roster, struct origin *origin)
{
    const struct str labels[3] = {origin->cluster->service->name, origin->cluster->name,
                                  origin->endpoint.name};
    origin->cell_requests = registry_hold(roster->registry, METRIC_endpoint_requests, labels);
    origin->cell_in_flight = registry_hold(roster->registry, METRIC_endpoint_in_flight, labels);
    origin->cell_latency = registry_hold(roster->registry, METRIC_endpoint_latency, labels);
}

/* An instance that gets another name is another instance: logs and overrides go by it. */
static bool has_name(const struct origin *origin, struct str name)
{
    return name.len == 0 ? !origin->is_named
                         : origin->is_named && str_eq(origin->endpoint.name, name);
}

/* The instance that a target stands for at one of its addresses; NULL: none yet. */
static struct origin *origin_find(const struct roster_cluster *state, const struct addr *addr,
                                  const struct roster_target *target)
{
    LIST_EACH(node, &state->origins) {
        struct origin *known = CONTAINER_OF(node, struct origin, node);
        if (addr_eq(&known->endpoint.addr, addr) && has_name(known, target->name)) {
            return known;
        }
    }
    return NULL;
}

/* NULL: no memory. */
static struct origin *origin_new(struct roster_cluster *state, const struct addr *addr,
                                 const struct roster_target *target)
{
    struct roster *roster = state->roster;
    struct origin *origin = heap_new(sizeof *origin + sizeof(struct pool) * roster->core_count);
    struct str *text = roster_host_new(target->text);
    if (origin == NULL || text == NULL) {
        heap_free(origin);
        heap_free(text);
        return NULL;
    }
    char name[ADDR_TEXT_BYTES_MAX];
    struct strbuf out = strbuf_over(name, sizeof name);
    addr_add(&out, addr);
    origin->endpoint.addr = *addr;
    origin->is_named = target->name.len > 0;
    origin->endpoint.name = roster_text_keep(origin->is_named ? target->name : strbuf_str(&out));
    origin->endpoint.id = endpoint_id(origin->endpoint.name);
    atomic_init(&origin->host, text);
    origin->cluster = state->cluster;
    origin->instance.group = &state->group;
    for (uint32_t i = 0; i < roster->core_count; i++) {
        list_init(&origin->pools[i].idle);
    }
    origin_cells(roster, origin);
    list_push_back(&state->origins, &origin->node);
    return origin;
}

/* Cores read the text that is in use: it is replaced when the configuration is, and freed when all
 * of them have been told. */
static enum err stage_host(struct roster_cluster *state, struct origin *origin, struct str text)
{
    if (str_eq(*atomic_load_explicit(&origin->host, memory_order_relaxed), text)) {
        return OK;
    }
    struct roster_update *update = heap_new(sizeof *update);
    struct str *host = roster_host_new(text);
    if (update == NULL || host == NULL) {
        heap_free(update);
        heap_free(host);
        return ERR_MEMORY;
    }
    *update = (struct roster_update){
        .next = state->stage.updates, .origin = origin, .host = host};
    state->stage.updates = update;
    return OK;
}

/* How many instances a target stands for just now. */
static uint32_t address_count(const struct roster_spec *spec, uint32_t at)
{
    const struct roster_name *name = spec->names[at];
    if (spec->targets[at].addr.family != ADDR_NONE) {
        return 1;
    }
    uint32_t count = name == NULL ? 0 : name->resolver_name.addr_count;
    return spec->targets[at].is_every_address || count == 0 ? count : 1;
}

static const struct addr *address_at(const struct roster_spec *spec, uint32_t at, uint32_t index)
{
    const struct addr *fixed = &spec->targets[at].addr;
    return fixed->family != ADDR_NONE ? fixed : &spec->names[at]->resolver_name.addrs[index];
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

static bool is_local(const struct roster_spec *spec, const struct roster_target *target)
{
    return spec->zone.len > 0 && str_eq(spec->zone, target->zone);
}

/* Every instance of every target, each once; the first target that names it says its host. */
static enum err gather(struct roster_cluster *state, const struct roster_spec *spec,
                       struct roster_set *set, struct balance_set_conf *conf)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < spec->target_count; i++) {
        most += address_count(spec, i);
    }
    struct endpoint **endpoints = ARENA_ARRAY(&set->arena, most + 1, struct endpoint *);
    set->places = ARENA_ARRAY(&set->arena, most + 1, uint8_t);
    conf->endpoints = endpoints;
    if (endpoints == NULL || set->places == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < spec->target_count; i++) {
        for (uint32_t j = 0; j < address_count(spec, i); j++) {
            const struct addr *addr = address_at(spec, i, j);
            struct origin *origin = origin_find(state, addr, &spec->targets[i]);
            if (origin == NULL) {
                origin = origin_new(state, addr, &spec->targets[i]);
            }
            if (origin == NULL) {
                return ERR_MEMORY;
            }
            if (!has_endpoint(endpoints, conf->count, &origin->endpoint)) {
                TRY(stage_host(state, origin, spec->targets[i].text));
                const struct roster_target *target = &spec->targets[i];
                set->places[conf->count] =
                    level_place(target->priority, is_local(spec, target));
                endpoints[conf->count++] = &origin->endpoint;
            }
        }
    }
    return OK;
}

void roster_set_use(struct roster_cluster *state)
{
    const struct roster_spec *spec = &state->spec;
    for (uint32_t i = 0; i < spec->target_count; i++) {
        for (uint32_t j = 0; j < address_count(spec, i); j++) {
            const struct addr *addr = address_at(spec, i, j);
            struct origin *origin = origin_find(state, addr, &spec->targets[i]);
            CHECK(origin != NULL); /* roster_set_build made it */
            instance_place(origin, spec->targets[i].priority, is_local(spec, &spec->targets[i]));
            instance_list(origin, spec->targets[i].weight);
            endpoint_set_ceiling(&origin->endpoint, spec->connections_max);
        }
    }
}

/* The weights that a table is made of: by file or operator, without what is held back for a
 * while. */
static enum err weigh(const struct roster_cluster *state, const struct roster_spec *spec,
                      struct roster_set *set, struct balance_set_conf *conf)
{
    uint32_t *weights = ARENA_ARRAY(&set->arena, conf->count, uint32_t);
    if (weights == NULL) {
        return ERR_MEMORY;
    }
    conf->weights = weights;
    for (uint32_t i = 0; i < spec->target_count; i++) {
        for (uint32_t j = 0; j < address_count(spec, i); j++) {
            const struct addr *addr = address_at(spec, i, j);
            const struct origin *origin = origin_find(state, addr, &spec->targets[i]);
            uint32_t at = 0;
            while (at < conf->count && conf->endpoints[at] != &origin->endpoint) {
                at++;
            }
            const struct instance *instance = &origin->instance;
            weights[at] = instance->has_admin_weight ? instance->admin_weight
                                                     : spec->targets[i].weight;
        }
    }
    return OK;
}

static bool is_same_table(const struct balance_set *set, const struct balance_set_conf *conf)
{
    if (!set->type->is_weighed_at_init) {
        return true;
    }
    for (uint32_t i = 0; i < conf->count; i++) {
        if (set->weights[i] != conf->weights[i]) {
            return false;
        }
    }
    return set->options.bound_percent == conf->options.bound_percent &&
           set->options.table_entries == conf->options.table_entries;
}

static bool is_same_set(const struct roster_set *set, const struct roster_set *next,
                        const struct balance_set_conf *conf)
{
    if (set == NULL || set->has_slow_start != next->has_slow_start ||
        set->set.type != conf->type || set->set.count != conf->count) {
        return false;
    }
    for (uint32_t i = 0; i < conf->count; i++) {
        if (set->set.endpoints[i] != conf->endpoints[i] || set->places[i] != next->places[i]) {
            return false;
        }
    }
    return is_same_table(&set->set, conf);
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

enum err roster_set_build(struct roster_cluster *state, const struct roster_spec *spec,
                          struct roster_set *set)
{
    struct balance_set_conf conf = {.type = spec->balance, .options = spec->options};
    arena_init_heap(&set->arena, SET_ARENA_BYTES_MAX);
    TRY(gather(state, spec, set, &conf));
    if (conf.type->is_weighed_at_init) {
        TRY(weigh(state, spec, set, &conf));
    }
    conf.seed = rng_seed_from_kernel();
    set->has_slow_start = spec->life.slow_start_ms > 0;
    if (is_same_set(state->current, set, &conf)) {
        return ERR_EXISTS;
    }
    if (conf.count == 0 && spec->target_count > 0) {
        /* Names that were never resolved, or whose last good answer is still in use. */
        return ERR_NAME_UNRESOLVED;
    }
    TRY(list_removed(state->current, set, &conf));
    const struct levels_conf levels = {
        .all = &conf, .places = set->places, .has_slow_start = set->has_slow_start};
    TRY(levels_build(&set->levels, &set->arena, &levels));
    if (set->levels == NULL) {
        TRY(balance_set_init(&set->set, &set->arena, &conf));
    } else { /* its groups have tables of their own */
        set->set = (struct balance_set){
            .type = conf.type,
            .endpoints = conf.endpoints,
            .count = conf.count,
            .weights = conf.weights,
            .options = conf.options,
        };
    }
    for (uint32_t i = 0; i < conf.count; i++) {
        origin_of(conf.endpoints[i])->use_count++;
    }
    return OK;
}

void roster_origin_free(struct origin *origin)
{
    list_remove(&origin->node);
    roster_text_free(origin->endpoint.name);
    heap_free(atomic_load_explicit(&origin->host, memory_order_relaxed));
    heap_free(origin);
}

void roster_origin_retire(struct roster *roster, const struct origin *origin)
{
    registry_retire(roster->registry, METRIC_endpoint_requests, origin->cell_requests);
    registry_retire(roster->registry, METRIC_endpoint_in_flight, origin->cell_in_flight);
    if (origin->cell_ceiling != 0) {
        registry_retire(roster->registry, METRIC_endpoint_ceiling, origin->cell_ceiling);
    }
    registry_retire(roster->registry, METRIC_endpoint_latency, origin->cell_latency);
    stats_set(roster->registry->block, origin->instance.cell_state, 0);
    registry_retire(roster->registry, METRIC_endpoint_state, origin->instance.cell_state);
}
