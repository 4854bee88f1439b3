/* p2c_ewma.c - the endpoint that will answer first: expected time to first byte, times the
 * requests that it already has, for its weight. Of two drawn by weight, or of all when there are
 * few.
 *
 * The expectation is a peak-sensitive moving average: one slow answer counts at once, and fades
 * with COST_TAU_NS. It is time to first byte, so long downloads do not look slow. Failures enter
 * it as slow answers (balance_note). What nobody asks fades to COST_LOG_MIN and is tried again. */
#include "upstream/balance/draw.h"

/* log2 of cost * load / weight, brought to time 0 like every cost; `at` is COST_LOG_MIN brought
 * there too. */
ALWAYS_INLINE double score(const struct endpoint *endpoint, double at)
{
    double cost_log = decay_load(&endpoint->load.cost_log);
    double weight_log = decay_load(&endpoint->load.weight_log);
    return (cost_log > at ? cost_log : at) + load_log(endpoint, weight_log);
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
    *out = set->count <= SCAN_COUNT_MAX ? begin_least(&search, score)
                                        : begin_better_of_two(&search, score);
    return *out != NULL ? BALANCE_PICKED : balance_why_none(set, ask->tried);
}

const struct balance_type balance_p2c_ewma = {
    .name = "p2c_ewma",
    .summary = "least expected time to first byte for its requests in flight and weight",
    .init = draw_init,
    .pick = pick,
    .score = score_at,
};
