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

/* Up to so many endpoints are all compared; of more, the best of DRAWS_OF_MANY drawn by weight. */
enum { ALL_COUNT_MAX = 32, DRAWS_OF_MANY = 8 };
/* One endpoint by weight, whether it can be picked or not. */
struct endpoint *draw_one(const struct search *search);

/* Begins an exchange at the better of two drawn, or of all when there are no two to be had. NULL:
 * none can be had. */
ALWAYS_INLINE struct endpoint *begin_better_of_two(const struct search *search, score_fn *score)
{
    struct endpoint *drawn[2];
    if (UNLIKELY(!draw_two(search, drawn))) {
        return begin_least(search, score);
    }
    bool is_first = score(drawn[0], search->at) <= score(drawn[1], search->at);
    struct endpoint *better = drawn[is_first ? 0 : 1];
    return LIKELY(endpoint_try_begin(better)) ? better : begin_least(search, score);
}

/* Begins an exchange at the least of all, or nearly: looking at a thousand takes longer than what
 * it gains over the best of eight. */
ALWAYS_INLINE struct endpoint *begin_least_of_many(const struct search *search, score_fn *score)
{
    struct endpoint *best = NULL;
    double least = HUGE_VAL;
    for (int i = 0; search->set->count > ALL_COUNT_MAX && i < DRAWS_OF_MANY; i++) {
        struct endpoint *endpoint = draw_one(search);
        if (is_eligible(search->ask->tried, endpoint)) {
            double value = score(endpoint, search->at);
            best = value < least ? endpoint : best;
            least = value < least ? value : least;
        }
    }
    return best != NULL && endpoint_try_begin(best) ? best : begin_least(search, score);
}
