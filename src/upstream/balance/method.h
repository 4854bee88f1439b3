/* method.h - what the balancing methods share: what an endpoint costs, and a look at all of
 * them. Everything here is inline: a pick is some hundred instructions, and calls would be half
 * of them. */
#pragma once

#include "upstream/balance.h"
#include "upstream/balance/decay.h"

#define BALANCE(name) extern const struct balance_type balance_##name;
#include "upstream/balance/balance.def"
#undef BALANCE

/* log2 of 1 ms in ns: nobody is believed to be faster, so that an instance without history does not
 * look free and noise below a millisecond does not decide. */
#define COST_LOG_MIN 19.931568569324174

/* Below this many, all are looked at: it is cheap and strictly better than drawing two. */
enum { SCAN_COUNT_MAX = 8 };

typedef double score_fn(const struct endpoint *endpoint, double clock);

/* One call of balance_pick. */
struct ask {
    const struct balance_set *set;
    const struct balance_tried *tried;
    struct rng *rng;
    int64_t now_ns;
};

/* Expected time to first byte in ns at `clock` (decay_clock with COST_TAU_NS). */
static inline double endpoint_cost(const struct endpoint *endpoint, double clock)
{
    double log = decay_load(&endpoint->load.cost_log) - clock;
    return decay_exp2(log > COST_LOG_MIN ? log : COST_LOG_MIN);
}

/* Recent failures, each as one request that is still running, at `clock` (PENALTY_TAU_NS). */
static inline double endpoint_penalty(const struct endpoint *endpoint, double clock)
{
    double log = decay_load(&endpoint->load.penalty_log);
    double faded = log - clock;
    /* 10 more than it is, as decay_exp2 takes no negative; below 1/1024 it is nothing. */
    return log == 0 || faded < -10 ? 0 : decay_exp2(faded + 10) * (1.0 / 1024);
}

static inline double endpoint_weight(const struct endpoint *endpoint)
{
    return (double)atomic_load_explicit(&endpoint->load.weight_units, memory_order_relaxed);
}

/* Requests for its weight, failures counted, at `clock` (PENALTY_TAU_NS). */
static inline double endpoint_load_score(const struct endpoint *endpoint, double clock)
{
    double load = (double)endpoint_in_flight(endpoint) + endpoint_penalty(endpoint, clock);
    return (load + 1) / endpoint_weight(endpoint);
}

static inline bool is_tried(const struct balance_tried *tried, const struct endpoint *endpoint)
{
    for (uint32_t i = 0; i < tried->count; i++) {
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

/* The least score among those that can be picked, ties by chance; NULL: none can. */
static inline __attribute__((always_inline)) struct endpoint *
scan_least(const struct ask *ask, score_fn *score, double clock)
{
    struct endpoint *best = NULL;
    double least = 0;
    uint32_t tie_count = 0;
    for (uint32_t i = 0; i < ask->set->count; i++) {
        struct endpoint *endpoint = ask->set->endpoints[i];
        if (!is_eligible(ask->tried, endpoint)) {
            continue;
        }
        double value = score(endpoint, clock);
        if (best == NULL || value < least) {
            best = endpoint;
            least = value;
            tie_count = 1;
        } else if (value <= least && rng_below(ask->rng, ++tie_count) == 0) {
            best = endpoint;
        }
    }
    return best;
}

/* Why nothing could be picked. */
MUST_USE enum balance_verdict balance_why_none(const struct balance_set *set,
                                               const struct balance_tried *tried);
