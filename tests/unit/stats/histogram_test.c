#include "base/rng.h"
#include "stats/histogram.h"
#include "test.h"

TEST(every_value_stands_in_the_bucket_that_its_bounds_say)
{
    for (uint64_t value = 0; value < 1 << 20; value++) {
        uint32_t bucket = histogram_bucket(value);
        uint64_t from = bucket == 0 ? 0 : histogram_bound(bucket - 1);
        if (value < from || value >= histogram_bound(bucket)) {
            WANT(value >= from && value < histogram_bound(bucket));
            return;
        }
    }
}

TEST(bounds_rise_and_no_bucket_is_wider_than_a_quarter_of_its_start)
{
    for (uint32_t i = 1; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t from = histogram_bound(i - 1), to = histogram_bound(i);
        WANT(from < to);
        WANT(to - from == 1 || (to - from) * 4 <= from);
    }
    WANT_INT(histogram_bound(HISTOGRAM_BUCKETS - 1), INT64_C(1) << 27);
}

TEST(the_longest_times_share_the_last_bucket)
{
    WANT_INT(histogram_bucket(HISTOGRAM_VALUE_MAX), HISTOGRAM_BUCKETS - 1);
    WANT_INT(histogram_bucket(HISTOGRAM_VALUE_MAX + 1), HISTOGRAM_BUCKETS - 1);
    WANT_INT(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
    WANT_INT(histogram_bucket(0), 0);
}

TEST(quantiles_are_within_a_bucket_of_the_truth)
{
    static uint64_t buckets[HISTOGRAM_BUCKETS];
    for (uint64_t value = 1; value <= 100000; value++) {
        buckets[histogram_bucket(value)]++;
    }
    for (uint32_t per_mille = 10; per_mille <= 1000; per_mille += 10) {
        double truth = per_mille * 100.0, got = (double)histogram_quantile(buckets, per_mille);
        WANT(got > truth * 0.75 && got < truth * 1.25);
    }
}

TEST(an_empty_histogram_has_no_quantile_and_one_value_is_all_of_them)
{
    static uint64_t buckets[HISTOGRAM_BUCKETS];
    WANT_INT(histogram_quantile(buckets, 500), 0);
    buckets[histogram_bucket(3)] = 1;
    WANT(histogram_quantile(buckets, 1) >= 3 && histogram_quantile(buckets, 1) <= 4);
    WANT(histogram_quantile(buckets, 1000) >= 3 && histogram_quantile(buckets, 1000) <= 4);
}
