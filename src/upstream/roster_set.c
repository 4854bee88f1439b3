/* roster_set.c - the instances of one cluster, and the list of them that picks go by.
 * A set is made aside and never changed; instances outlive the sets that list them: roster.h. */
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

/* The instance of this cluster at `addr`, known or new. NULL: no memory. */
static struct origin *origin_at(struct roster_cluster *state, const struct addr *addr,
                                const struct roster_target *target)
{
    struct roster *roster = state->roster;
    LIST_EACH(node, &state->origins) {
        struct origin *known = CONTAINER_OF(node, struct origin, node);
        if (addr_eq(&known->endpoint.addr, addr) && has_name(known, target->name)) {
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
    origin->is_named = target->name.len > 0;
    origin->endpoint.name = roster_text_keep(origin->is_named ? target->name : strbuf_str(&out));
    origin->host = roster_text_keep(target->text);
    origin->cluster = state->cluster;
    origin->instance.group = &state->group;
    for (uint32_t i = 0; i < roster->core_count; i++) {
        list_init(&origin->pools[i].idle);
    }
    origin_cells(roster, origin);
    list_push_back(&state->origins, &origin->node);
    return origin;
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
            struct origin *origin = origin_at(state, addr, &state->targets[i]);
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

enum err roster_set_build(struct roster_cluster *state, struct roster_set *set)
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

void roster_origin_free(struct origin *origin)
{
    list_remove(&origin->node);
    roster_text_free(origin->endpoint.name);
    roster_text_free(origin->host);
    heap_free(origin);
}

void roster_origin_retire(struct roster *roster, const struct origin *origin)
{
    registry_retire(roster->registry, METRIC_endpoint_requests, origin->cell_requests);
    registry_retire(roster->registry, METRIC_endpoint_in_flight, origin->cell_in_flight);
    registry_retire(roster->registry, METRIC_endpoint_latency, origin->cell_latency);
    stats_set(roster->registry->block, origin->instance.cell_state, 0);
    registry_retire(roster->registry, METRIC_endpoint_state, origin->instance.cell_state);
}
