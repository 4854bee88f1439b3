/* levels.c - priorities with spill-over, zones, and the share of those that warm up; see levels.h.
 * Nothing here reads a clock or allocates after levels_build. */
#include "upstream/levels.h"

#include "base/check.h"
#include "upstream/balance/method.h"
#include "upstream/origin.h"

/* A level is asked for 1.4 times what its usable instances are of it, so that it spills over only
 * when that is less than 71 %. */
enum { OVERPROVISION_PERCENT = 140 };

/* Endpoints of one place, in their order. */
static enum err fill_group(struct level_group *group, struct arena *arena,
                           const struct levels_conf *conf, uint32_t place)
{
    struct endpoint **endpoints = ARENA_ARRAY(arena, conf->all->count, struct endpoint *);
    uint32_t *weights = ARENA_ARRAY(arena, conf->all->count, uint32_t);
    struct balance_set_conf own = *conf->all;
    own.endpoints = endpoints;
    own.weights = conf->all->weights == NULL ? NULL : weights;
    own.count = 0;
    if (endpoints == NULL || weights == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < conf->all->count; i++) {
        if (conf->places[i] == place) {
            weights[own.count] = conf->all->weights == NULL ? 1 : conf->all->weights[i];
            endpoints[own.count++] = conf->all->endpoints[i];
        }
    }
    group->priority = place / 2;
    group->is_local = place % 2 == 0;
    group->warm = ARENA_ARRAY(arena, own.count, struct level_warm);
    return group->warm == NULL ? ERR_MEMORY : balance_set_init(&group->set, arena, &own);
}

static bool is_taken(const struct levels_conf *conf, uint32_t place)
{
    for (uint32_t i = 0; i < conf->all->count; i++) {
        if (conf->places[i] == place) {
            return true;
        }
    }
    return false;
}

enum err levels_build(struct levels **out, struct arena *arena, const struct levels_conf *conf)
{
    uint32_t places[LEVEL_GROUPS_MAX], count = 0;
    *out = NULL;
    for (uint32_t place = 0; place < LEVEL_GROUPS_MAX; place++) {
        if (is_taken(conf, place)) {
            places[count++] = place;
        }
    }
    if (count == 0 || (count == 1 && !conf->has_slow_start)) {
        return OK;
    }
    struct levels *levels = ARENA_NEW(arena, struct levels);
    if (levels == NULL) {
        return ERR_MEMORY;
    }
    levels->groups = ARENA_ARRAY(arena, count, struct level_group);
    if (levels->groups == NULL) {
        return ERR_MEMORY;
    }
    levels->group_count = count;
    for (uint32_t i = 0; i < count; i++) {
        TRY(fill_group(&levels->groups[i], arena, conf, places[i]));
        atomic_init(&levels->upto[i], LEVELS_ONE);
    }
    *out = levels;
    return OK;
}

/* By the key, when there is one: a client stays in its group while shares stay. Not the bits that
 * the method goes by (Steele and others 2014, a finaliser of SplitMix). */
static uint32_t draw_word(const struct balance_ask *ask)
{
    uint64_t word = ask->hash ^ ask->hash >> 32;
    word *= UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)((ask->has_hash ? word : rng_next(ask->rng)) >> 32);
}

static double load_of(const struct endpoint *endpoint, double in_flight)
{
    uint64_t state = atomic_load_explicit(&endpoint->load.state, memory_order_relaxed);
    uint32_t units = (uint32_t)state;
    return in_flight / (units > 0 ? units : 1);
}

/* Whether one that warms up may be asked now, in spite of its bar. */
static bool can_warm(const struct endpoint *endpoint, const struct balance_tried *tried)
{
    return endpoint_is_warming(endpoint) && !endpoint_is_full(endpoint) &&
           (tried == NULL || !is_tried(tried, endpoint));
}

/* The turn of one that warms up comes as often as its share says. It may hold no more in flight,
 * for its weight of just now, than any other one: when it is slow, its share shrinks. */
static struct endpoint *take_warm(const struct level_group *group, const struct balance_ask *ask,
                                  uint32_t count)
{
    uint32_t drawn = (uint32_t)(rng_next(ask->rng) >> 32);
    const struct endpoint *other = group->set.endpoints[rng_below(ask->rng, group->set.count)];
    for (uint32_t i = 0; i < count; i++) {
        if (drawn >= atomic_load_explicit(&group->warm[i].upto, memory_order_relaxed)) {
            continue;
        }
        struct endpoint *warm =
            atomic_load_explicit(&group->warm[i].endpoint, memory_order_relaxed);
        uint32_t in_flight = endpoint_in_flight(warm);
        bool is_behind =
            in_flight == 0 || load_of(warm, in_flight) <= load_of(other, endpoint_in_flight(other));
        return can_warm(warm, ask->tried) && is_behind && endpoint_try_begin(warm) ? warm : NULL;
    }
    return NULL;
}

/* Nobody else can be had: then one that warms up, the least busy. */
static enum balance_verdict warm_only(const struct level_group *group,
                                      const struct balance_ask *ask, struct endpoint **out)
{
    uint32_t count = atomic_load_explicit(&group->warm_count, memory_order_relaxed);
    struct endpoint *best = NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct endpoint *warm =
            atomic_load_explicit(&group->warm[i].endpoint, memory_order_relaxed);
        bool is_better =
            best == NULL || load_of(warm, endpoint_in_flight(warm)) <
                                load_of(best, endpoint_in_flight(best));
        best = can_warm(warm, ask->tried) && is_better ? warm : best;
    }
    if (best == NULL || !endpoint_try_begin(best)) {
        return BALANCE_NONE;
    }
    *out = best;
    return BALANCE_PICKED;
}

static enum balance_verdict group_pick(const struct level_group *group,
                                       const struct balance_ask *ask, struct endpoint **out)
{
    uint32_t count = atomic_load_explicit(&group->warm_count, memory_order_relaxed);
    if (LIKELY(count == 0)) {
        return balance_pick(&group->set, ask, out);
    }
    *out = take_warm(group, ask, count);
    if (*out != NULL) {
        return BALANCE_PICKED;
    }
    enum balance_verdict verdict = balance_pick(&group->set, ask, out);
    bool is_lone = verdict == BALANCE_NONE || verdict == BALANCE_TRIED;
    return is_lone && warm_only(group, ask, out) == BALANCE_PICKED ? BALANCE_PICKED : verdict;
}

static uint32_t draw_group(const struct levels *levels, const struct balance_ask *ask)
{
    uint32_t drawn = draw_word(ask) >> 16, i = 0;
    while (i + 1 < levels->group_count &&
           drawn >= atomic_load_explicit(&levels->upto[i], memory_order_relaxed)) {
        i++;
    }
    return i;
}

enum balance_verdict levels_pick(const struct levels *levels, const struct balance_set *all,
                                 const struct balance_ask *ask, struct endpoint **out)
{
    *out = ask->bound == NULL ? NULL : balance_pick_bound(all, ask);
    if (*out != NULL) {
        return BALANCE_PICKED;
    }
    uint32_t first = levels->group_count == 1 ? 0 : draw_group(levels, ask);
    uint32_t priority = levels->groups[first].priority;
    enum balance_verdict verdict = group_pick(&levels->groups[first], ask, out);
    bool is_full = verdict == BALANCE_FULL;
    /* What is full is waited for, not passed on to other priorities: they may be far away. */
    for (uint32_t i = 0; i < levels->group_count && verdict != BALANCE_PICKED; i++) {
        bool is_near = levels->groups[i].priority == priority;
        if (i == first || (is_full && !is_near)) {
            continue;
        }
        enum balance_verdict next = group_pick(&levels->groups[i], ask, out);
        is_full |= next == BALANCE_FULL;
        verdict = next == BALANCE_PICKED || verdict == BALANCE_NONE ? next : verdict;
    }
    return verdict != BALANCE_PICKED && is_full ? BALANCE_FULL : verdict;
}

/* Of LEVELS_ONE. */
static uint64_t health_of(const struct level_sum *sum)
{
    uint64_t total = sum->total[0] + sum->total[1], usable = sum->usable[0] + sum->usable[1];
    uint64_t health =
        total == 0 ? 0 : usable * LEVELS_ONE / total * OVERPROVISION_PERCENT / 100;
    return health < LEVELS_ONE ? health : LEVELS_ONE;
}

/* Those that an operator has taken out are not in doubt. */
static bool is_doubtful(const struct level_sum *sum, int64_t panic_percent)
{
    uint64_t usable = sum->usable[0] + sum->usable[1];
    return sum->doubtful > 0 &&
           usable * 100 < (uint64_t)panic_percent * (usable + sum->doubtful);
}

struct level_plan levels_plan(const struct level_sum *sums, uint32_t count, int64_t panic_percent)
{
    struct level_plan plan = {0};
    uint64_t healths[LEVEL_GROUPS_MAX / 2], norm = 0;
    CHECK(count <= COUNT_OF(healths));
    for (uint32_t i = 0; i < count; i++) {
        healths[i] = health_of(&sums[i]);
        norm += healths[i];
    }
    norm = norm < LEVELS_ONE ? norm : LEVELS_ONE;
    uint64_t left = LEVELS_ONE;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t share = norm == 0 ? 0 : healths[i] * LEVELS_ONE / norm;
        share = share < left ? share : left;
        plan.shares[i] = (uint32_t)share;
        left -= share;
        if (norm < LEVELS_ONE && is_doubtful(&sums[i], panic_percent)) {
            plan.panic |= 1u << i;
        }
    }
    /* Nobody at all, or what rounding left: the first level that may be used. */
    for (uint32_t i = 0; i < count && left > 0; i++) {
        if (plan.shares[i] > 0 || (norm == 0 && (plan.panic >> i & 1) != 0)) {
            plan.shares[i] += (uint32_t)left;
            left = 0;
        }
    }
    return plan;
}

uint32_t levels_local_share(const struct level_sum *sum)
{
    if (sum->usable[1] == 0) {
        /* None here, or all in doubt: as they are. */
        uint64_t total = sum->total[0] + sum->total[1];
        return sum->usable[0] > 0 || total == 0 ? 0
                                                : (uint32_t)(sum->total[1] * LEVELS_ONE / total);
    }
    uint64_t share = sum->usable[1] * LEVELS_ONE / sum->total[1] * OVERPROVISION_PERCENT / 100;
    return sum->usable[0] == 0 || share > LEVELS_ONE ? LEVELS_ONE : (uint32_t)share;
}

void levels_set(struct levels *levels, const struct level_plan *plan, const struct level_sum *sums)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < levels->group_count; i++) {
        const struct level_group *group = &levels->groups[i];
        uint64_t share = plan->shares[group->priority];
        uint64_t local = share * levels_local_share(&sums[group->priority]) / LEVELS_ONE;
        sum += (uint32_t)(group->is_local ? local : share - local);
        atomic_store_explicit(&levels->upto[i], sum, memory_order_relaxed);
    }
}
