#include "sim.h"

#include "test.h"

/* What the balancers promise, in a simulated fleet of ten: see sim.h. */

static struct sim sim;

static void open_ten(const char *method, double requests_per_s)
{
    const struct sim_conf conf = {
        .method = method, .count = 10, .answer_ms = 10, .requests_per_s = requests_per_s};
    sim_open(&sim, &conf);
}

TEST(the_same_seed_gives_the_same_run)
{
    uint32_t picks[10];
    open_ten("p2c_ewma", 1000);
    sim_run_s(&sim, 5);
    for (int i = 0; i < 10; i++) {
        picks[i] = sim.instances[i].picks;
    }
    WANT(sim.requests > 4700 && sim.requests < 5300);
    sim_close(&sim);
    open_ten("p2c_ewma", 1000);
    sim_run_s(&sim, 5);
    for (int i = 0; i < 10; i++) {
        WANT_INT(sim.instances[i].picks, picks[i]);
    }
    sim_close(&sim);
}

TEST(quantiles_are_those_of_the_distribution)
{
    open_ten("round_robin", 10000);
    sim_run_s(&sim, 20);
    double median_ms = sim_quantile_ms(&sim, 0.5), p99_ms = sim_quantile_ms(&sim, 0.99);
    WANT(median_ms > 6.93 * 0.97 && median_ms < 6.93 * 1.03);
    WANT(p99_ms > 46.05 * 0.95 && p99_ms < 46.05 * 1.05);
    sim_close(&sim);
}

TEST(an_instance_with_few_slots_makes_others_wait)
{
    const struct sim_conf conf = {
        .method = "round_robin", .count = 1, .answer_ms = 10, .requests_per_s = 90};
    sim_open(&sim, &conf);
    sim.instances[0].slots = 1;
    sim.instances[0].shape = SIM_CONSTANT;
    sim_run_s(&sim, 300);
    /* M/D/1 at 90 %: the mean wait is 45 ms, and half of that is met by more than a third. */
    WANT(sim_quantile_ms(&sim, 0.9) > 60);
    WANT(sim_quantile_ms(&sim, 0.01) >= 10);
    sim_close(&sim);
}

TEST(one_of_ten_that_is_ten_times_slower_neither_keeps_its_share_nor_spoils_the_rest)
{
    open_ten("p2c_ewma", 1000);
    sim_run_s(&sim, 10);
    sim_reset(&sim);
    sim_run_s(&sim, 20);
    double healthy_p99_ms = sim_quantile_ms(&sim, 0.99);
    sim.instances[3].answer_ms = 100;
    sim_run_s(&sim, 10);
    sim_reset(&sim);
    sim_run_s(&sim, 20);
    WANT(sim_share(&sim, 3) < 0.02);
    WANT(sim_quantile_ms(&sim, 0.99) <= 2 * healthy_p99_ms);
    sim_close(&sim);
}

static void want_no_gain(const char *method, enum balance_outcome failure)
{
    open_ten(method, 1000);
    sim.instances[3].fail_share = 1;
    sim.instances[3].fail_ms = 0.1;
    sim.instances[3].failure = failure;
    for (int i = 0; i < 30; i++) {
        sim_reset(&sim);
        sim_run_s(&sim, 1);
        WANT(sim_share(&sim, 3) < 0.1);
    }
    sim_close(&sim);
}

TEST(an_instance_that_fails_fast_never_gains_share)
{
    static const char *const methods[] = {"p2c_ewma", "least_request", "random_two", "least_time"};
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        want_no_gain(methods[i], BALANCE_FAILED);
        want_no_gain(methods[i], BALANCE_OVERLOADED);
    }
}

static bool try_once_more(struct sim *fleet, struct sim_request *request)
{
    (void)fleet;
    return request->tried.count < 2;
}

TEST(a_failed_request_goes_to_another_instance_when_a_hook_says_so)
{
    open_ten("round_robin", 1000);
    sim.instances[3].fail_share = 1;
    sim.again = try_once_more;
    sim_run_s(&sim, 10);
    WANT_INT(sim.failed, 0);
    WANT_INT(sim.attempts, sim.requests + sim.instances[3].failures);
    sim_close(&sim);
}

static void count_tick(struct sim *fleet)
{
    uint32_t *ticks = fleet->context;
    ++*ticks;
}

TEST(ticks_come_on_time)
{
    uint32_t ticks = 0;
    open_ten("p2c_ewma", 100);
    sim.tick = count_tick;
    sim.tick_ns = sim.now_ns / 2000; /* 0.5 s */
    sim.next_tick_ns = sim.now_ns + sim.tick_ns;
    sim.context = &ticks;
    sim_run_s(&sim, 10);
    WANT_INT(ticks, 20);
    sim_close(&sim);
}
