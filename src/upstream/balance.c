/* balance.c - one face for the methods in balance/, and what they learn from; see balance.h.
 * Notes are taken once for each attempt, picks look at many endpoints: all that costs time (powers,
 * logarithms) is done here, so that a pick finds numbers that only have to be compared. */
#include "upstream/balance.h"

#include "base/check.h"
#include "upstream/balance/method.h"

#include <math.h>

#define NEWS_SPAN_NS (10 * NS_PER_MS)
#define FAILURE_NS ((double)(5 * NS_PER_SEC))
#define RETRY_AFTER_NS_MAX ((double)(300 * NS_PER_SEC))

const struct balance_type *const balance_types[BALANCE_COUNT] = {
#define BALANCE(name) &balance_##name,
#include "upstream/balance/balance.def"
#undef BALANCE
};

const struct balance_type *balance_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(balance_types); i++) {
        if (str_eq(name, str_from_c(balance_types[i]->name))) {
            return balance_types[i];
        }
    }
    return NULL;
}

enum err balance_set_init(struct balance_set *set, struct arena *arena,
                          const struct balance_set_conf *conf)
{
    *set = (struct balance_set){
        .type = conf->type,
        .endpoints = conf->endpoints,
        .count = conf->count,
        .weights = conf->weights,
        .options = conf->options,
    };
    return conf->type->init == NULL ? OK : conf->type->init(set, arena, conf->seed);
}

struct endpoint *balance_pick_bound(const struct balance_set *set, const struct balance_ask *ask)
{
    for (uint32_t i = 0; i < set->count; i++) {
        struct endpoint *endpoint = set->endpoints[i];
        if (endpoint == ask->bound) {
            bool may_go = endpoint_takes_bound(endpoint) && !is_tried(ask->tried, endpoint);
            return may_go && endpoint_try_begin(endpoint) ? endpoint : NULL;
        }
    }
    return NULL;
}

enum balance_verdict balance_pick(const struct balance_set *set, const struct balance_ask *ask,
                                  struct endpoint **out)
{
    *out = NULL;
    if (set->count == 0) {
        return BALANCE_NONE;
    }
    if (UNLIKELY(ask->bound != NULL)) {
        *out = balance_pick_bound(set, ask);
        if (*out != NULL) {
            return BALANCE_PICKED;
        }
    }
    return set->type->pick(set, ask, out);
}

enum balance_verdict balance_why_none(const struct balance_set *set,
                                      const struct balance_tried *tried)
{
    enum balance_verdict verdict = BALANCE_NONE;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct endpoint *endpoint = set->endpoints[i];
        if (!endpoint_is_usable(endpoint)) {
            continue;
        }
        if (!is_tried(tried, endpoint)) {
            return BALANCE_FULL; /* or just freed by another core: whoever queues looks again */
        }
        verdict = BALANCE_TRIED;
    }
    return verdict;
}

/* What the attempt counts for: failures are slow whatever time they took. */
static double effective_ns(const struct balance_sample *sample)
{
    double ttfb_ns = sample->ttfb_ns > 0 ? (double)sample->ttfb_ns : 0;
    double retry_ns = (double)sample->retry_after_ms * (double)NS_PER_MS;
    switch (sample->outcome) {
    case BALANCE_OVERLOADED:
        retry_ns = fmin(fmax(retry_ns, FAILURE_NS), RETRY_AFTER_NS_MAX);
        return fmax(retry_ns, ttfb_ns);
    case BALANCE_FAILED: return fmax(FAILURE_NS, ttfb_ns);
    case BALANCE_ANSWERED:
    case BALANCE_UNKNOWN: break;
    }
    return ttfb_ns;
}

/* The span since the last sample, each one given to exactly one caller. */
static double take_span_ns(struct endpoint_load *load, int64_t now_ns)
{
    int64_t last_ns = atomic_exchange_explicit(&load->cost_at_ns, now_ns, memory_order_relaxed);
    return last_ns < now_ns ? (double)(now_ns - last_ns) : 0;
}

/* Whether an answer changes what is expected by more than a thousandth: it is slower, or enough has
 * faded since the last one that counted. Else the line that all cores share stays unwritten, and
 * the span goes to the next. */
static bool is_news(const struct endpoint_load *load, double ns, int64_t now_ns)
{
    int64_t last_ns = atomic_load_explicit(&load->cost_at_ns, memory_order_relaxed);
    double log = decay_load(&load->cost_log) - decay_clock(now_ns, COST_TAU_NS);
    log = log > COST_LOG_MIN ? log : COST_LOG_MIN; /* nothing below is told apart */
    bool is_slower = log2_fast(ns) + LOG2_FAST_ERROR >= log;
    return is_slower || now_ns - last_ns >= NEWS_SPAN_NS || now_ns < last_ns;
}

/* Peak EWMA: a slower answer is the new expectation at once; a faster one counts for as much of it
 * as has faded since the last sample. */
static void note_cost(struct endpoint_load *load, double ns, int64_t now_ns)
{
    double clock = decay_clock(now_ns, COST_TAU_NS);
    if (!is_news(load, ns, now_ns)) {
        return;
    }
    double fresh_share = -expm1(-take_span_ns(load, now_ns) / COST_TAU_NS);
    uint64_t before = atomic_load_explicit(&load->cost_log, memory_order_relaxed);
    uint64_t after;
    do {
        double log;
        memcpy(&log, &before, sizeof log);
        double faded_ns = exp2(fmax(log - clock, 0));
        double cost_ns = fmax(ns, faded_ns + ns * fresh_share);
        after = decay_bits(fmax(log2(cost_ns), 0) + clock);
    } while (!atomic_compare_exchange_weak_explicit(&load->cost_log, &before, after,
                                                    memory_order_relaxed, memory_order_relaxed));
}

/* An average that moves by a twentieth with each answer; the first is taken as it is. */
static void note_average(struct endpoint_load *load, double ns)
{
    uint32_t before = atomic_load_explicit(&load->average_us, memory_order_relaxed), after;
    double us = fmin(ns / 1000, UINT32_MAX - 1.0) + 1; /* 0 is no history */
    do {
        after = (uint32_t)(before == 0 ? us : before + (us - before) / 20);
    } while (!atomic_compare_exchange_weak_explicit(&load->average_us, &before, after,
                                                    memory_order_relaxed, memory_order_relaxed));
    uint32_t steps = after / BALANCE_TIME_STEP_US + 1;
    static_assert((int)BALANCE_TIME_STEPS_MAX < (int)BALANCE_LOGS, "the table has them all");
    float log =
        (float)balance_log2[steps < BALANCE_TIME_STEPS_MAX ? steps : BALANCE_TIME_STEPS_MAX];
    uint32_t bits;
    memcpy(&bits, &log, sizeof bits);
    atomic_store_explicit(&load->time_log, bits, memory_order_relaxed);
}

static void note_penalty(struct endpoint_load *load, double ns, int64_t now_ns)
{
    double clock = decay_clock(now_ns, PENALTY_TAU_NS);
    uint64_t before = atomic_load_explicit(&load->penalty_log, memory_order_relaxed);
    uint64_t after;
    do {
        double log;
        memcpy(&log, &before, sizeof log);
        double faded = before == 0 ? 0 : exp2(log - clock);
        after = decay_bits(log2(faded + ns / PENALTY_TAU_NS) + clock);
    } while (!atomic_compare_exchange_weak_explicit(&load->penalty_log, &before, after,
                                                    memory_order_relaxed, memory_order_relaxed));
}

void balance_note(struct endpoint *endpoint, const struct balance_sample *sample, int64_t now_ns)
{
    if (sample->outcome == BALANCE_UNKNOWN) {
        return;
    }
    double ns = effective_ns(sample);
    note_cost(&endpoint->load, ns, now_ns);
    if (UNLIKELY(atomic_load_explicit(&endpoint->keeps_average, memory_order_relaxed))) {
        note_average(&endpoint->load, ns);
    }
    if (sample->outcome != BALANCE_ANSWERED) {
        note_penalty(&endpoint->load, ns, now_ns);
    }
}

int64_t balance_cost_ns(const struct endpoint *endpoint, int64_t now_ns)
{
    double log = decay_load(&endpoint->load.cost_log) - decay_clock(now_ns, COST_TAU_NS);
    return (int64_t)exp2(fmax(log, COST_LOG_MIN));
}
