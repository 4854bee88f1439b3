#include "upstream/gradient.h"
#include "upstream/tally.h"

#include "test.h"

#include <math.h>

static const struct gradient_conf usual = {.min = 5, .max = 500};

/* An instance that does `capacity` at a time in 20 ms each; what is beyond that waits. `offered` are
 * asked at a time. Steps of 250 ms; the least ceiling of the second half is in *lowest. */
static double run(struct gradient *gradient, uint32_t capacity, uint32_t offered, uint32_t steps,
                  uint32_t *lowest)
{
    uint32_t limit = 20;
    *lowest = UINT32_MAX;
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t in_flight = offered < limit ? offered : limit;
        double slowdown = in_flight > capacity ? (double)in_flight / capacity : 1;
        double log = tally_log((int64_t)(20e6 * slowdown));
        limit = gradient_step(gradient, &usual, 100, log, in_flight);
        *lowest = i > steps / 2 && limit < *lowest ? limit : *lowest;
    }
    return limit;
}

TEST(it_settles_near_what_the_instance_can_do_and_does_not_dip)
{
    static const uint32_t capacities[] = {10, 50, 200};
    for (size_t i = 0; i < COUNT_OF(capacities); i++) {
        struct gradient gradient = {0};
        uint32_t lowest, capacity = capacities[i];
        double limit = run(&gradient, capacity, 1000, 800, &lowest);
        WANT(limit >= capacity);
        WANT(limit <= 3 * capacity + 20);
        WANT(lowest >= capacity);
    }
}

TEST(a_ceiling_that_nobody_reaches_does_not_grow)
{
    struct gradient gradient = {0};
    uint32_t lowest;
    WANT_INT((uint32_t)run(&gradient, 100, 4, 400, &lowest), 20);
}

TEST(it_shrinks_when_answers_become_slow_and_grows_again_after)
{
    struct gradient gradient = {0};
    uint32_t before = 0, during = 0, after = 0;
    for (uint32_t i = 0; i < 300; i++) {
        before = gradient_step(&gradient, &usual, 100, tally_log(20000000), 500);
    }
    for (uint32_t i = 0; i < 20; i++) {
        during = gradient_step(&gradient, &usual, 100, tally_log(400000000), 500);
    }
    for (uint32_t i = 0; i < 300; i++) {
        after = gradient_step(&gradient, &usual, 100, tally_log(20000000), 500);
    }
    WANT(during < before / 2);
    WANT(after > during * 2);
}

TEST(bounds_hold_and_few_samples_change_nothing)
{
    struct gradient gradient = {0};
    const struct gradient_conf narrow = {.min = 7, .max = 9};
    WANT_INT(gradient_step(&gradient, &narrow, 0, 0, 0), 9);
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t limit = gradient_step(&gradient, &narrow, 50, 100 + 5.0 * i, 9);
        WANT(limit >= 7);
        WANT(limit <= 9);
    }
    double before = gradient.limit;
    (void)gradient_step(&gradient, &narrow, 4, 5000, 9);
    WANT(fabs(gradient.limit - before) < 1e-9);
}
