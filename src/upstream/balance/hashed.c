/* hashed.c - picks by key: the table first, then a walk that the key decides; see hashed.h. */
#include "upstream/balance/hashed.h"

/* How old the sum of live weights may get; the loads are always those of the instant. */
#define SUM_AGE_NS (100 * NS_PER_MS)

/* One pick: what an endpoint may have at most is worked out once, and only when it matters. */
struct walk {
    const struct balance_set *set;
    const struct balance_ask *ask;
    uint64_t hash;
    double room; /* of one unit of weight, in exchanges; 0: not yet known */
};

enum err hashed_init(struct balance_set *set, struct arena *arena)
{
    set->table = ARENA_NEW(arena, struct balance_table);
    if (set->table == NULL) {
        return ERR_MEMORY;
    }
    atomic_init(&set->table->summed_ns, INT64_MIN);
    return OK;
}

static uint64_t units_of_all(const struct balance_set *set, int64_t now_ns)
{
    struct balance_table *table = set->table;
    int64_t last_ns = atomic_load_explicit(&table->summed_ns, memory_order_relaxed);
    bool is_due = last_ns == INT64_MIN || now_ns - last_ns >= SUM_AGE_NS;
    if (is_due &&
        atomic_compare_exchange_strong_explicit(&table->summed_ns, &last_ns, now_ns,
                                                memory_order_relaxed, memory_order_relaxed)) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < set->count; i++) {
            sum += endpoint_weight_units(set->endpoints[i]);
        }
        atomic_store_explicit(&table->units_total, sum, memory_order_relaxed);
    }
    return atomic_load_explicit(&table->units_total, memory_order_relaxed);
}

static uint32_t in_flight_of_all(const struct balance_set *set, const struct balance_ask *ask)
{
    if (ask->has_in_flight) {
        return ask->in_flight;
    }
    uint32_t sum = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        sum += endpoint_in_flight(set->endpoints[i]);
    }
    return sum;
}

/* The most that an endpoint of that weight may have in flight, this exchange included. */
static uint32_t most_for(struct walk *walk, uint32_t units)
{
    uint32_t percent = walk->set->options.bound_percent;
    if (percent == 0) {
        return UINT32_MAX;
    }
    if (walk->room == 0) {
        uint64_t total = units_of_all(walk->set, walk->ask->now_ns);
        double all = (double)in_flight_of_all(walk->set, walk->ask) + 1;
        walk->room = all * percent / (100.0 * (double)(total > 0 ? total : 1));
    }
    /* Rounded up, but not for what arithmetic added to a whole number. */
    double most = ceil(walk->room * units - 1e-9);
    return most < 1 ? 1 : most < (double)UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

/* Whether this key is among those that an endpoint keeps whose weight is cut for a while. */
static bool is_within_share(const struct walk *walk, uint32_t index, uint32_t units)
{
    uint64_t whole = (uint64_t)hashed_weight(walk->set, index) * ENDPOINT_WEIGHT_ONE;
    if (LIKELY(units >= whole)) {
        return true;
    }
    uint64_t place = hashed_mix(walk->hash ^ walk->set->endpoints[index]->id) >> 32;
    return place * whole < (uint64_t)units << 32;
}

/* Begins an exchange there, if it can be had within the bound. */
static bool take(struct walk *walk, uint32_t index)
{
    struct endpoint *endpoint = walk->set->endpoints[index];
    uint32_t units = endpoint_weight_units(endpoint);
    if (units == 0 || endpoint_is_full(endpoint) || is_tried(walk->ask->tried, endpoint) ||
        !is_within_share(walk, index, units)) {
        return false;
    }
    /* One is always allowed. */
    uint32_t most = endpoint_in_flight(endpoint) == 0 ? 1 : most_for(walk, units);
    return endpoint_try_begin_below(endpoint, most);
}

/* The walk met none in all its steps, because few can be had: of those, the one that the key ranks
 * first (rendezvous hashing), within its bound or, when all are over it, the least loaded. */
static struct endpoint *pick_of_few(struct walk *walk)
{
    struct endpoint *best = NULL;
    uint64_t most = 0;
    for (uint32_t i = 0; i < walk->set->count; i++) {
        struct endpoint *endpoint = walk->set->endpoints[i];
        uint32_t units = endpoint_weight_units(endpoint);
        uint64_t rank = hashed_mix(walk->hash ^ endpoint->id);
        if ((best == NULL || rank > most) && is_eligible(walk->ask->tried, endpoint) &&
            endpoint_in_flight(endpoint) < most_for(walk, units)) {
            best = endpoint;
            most = rank;
        }
    }
    const struct search search = {walk->set, walk->ask, penalty_clock(walk->ask->now_ns)};
    return best != NULL && endpoint_try_begin(best) ? best : begin_least(&search, score_by_load);
}

enum balance_verdict hashed_pick(const struct balance_set *set, const struct balance_ask *ask,
                                 hashed_lookup *lookup, struct endpoint **out)
{
    struct walk walk = {set, ask, ask->has_hash ? ask->hash : rng_next(ask->rng), 0};
    uint64_t step = walk.hash;
    for (int i = 0; i < HASHED_PROBES_MAX && set->table->entry_count > 0; i++) {
        uint32_t index = lookup(set->table, step);
        if (LIKELY(take(&walk, index))) {
            *out = set->endpoints[index];
            return BALANCE_PICKED;
        }
        step = hashed_mix(step + UINT64_C(0x9e3779b97f4a7c15));
    }
    *out = pick_of_few(&walk);
    return *out != NULL ? BALANCE_PICKED : balance_why_none(set, ask->tried);
}
