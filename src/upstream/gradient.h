/* gradient.h - how many requests an instance can do at a time, learned from how long they take
 * (Gradient2): while answers are as fast as they have been for long, the ceiling grows; when they
 * become slower, it shrinks in proportion. Nothing is ever measured by starving the instance, so
 * there are no dips. Pure; one for each instance. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gradient_conf {
    uint32_t min, max; /* of the ceiling; max 0: there is no learning */
};

/* All-zero is one that has learned nothing. */
struct gradient {
    double limit, long_log; /* long_log: of tally.h, over some hundred steps */
};

/* One step, some times a second: `samples` answers came since the last, their logarithms (tally.h)
 * are `mean_log` on average, and `in_flight` are in progress. Gives the ceiling from now on. */
uint32_t gradient_step(struct gradient *gradient, const struct gradient_conf *conf,
                       uint32_t samples, double mean_log, uint32_t in_flight);
