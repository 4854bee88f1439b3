/* p2c_ewma.c - the endpoint that will answer first: expected time to first byte, times the
 * requests that it already has, for its weight. Of two drawn by weight, or of all when there are
 * few.
 *
 * The expectation is a peak-sensitive moving average: one slow answer counts at once, and fades
 * with COST_TAU_NS. It is time to first byte, so long downloads do not look slow. Failures enter
 * it as slow answers (balance_note). What nobody asks fades to COST_LOG_MIN and is tried again. */
#include "upstream/balance/draw.h"

/* The logarithm of a positive number plus 1023, exact at powers of two and straight in between:
 * never off by more than 0.09, never out of order. The exponent of a double stands above its
 * fraction, so its bits as a number are that already, but for scale. */
ALWAYS_INLINE double log2_fast(double x)
{
    return (double)(int64_t)decay_bits(x) * 0x1p-52;
}

/* log2 of cost * load / weight, brought to time 0 like every cost, and the 1023; `at` is
 * COST_LOG_MIN brought there too. */
ALWAYS_INLINE double score(const struct endpoint *endpoint, uint32_t units, double at)
{
    double cost_log = decay_load(&endpoint->load.cost_log);
    double load = (double)endpoint_in_flight(endpoint) + 1;
    return (cost_log > at ? cost_log : at) + log2_fast(load / (double)units);
}

/* In milliseconds. */
static double score_at(const struct endpoint *endpoint, int64_t now_ns)
{
    double cost_ms = (double)balance_cost_ns(endpoint, now_ns) / (double)NS_PER_MS;
    double load = (double)endpoint_in_flight(endpoint) + 1;
    return cost_ms * load * (double)ENDPOINT_WEIGHT_ONE / endpoint_weight_units(endpoint);
}

static enum balance_verdict pick(const struct balance_set *set, const struct balance_ask *ask,
                                 struct endpoint **out)
{
    const struct search search = {set, ask, COST_LOG_MIN + decay_clock(ask->now_ns, COST_TAU_NS)};
    do {
        *out =
            set->count <= SCAN_COUNT_MAX ? scan_least(&search, score) : draw_least(&search, score);
    } while (*out != NULL && !endpoint_try_begin(*out));
    return *out != NULL ? BALANCE_PICKED : balance_why_none(set, ask->tried);
}

const struct balance_type balance_p2c_ewma = {
    .name = "p2c_ewma",
    .summary = "least expected time to first byte for its requests in flight and weight",
    .init = draw_init,
    .pick = pick,
    .score = score_at,
};
