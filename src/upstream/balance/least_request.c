/* least_request.c - the endpoint with the fewest requests for its weight: of all of them, exactly,
 * or of several drawn when there are many (draw.h). An endpoint that fails at once always has the
 * fewest requests in flight, so each failure counts as a request that is still running, for
 * PENALTY_TAU_NS on average. */
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
    *out = begin_least_of_many(&search, score_by_load);
    return *out != NULL ? BALANCE_PICKED : balance_why_none(set, ask->tried);
}

const struct balance_type balance_least_request = {
    .name = "least_request",
    .summary = "fewest requests in flight for its weight",
    .init = draw_init,
    .pick = pick,
    .score = score_at,
};
