/* draw.h - draws of endpoints by weight for large sets: running sums of the weights, searched by
 * halves. Weights are live (warming up, drained, barred), so the sums are taken again by whoever
 * comes first when they are DRAW_AGE_NS old; in between a draw may meet an endpoint that no longer
 * can be picked, which the caller checks anyway. */
#pragma once

#include "upstream/balance/method.h"

#define DRAW_AGE_NS (100 * NS_PER_MS)

/* Fits balance_type.init. ERR_MEMORY. */
MUST_USE enum err draw_init(struct balance_set *set, struct arena *arena, uint64_t seed);
/* Two different endpoints that can be picked, by weight and without replacement. False: they were
 * not met in a few draws, because most are full or down, or one has nearly all the weight. */
MUST_USE bool draw_two(const struct ask *ask, struct endpoint *out[2]);

/* The better of two drawn, or of all when there are no two to be had; NULL: none can be picked. */
static inline __attribute__((always_inline)) struct endpoint *
draw_least(const struct ask *ask, score_fn *score, double clock)
{
    struct endpoint *drawn[2];
    if (UNLIKELY(!draw_two(ask, drawn))) {
        return scan_least(ask, score, clock);
    }
    return score(drawn[0], clock) <= score(drawn[1], clock) ? drawn[0] : drawn[1];
}
