#include "upstream/balance.h"

#include "balance_kit.h"
#include "base/clock.h"
#include "sim.h"
#include "test.h"

static struct sim sim;

static void open_fleet(uint32_t count)
{
    const struct sim_conf conf = {.method = "p2c_ewma", .count = count, .answer_ms = 10};
    sim_open(&sim, &conf);
}

/* The share of instance 3 in 20 seconds, once `settle_s` have passed. */
static double close_after(double settle_s)
{
    sim_run_s(&sim, settle_s);
    sim_reset(&sim);
    sim_run_s(&sim, 20);
    double share = sim_share(&sim, 3);
    sim_close(&sim);
    return share;
}

TEST(one_that_is_ten_times_slower_falls_below_two_percent_within_ten_seconds)
{
    static const struct {
        uint32_t count;
        double share_max;
    } rows[] = {{10, 0.02}, {8, 0.02}, {100, 0.005}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        open_fleet(rows[i].count);
        sim.instances[3].answer_ms = 100;
        WANT(close_after(10) < rows[i].share_max);
    }
}

TEST(a_fast_failing_instance_never_gains_share)
{
    static const uint32_t counts[] = {10, 8, 10};
    for (int i = 0; i < 3; i++) {
        open_fleet(counts[i]);
        sim.instances[3].fail_share = 1;
        sim.instances[3].fail_ms = 0.1;
        sim.instances[3].failure = i == 2 ? BALANCE_OVERLOADED : BALANCE_FAILED;
        WANT(close_after(0) < 0.01);
    }
}

TEST(equals_share_equally)
{
    open_fleet(10);
    double share = close_after(5);
    WANT(share > 0.08 && share < 0.12);
    open_fleet(5);
    share = close_after(5);
    WANT(share > 0.16 && share < 0.24);
}

TEST(an_instance_that_recovers_gets_its_share_back)
{
    open_fleet(10);
    sim.instances[3].fail_share = 1;
    sim_run_s(&sim, 20);
    sim.instances[3].fail_share = 0;
    WANT(close_after(90) > 0.07);
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
