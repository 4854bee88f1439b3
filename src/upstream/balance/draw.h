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
MUST_USE bool draw_two(const struct search *search, struct endpoint *out[2]);

/* What was just drawn may have been drained meanwhile: that must not divide by zero. */
static inline uint32_t drawn_units(const struct endpoint *endpoint)
{
    uint32_t units = endpoint_weight_units(endpoint);
    return units > 0 ? units : 1;
}

/* The better of two drawn, or of all when there are no two to be had; NULL: none can be picked. */
ALWAYS_INLINE struct endpoint *draw_least(const struct search *search, score_fn *score)
{
    struct endpoint *drawn[2];
    if (UNLIKELY(!draw_two(search, drawn))) {
        return scan_least(search, score);
    }
    double first = score(drawn[0], drawn_units(drawn[0]), search->at);
    double second = score(drawn[1], drawn_units(drawn[1]), search->at);
    return first <= second ? drawn[0] : drawn[1];
}
