/* random_two.c - two endpoints drawn by weight; the one with fewer requests for its weight wins.
 * Time hardly grows with the number of endpoints, and the effect is close to least_request
 * (Mitzenmacher 2001). Failures count as load, as they do there. */
#include "upstream/balance/draw.h"

static double score_at(const struct endpoint *endpoint, int64_t now_ns)
{
    double clock = decay_clock(now_ns, PENALTY_TAU_NS);
    double score = score_by_load(endpoint, endpoint_weight_units(endpoint), clock);
    return score * (double)ENDPOINT_WEIGHT_ONE;
}

static enum balance_verdict pick(const struct balance_set *set, const struct balance_ask *ask,
                                 struct endpoint **out)
{
    const struct search search = {set, ask, decay_clock(ask->now_ns, PENALTY_TAU_NS)};
    do {
        *out = draw_least(&search, score_by_load);
    } while (*out != NULL && !endpoint_try_begin(*out));
    return *out != NULL ? BALANCE_PICKED : balance_why_none(set, ask->tried);
}

const struct balance_type balance_random_two = {
    .name = "random_two",
    .summary = "the better of two drawn by weight, by requests in flight",
    .init = draw_init,
    .pick = pick,
    .score = score_at,
};
