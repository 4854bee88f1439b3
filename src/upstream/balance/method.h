/* method.h - what the balancing methods share: what an endpoint costs, and a look at all of
 * them. Everything here is inline: a pick is some hundred instructions, and calls would be half
 * of them. */
#pragma once

#include "upstream/balance.h"
#include "upstream/balance/decay.h"

#include <math.h>

#define BALANCE(name) extern const struct balance_type balance_##name;
#include "upstream/balance/balance.def"
#undef BALANCE

/* Below this many, all are looked at: it is cheap and strictly better than drawing two. */
enum { SCAN_COUNT_MAX = 8 };

/* One call of balance_pick. `at` is what the method's score wants to know of the time. */
struct search {
    const struct balance_set *set;
    const struct balance_ask *ask;
    double at;
};

/* What a method compares, the least is best; `units` is the weight and above 0. */
typedef double score_fn(const struct endpoint *endpoint, uint32_t units, double at);

/* Requests in flight for the weight, with recent failures as requests that are still running;
 * `at` is decay_clock with PENALTY_TAU_NS. */
ALWAYS_INLINE double score_by_load(const struct endpoint *endpoint, uint32_t units, double at)
{
    double load = (double)endpoint_in_flight(endpoint) + 1;
    double penalty_log = decay_load(&endpoint->load.penalty_log);
    if (UNLIKELY(penalty_log > at - 10 && penalty_log != 0)) { /* below 1/1024 it is nothing */
        load += decay_exp2(penalty_log - at + 10) * (1.0 / 1024);
    }
    return load / (double)units;
}

static inline bool is_tried(const struct balance_tried *tried, const struct endpoint *endpoint)
{
    for (uint32_t i = 0; tried != NULL && i < tried->count; i++) {
        if (tried->at[i] == endpoint) {
            return true;
        }
    }
    return false;
}

/* Can it be picked now? */
static inline bool is_eligible(const struct balance_tried *tried, const struct endpoint *endpoint)
{
    return endpoint_is_usable(endpoint) && !endpoint_is_full(endpoint) &&
           !is_tried(tried, endpoint);
}

/* The least score among those that can be picked, ties by chance; NULL: none can. Few have been
 * tried, so that is asked last. */
ALWAYS_INLINE struct endpoint *scan_least(const struct search *search, score_fn *score)
{
    struct endpoint *const *endpoints = search->set->endpoints;
    struct endpoint *const *end = endpoints + search->set->count;
    struct endpoint *best = NULL;
    double least = HUGE_VAL;
    uint32_t tie_count = 0;
    for (; endpoints < end; endpoints++) {
        struct endpoint *endpoint = *endpoints;
        uint32_t units = endpoint_weight_units(endpoint);
        if (units == 0 || endpoint_is_full(endpoint)) {
            continue;
        }
        double value = score(endpoint, units, search->at);
        if (value > least || is_tried(search->ask->tried, endpoint)) {
            continue;
        }
        tie_count = value < least ? 1 : tie_count + 1;
        least = value;
        if (tie_count == 1 || rng_below(search->ask->rng, tie_count) == 0) {
            best = endpoint;
        }
    }
    return best;
}

/* Why nothing could be picked. */
MUST_USE enum balance_verdict balance_why_none(const struct balance_set *set,
                                               const struct balance_tried *tried);
