/* histogram.c - bounds and quantiles of log-linear buckets; see histogram.h. */
#include "stats/histogram.h"

#include "base/check.h"

/* What lies below quarter q of its octave: the inverse of histogram_bucket. */
static uint64_t lower_bound(uint32_t bucket)
{
    if (bucket < 8) {
        return bucket;
    }
    return (uint64_t)(4 + bucket % 4) << (bucket / 4 - 1);
}

uint64_t histogram_bound(uint32_t bucket)
{
    CHECK(bucket < HISTOGRAM_BUCKETS);
    return lower_bound(bucket + 1);
}

uint64_t histogram_quantile(const uint64_t *buckets, uint32_t per_mille)
{
    CHECK(per_mille <= 1000);
    uint64_t count = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += buckets[i];
    }
    /* Rank of the wanted value, rounded up, without overflow for any count. */
    uint64_t rank = count / 1000 * per_mille + (count % 1000 * per_mille + 999) / 1000;
    uint64_t below = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (buckets[i] > 0 && below + buckets[i] >= rank) {
            uint64_t from = lower_bound(i), width = lower_bound(i + 1) - from;
            double share = (double)(rank - below) / (double)buckets[i];
            return from + (uint64_t)(share * (double)width);
        }
        below += buckets[i];
    }
    return 0;
}
