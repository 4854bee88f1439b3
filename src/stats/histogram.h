/* histogram.h - distributions of times with a bounded relative error (log-linear buckets).
 * Each power of two is cut into four equal buckets, so a bucket is at most a quarter of its lower
 * bound wide, over 1 us to 117 s; what is longer falls into the last one. The cells are the buckets
 * and the sum; the count is the sum of the buckets. */
#pragma once

#include "base/platform.h"

enum {
    HISTOGRAM_OCTAVES = 26,
    HISTOGRAM_BUCKETS = HISTOGRAM_OCTAVES * 4,
    HISTOGRAM_SUM = HISTOGRAM_BUCKETS, /* offset of the cell that holds the sum */
    HISTOGRAM_CELLS = HISTOGRAM_BUCKETS + 1
};
/* The largest value that has a bucket to itself; larger ones are counted with it. */
#define HISTOGRAM_VALUE_MAX ((UINT64_C(1) << (HISTOGRAM_OCTAVES + 1)) - 1)

/* The bucket of `value`: 0 to HISTOGRAM_BUCKETS - 1. */
static inline uint32_t histogram_bucket(uint64_t value)
{
    uint64_t clipped = value > HISTOGRAM_VALUE_MAX ? HISTOGRAM_VALUE_MAX : value;
    /* Below four each value is a bucket; the two bits after the leading one are the quarter. */
    uint32_t shift = 61u - (uint32_t)__builtin_clzll(clipped | 4);
    return shift * 4 + (uint32_t)(clipped >> shift);
}

/* The smallest value that is above the bucket; for the last one, of its nominal width. */
uint64_t histogram_bound(uint32_t bucket);
/* The value below which a share of `per_mille` of all values lies, interpolated in its bucket.
 * 0 for an empty histogram. `buckets` has HISTOGRAM_BUCKETS counts. */
uint64_t histogram_quantile(const uint64_t *buckets, uint32_t per_mille);
