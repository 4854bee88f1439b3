#include "upstream/balance.h"

#include "balance_kit.h"
#include "base/clock.h"
#include "sim.h"
#include "test.h"

TEST(the_one_with_the_fewest_for_its_weight_is_picked)
{
    static const uint32_t weights[] = {1, 2, 4};
    struct fleet fleet;
    fleet_open(&fleet, "least_request", 3, weights);
    for (int i = 0; i < 70; i++) {
        WANT(fleet_pick(&fleet) >= 0);
    }
    WANT_INT(endpoint_in_flight(fleet.list[0]), 10);
    WANT_INT(endpoint_in_flight(fleet.list[1]), 20);
    WANT_INT(endpoint_in_flight(fleet.list[2]), 40);
    fleet_close(&fleet);
}

TEST(ties_go_by_chance)
{
    struct fleet fleet;
    uint32_t counts[5];
    fleet_open(&fleet, "least_request", 5, NULL);
    fleet_count(&fleet, 50000, counts);
    for (int i = 0; i < 5; i++) {
        WANT(counts[i] > 9700 && counts[i] < 10300);
    }
    fleet_close(&fleet);
}

static struct sim sim;

TEST(an_instance_that_fails_at_once_does_not_draw_the_traffic)
{
    static const char *const methods[] = {"least_request", "random_two"};
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        const struct sim_conf conf = {.method = methods[i], .count = 10, .answer_ms = 20};
        sim_open(&sim, &conf);
        sim.instances[3].fail_share = 1;
        sim.instances[3].fail_ms = 0.1;
        sim_run_s(&sim, 30);
        WANT(sim_share(&sim, 3) < 0.02); /* of a fair share of 10 % */
        sim_close(&sim);
    }
}

TEST(failures_are_forgotten)
{
    struct fleet fleet;
    uint32_t counts[2];
    fleet_open(&fleet, "least_request", 2, NULL);
    const struct balance_sample failed = {.outcome = BALANCE_FAILED};
    for (int i = 0; i < 100; i++) {
        balance_note(fleet.list[0], &failed, fleet.now_ns);
    }
    fleet_count(&fleet, 1000, counts);
    WANT_INT(counts[0], 0);
    fleet.now_ns += 120 * NS_PER_SEC;
    fleet_count(&fleet, 1000, counts);
    WANT(counts[0] > 400);
    fleet_close(&fleet);
}
