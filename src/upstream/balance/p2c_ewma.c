/* p2c_ewma.c - the endpoint that will answer first: expected time to first byte, times the
 * requests that it already has, for its weight. Of two drawn by weight, or of all when there are
 * few.
 *
 * The expectation is a peak-sensitive moving average: one slow answer counts at once, and fades
 * with COST_TAU_NS. It is time to first byte, so long downloads do not look slow. Failures enter
 * it as slow answers (balance_note). What nobody asks fades to COST_LOG_MIN and is tried again. */
#include "upstream/balance/draw.h"

static double score(const struct endpoint *endpoint, double clock)
{
    double load = (double)endpoint_in_flight(endpoint) + 1;
    return endpoint_cost(endpoint, clock) * load / endpoint_weight(endpoint);
}

/* In milliseconds. */
static double score_at(const struct endpoint *endpoint, int64_t now_ns)
{
    double clock = decay_clock(now_ns, COST_TAU_NS);
    return score(endpoint, clock) * ENDPOINT_WEIGHT_ONE / (double)NS_PER_MS;
}

static enum balance_verdict pick(const struct balance_set *set, const struct balance_tried *tried,
                                 struct rng *rng, int64_t now_ns, struct endpoint **out)
{
    const struct ask ask = {set, tried, rng, now_ns};
    double clock = decay_clock(now_ns, COST_TAU_NS);
    do {
        *out = set->count <= SCAN_COUNT_MAX ? scan_least(&ask, score, clock)
                                            : draw_least(&ask, score, clock);
    } while (*out != NULL && !endpoint_try_begin(*out));
    return *out != NULL ? BALANCE_PICKED : balance_why_none(set, tried);
}

const struct balance_type balance_p2c_ewma = {
    .name = "p2c_ewma",
    .summary = "least expected time to first byte for its requests in flight and weight",
    .init = draw_init,
    .pick = pick,
    .score = score_at,
};
