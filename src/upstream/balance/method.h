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

/* The logarithm of what a method compares, the least is best; the endpoint has a weight. */
typedef double score_fn(const struct endpoint *endpoint, double at);

static inline bool is_tried(const struct balance_tried *tried, const struct endpoint *endpoint)
{
    for (uint32_t i = 0; tried != NULL && i < tried->count; i++) {
        if (tried->at[i] == endpoint) {
            return true;
        }
    }
    return false;
}

/* Averages are compared in such steps, and are never taken for more than so many. */
enum { BALANCE_TIME_STEP_US = 20000, BALANCE_TIME_STEPS_MAX = 250 };

/* Numbers whose logarithm to the base of 2 is at hand; 0 stands for that of 0. */
enum { BALANCE_LOGS = 256 };
extern const double balance_log2[BALANCE_LOGS];

#define LOG2_FAST_ERROR 0.09
/* The logarithm of a positive number, exact at powers of two and straight in between: too small by
 * LOG2_FAST_ERROR at most, never out of order. The exponent of a double stands above its fraction,
 * so its bits as a number are that already, but for scale. */
ALWAYS_INLINE double log2_fast(double x)
{
    return (double)(int64_t)decay_bits(x) * 0x1p-52 - 1023;
}

/* The logarithm of requests in flight and one more, for the weight. */
ALWAYS_INLINE double load_log(const struct endpoint *endpoint, double weight_log)
{
    uint32_t load = endpoint_in_flight(endpoint) + 1;
    double log = LIKELY(load < BALANCE_LOGS) ? balance_log2[load] : log2_fast(load);
    return log - weight_log;
}

/* Recent failures below 1/1024 of a request are nothing. */
enum { PENALTY_FADED_LOG = 10 };

static inline double penalty_clock(int64_t now_ns)
{
    return decay_clock(now_ns, PENALTY_TAU_NS) - PENALTY_FADED_LOG;
}

/* Requests in flight for the weight, with recent failures as requests that are still running;
 * `at` is penalty_clock. */
ALWAYS_INLINE double score_by_load(const struct endpoint *endpoint, double at)
{
    double penalty_log = decay_load(&endpoint->load.penalty_log);
    double weight_log = decay_load(&endpoint->load.weight_log);
    if (LIKELY(penalty_log <= at || penalty_log == 0)) {
        return load_log(endpoint, weight_log);
    }
    double load = (double)endpoint_in_flight(endpoint) + 1;
    load += decay_exp2(penalty_log - at) * (1.0 / (1 << PENALTY_FADED_LOG));
    return log2_fast(load) - weight_log;
}

/* Can it be picked now? */
static inline bool is_eligible(const struct balance_tried *tried, const struct endpoint *endpoint)
{
    return endpoint_is_usable(endpoint) && !endpoint_is_full(endpoint) &&
           !is_tried(tried, endpoint);
}

/* The least score among those that can be picked, ties by chance; NULL: none can. Few have been
 * tried, so that is asked last; few are full, so a first look may leave that to the caller, who
 * begins an exchange there and looks again when it cannot. */
ALWAYS_INLINE struct endpoint *scan_least(const struct search *search, score_fn *score,
                                          bool skips_full)
{
    struct endpoint *const *endpoints = search->set->endpoints;
    struct endpoint *const *end = endpoints + search->set->count;
    struct endpoint *best = NULL;
    double least = HUGE_VAL;
    uint32_t tie_count = 0;
    for (; endpoints < end; endpoints++) {
        struct endpoint *endpoint = *endpoints;
        if (!endpoint_is_usable(endpoint) || (skips_full && endpoint_is_full(endpoint))) {
            continue;
        }
        double value = score(endpoint, search->at);
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

/* Begins an exchange at the best of all. NULL: none can be had. */
ALWAYS_INLINE struct endpoint *begin_least(const struct search *search, score_fn *score)
{
    struct endpoint *best = scan_least(search, score, false);
    while (best != NULL && !endpoint_try_begin(best)) {
        best = scan_least(search, score, true);
    }
    return best;
}

/* Why nothing could be picked. */
MUST_USE enum balance_verdict balance_why_none(const struct balance_set *set,
                                               const struct balance_tried *tried);
