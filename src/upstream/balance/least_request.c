/* least_request.c - the endpoint with the fewest requests for its weight, of all of them. Exact,
 * and its time grows with the number of endpoints: meant for up to a few hundred. An endpoint
 * that fails at once always has the fewest requests in flight, so each failure counts as a
 * request that is still running, for PENALTY_TAU_NS on average. */
#include "upstream/balance/method.h"

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
        *out = scan_least(&search, score_by_load);
    } while (*out != NULL && !endpoint_try_begin(*out));
    return *out != NULL ? BALANCE_PICKED : balance_why_none(set, ask->tried);
}

const struct balance_type balance_least_request = {
    .name = "least_request",
    .summary = "fewest requests in flight for its weight, all endpoints compared",
    .pick = pick,
    .score = score_at,
};
