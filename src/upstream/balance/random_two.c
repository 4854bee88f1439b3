/* random_two.c - two endpoints drawn by weight; the one with fewer requests for its weight wins. Of
 * few, all are compared: that costs no more and is better.
 * Time hardly grows with the number of endpoints, and the effect is close to least_request
 * (Mitzenmacher 2001). Failures count as load, as they do there. */
#include "upstream/balance/draw.h"

static double score_at(const struct endpoint *endpoint, int64_t now_ns)
{
    double clock = penalty_clock(now_ns);
    return exp2(score_by_load(endpoint, clock)) * (double)ENDPOINT_WEIGHT_ONE;
}

static enum balance_verdict pick(const struct balance_set *set, const struct balance_ask *ask,
                                 struct endpoint **out)
{
    const struct search search = {set, ask, penalty_clock(ask->now_ns)};
    *out = set->count <= SCAN_COUNT_MAX ? begin_least(&search, score_by_load)
                                        : begin_better_of_two(&search, score_by_load);
    return *out != NULL ? BALANCE_PICKED : balance_why_none(set, ask->tried);
}

const struct balance_type balance_random_two = {
    .name = "random_two",
    .summary = "the better of two drawn by weight, by requests in flight",
    .init = draw_init,
    .pick = pick,
    .score = score_at,
};
