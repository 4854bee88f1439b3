/* budget.h - how many retries a service may have: a share of the requests of the last ten seconds,
 * and a few more. Without it, instances that fail are sent more and more of what makes them fail.
 * Retries are one number for the whole process, so the bound is exact over all cores. Requests cost
 * nothing: how many there were is read off the counters that there are, when a retry is asked for.
 * Pure: requests and time are arguments. */
#pragma once

#include "base/platform.h"

#include <stdatomic.h>

enum { BUDGET_SECONDS = 10 };

struct budget_rules {
    int64_t percent;    /* of the requests; below 0: there is no bound */
    int64_t floor_each; /* a second */
};

/* What had been counted at one moment. */
struct budget_moment {
    uint64_t requests, retries;
    int64_t at_ms;
};

struct budget {
    _Atomic uint64_t retries; /* all that were granted */
    /* What had been counted about ten seconds ago; written by the control thread. They may be read
     * of two moments, which are a second apart. */
    _Atomic uint64_t old_requests, old_retries;
    _Atomic int64_t old_ms;
    /* Of the control thread: a ring of the latest moments. */
    struct budget_moment moments[BUDGET_SECONDS];
    uint32_t next;
};

/* Starts with what the floor gives in ten seconds. */
void budget_init(struct budget *budget, int64_t now_ms);
/* Once a second, on the control thread; `requests` as in budget_spend. */
void budget_tick(struct budget *budget, uint64_t requests, int64_t now_ms);
/* Takes one retry when there is one; any thread. `requests`: all that the service ever had, retries
 * not counted. */
MUST_USE bool budget_spend(struct budget *budget, const struct budget_rules *rules,
                           uint64_t requests, int64_t now_ms);
