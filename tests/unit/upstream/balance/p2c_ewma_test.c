#include "upstream/balance.h"

#include "balance_kit.h"
#include "base/clock.h"
#include "test.h"

enum { COUNT = 10 };

/* The share of endpoint 3 in per mille, once `settle_s` have passed. */
static uint32_t share(uint32_t count, struct behaviour others, struct behaviour third, int settle_s)
{
    struct fleet fleet;
    struct behaviour behaviours[FLEET_MAX];
    uint32_t counts[FLEET_MAX], total = 0;
    fleet_open(&fleet, "p2c_ewma", count, NULL);
    for (uint32_t i = 0; i < count; i++) {
        behaviours[i] = i == 3 ? third : others;
    }
    const struct simulation simulation = {behaviours, 1000,
                                          fleet.now_ns + (settle_s + 20) * NS_PER_SEC,
                                          fleet.now_ns + settle_s * NS_PER_SEC};
    fleet_simulate(&fleet, &simulation, counts);
    for (uint32_t i = 0; i < count; i++) {
        total += counts[i];
    }
    WANT(total > 15000);
    fleet_close(&fleet);
    return counts[3] * 1000 / total;
}

static const struct behaviour normal = {10, BALANCE_ANSWERED};

TEST(one_of_ten_that_is_ten_times_slower_falls_below_two_percent_within_ten_seconds)
{
    const struct behaviour slow = {100, BALANCE_ANSWERED};
    WANT(share(10, normal, slow, 10) < 20);
    WANT(share(8, normal, slow, 10) < 20);
    WANT(share(100, normal, slow, 10) < 5);
}

TEST(a_fast_failing_instance_never_gains_share)
{
    const struct behaviour broken = {0.1, BALANCE_FAILED}, busy = {0.1, BALANCE_OVERLOADED};
    WANT(share(10, normal, broken, 0) < 10);
    WANT(share(8, normal, broken, 0) < 10);
    WANT(share(10, normal, busy, 0) < 10);
}

TEST(equals_share_equally)
{
    uint32_t even = share(10, normal, normal, 5);
    WANT(even > 80 && even < 120);
    even = share(5, normal, normal, 5);
    WANT(even > 160 && even < 240);
}

TEST(an_instance_that_recovers_gets_its_share_back)
{
    struct fleet fleet;
    struct behaviour behaviours[COUNT];
    uint32_t counts[COUNT];
    fleet_open(&fleet, "p2c_ewma", COUNT, NULL);
    for (uint32_t i = 0; i < COUNT; i++) {
        behaviours[i] = normal;
    }
    behaviours[3].outcome = BALANCE_FAILED;
    struct simulation simulation = {behaviours, 1000, fleet.now_ns + 20 * NS_PER_SEC, fleet.now_ns};
    fleet_simulate(&fleet, &simulation, counts);
    behaviours[3].outcome = BALANCE_ANSWERED;
    simulation.count_from_ns = fleet.now_ns + 90 * NS_PER_SEC;
    simulation.until_ns = fleet.now_ns + 110 * NS_PER_SEC;
    fleet_simulate(&fleet, &simulation, counts);
    WANT(counts[3] > 1400);
    fleet_close(&fleet);
}

TEST(a_fresh_instance_is_not_flooded)
{
    struct fleet fleet;
    fleet_open(&fleet, "p2c_ewma", 4, NULL);
    for (int i = 0; i < 3; i++) {
        const struct balance_sample sample = {.ttfb_ns = 10 * NS_PER_MS};
        balance_note(fleet.list[i], &sample, fleet.now_ns);
    }
    for (int i = 0; i < 100; i++) {
        (void)fleet_pick(&fleet);
    }
    WANT(endpoint_in_flight(fleet.list[3]) < 80); /* 1 ms for free would take all 100 */
    WANT(endpoint_in_flight(fleet.list[0]) > 5);
    fleet_close(&fleet);
}

TEST(the_score_is_in_milliseconds)
{
    struct endpoint endpoint = {0};
    const struct balance_type *type = balance_find(STR("p2c_ewma"));
    int64_t now_ns = 9 * NS_PER_SEC;
    endpoint_set_weight(&endpoint, 2, ENDPOINT_WEIGHT_ONE);
    balance_note(&endpoint, &(struct balance_sample){.ttfb_ns = 40 * NS_PER_MS}, now_ns);
    WANT(endpoint_try_begin(&endpoint));
    double score = type->score(&endpoint, now_ns);
    WANT(score > 39.9 && score < 40.1); /* 40 ms, two requests, weight 2 */
}
