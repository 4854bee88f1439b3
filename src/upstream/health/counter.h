/* counter.h - what a row of checks says: up or down, and when to look again.
 * The counter runs from 0 to rise + fall - 1 and is up from `rise` on. A check that fails takes one
 * off, or all when that leaves it down; one that passes adds one, or all when that leaves it up.
 * So it takes `fall` failures in a row to go down and `rise` passes in a row to come back. The
 * first check decides at once. No clock and no sockets here. */
#pragma once

#include "base/rng.h"

struct health_rules {
    uint32_t rise, fall;
    int64_t interval_ms;                /* while up, and sure of it */
    int64_t fast_ms;                    /* while the verdict may be about to change */
    int64_t down_ms, down_ms_max;       /* while down: doubles with each failure */
    uint32_t jitter_percent;            /* each wait is so much longer or shorter at random */
};

/* All-zero: not checked yet. */
struct health_counter {
    uint32_t health; /* 0 to rise + fall - 1 */
    uint32_t failures; /* in a row, for the back-off */
    bool has_result;
};

/* Notes a result; returns whether that changed the verdict, the first one included. */
bool health_counter_note(struct health_counter *counter, const struct health_rules *rules,
                         bool has_passed);
bool health_counter_is_up(const struct health_counter *counter, const struct health_rules *rules);
/* From the start of one check to the start of the next. At least 1 ms. */
int64_t health_counter_wait_ms(const struct health_counter *counter,
                               const struct health_rules *rules, struct rng *rng);
/* Until the first check: anywhere within one fast interval, so that a thousand instances that came
 * at once are not asked at once. */
int64_t health_counter_first_ms(const struct health_rules *rules, struct rng *rng);
