/* least_time.c - the least average time to first byte, times the requests that it already has, for
 * its weight. The average moves by a twentieth with each answer, so single slow answers count for
 * little: that is p2c_ewma's business. Times are compared in steps of
 * BALANCE_TIME_STEP_US, so that noise
 * moves no traffic; between equals load decides. What nobody asks is halved every FORGET_NS and so
 * is tried again. Failures count as slow answers (balance_note). */
#include "upstream/balance/draw.h"

#define FORGET_NS (10 * NS_PER_SEC)

/* The logarithm of time * load / weight; `at` is the time in ns. */
ALWAYS_INLINE double score(const struct endpoint *endpoint, double at)
{
    const struct endpoint_load *load = &endpoint->load;
    uint32_t bits = atomic_load_explicit(&load->time_log, memory_order_relaxed);
    int64_t last_ns = atomic_load_explicit(&load->cost_at_ns, memory_order_relaxed);
    double weight_log = decay_load(&load->weight_log);
    float time_log;
    memcpy(&time_log, &bits, sizeof time_log);
    double time = (double)time_log;
    if (UNLIKELY((int64_t)at - last_ns >= FORGET_NS)) {
        time -= (double)(((int64_t)at - last_ns) / FORGET_NS); /* a power of two for each */
        time = time > 0 ? time : 0;
    }
    return time + load_log(endpoint, weight_log);
}

/* In milliseconds. */
static double score_at(const struct endpoint *endpoint, int64_t now_ns)
{
    double step_ms = (double)BALANCE_TIME_STEP_US / 1000;
    return exp2(score(endpoint, (double)now_ns)) * step_ms * (double)ENDPOINT_WEIGHT_ONE;
}

static enum balance_verdict pick(const struct balance_set *set, const struct balance_ask *ask,
                                 struct endpoint **out)
{
    const struct search search = {set, ask, (double)ask->now_ns};
    *out = begin_least_of_many(&search, score);
    return *out != NULL ? BALANCE_PICKED : balance_why_none(set, ask->tried);
}

/* From now on averages are kept: other methods do not pay for them. */
static enum err init(struct balance_set *set, struct arena *arena, uint64_t seed)
{
    for (uint32_t i = 0; i < set->count; i++) {
        atomic_store_explicit(&set->endpoints[i]->keeps_average, true, memory_order_relaxed);
    }
    return draw_init(set, arena, seed);
}

const struct balance_type balance_least_time = {
    .name = "least_time",
    .summary = "least average time to first byte for its requests in flight and weight",
    .init = init,
    .pick = pick,
    .score = score_at,
};
