#include "upstream/outlier.h"
#include "base/clock.h"
#include "balance_kit.h"

#include "test.h"

#include <math.h>

enum { HOSTS_MAX = 16, FLIGHTS_MAX = 8192, STEP_MS = 250 };

static const struct outlier_conf usual = {.errors = 5,
                                          .window_ms = 10000,
                                          .error_percent = 5,
                                          .latency_ms = 50,
                                          .for_ms = 30000,
                                          .for_ms_max = 300000,
                                          .max_share = 33,
                                          .min_healthy = 1};

/* How an instance behaves just now. */
struct habit {
    double answer_ms;
    uint32_t fails_of_100;
};

/* A pool under a method of balancing, watched by passive detection. */
struct world {
    struct fleet fleet;
    struct outlier_conf conf;
    struct outlier outliers[HOSTS_MAX];
    struct tally tallies[HOSTS_MAX];
    struct habit habits[HOSTS_MAX];
    struct outlier_seat seats[HOSTS_MAX];
    double scratch[2 * HOSTS_MAX];
    bool is_down[HOSTS_MAX];
    uint32_t picks[HOSTS_MAX], failures, requests, ejections, most_out, unserved;
    double requests_per_s;
    struct {
        int64_t begun_ns, ends_ns;
        uint32_t host;
        bool is_failed;
    } flights[FLIGHTS_MAX];
    uint32_t flight_count;
    struct rng rng;
    int64_t next_step_ms, next_request_ns;
};

static struct world world;

static void world_open(const char *method, uint32_t count, double requests_per_s)
{
    memset(&world, 0, sizeof world);
    fleet_open(&world.fleet, method, count, NULL);
    rng_init(&world.rng, 4711);
    world.conf = usual;
    world.requests_per_s = requests_per_s;
    world.next_request_ns = world.fleet.now_ns;
    world.next_step_ms = world.fleet.now_ns / NS_PER_MS;
    for (uint32_t i = 0; i < count; i++) {
        world.habits[i] = (struct habit){20, 0};
    }
}

static struct tally_sum sum_of(const struct tally *tally)
{
    struct tally_sum sum = {.failures_in_row = tally->failures_in_row,
                            .ttfb_log_sum = tally->ttfb_log_sum};
    for (uint32_t i = 0; i < TALLY_OUTCOMES; i++) {
        sum.counts[i] = tally->counts[i];
    }
    return sum;
}

static void step(void)
{
    uint32_t count = world.fleet.set.count, out = 0;
    for (uint32_t i = 0; i < count; i++) {
        world.seats[i] = (struct outlier_seat){.outlier = &world.outliers[i],
                                               .tally = sum_of(&world.tallies[i]),
                                               .is_usable = !world.is_down[i]};
    }
    const struct outlier_pool pool = {.conf = &world.conf,
                                      .seats = world.seats,
                                      .scratch = world.scratch,
                                      .count = count,
                                      .rng = &world.rng};
    outlier_step(&pool, world.fleet.now_ns / NS_PER_MS);
    for (uint32_t i = 0; i < count; i++) {
        const struct outlier *outlier = &world.outliers[i];
        endpoint_set_weight(world.fleet.list[i], 1, outlier_share(outlier));
        if (outlier->is_out || world.is_down[i]) {
            endpoint_bar(world.fleet.list[i], ENDPOINT_BAR_EJECTED);
        } else {
            endpoint_unbar(world.fleet.list[i], ENDPOINT_BAR_EJECTED);
        }
        world.ejections += outlier->event == OUTLIER_EJECTED;
        out += outlier->is_out;
    }
    world.most_out = out > world.most_out ? out : world.most_out;
}

static void end_at(uint32_t at)
{
    uint32_t host = world.flights[at].host;
    const struct balance_sample sample = {
        .outcome = world.flights[at].is_failed ? BALANCE_FAILED : BALANCE_ANSWERED,
        .ttfb_ns = world.flights[at].ends_ns - world.flights[at].begun_ns};
    endpoint_end(world.fleet.list[host]);
    balance_note(world.fleet.list[host], &sample, world.fleet.now_ns);
    tally_note(&world.tallies[host], tally_of_status(world.flights[at].is_failed ? 500 : 200),
               sample.ttfb_ns);
    world.failures += world.flights[at].is_failed;
    world.flights[at] = world.flights[--world.flight_count];
}

static void request(void)
{
    int host = fleet_pick(&world.fleet);
    double wait = -log((double)((rng_next(&world.rng) >> 11) + 1) * 0x1p-53);
    world.next_request_ns += (int64_t)(wait / world.requests_per_s * (double)NS_PER_SEC);
    world.requests++;
    if (host < 0) {
        world.unserved++;
        return;
    }
    const struct habit *habit = &world.habits[host];
    double took = 0.5 + (double)rng_below(&world.rng, 1000) / 1000;
    bool is_failed = rng_below(&world.rng, 100) < habit->fails_of_100;
    CHECK(world.flight_count < FLIGHTS_MAX);
    world.picks[host]++;
    world.flights[world.flight_count].begun_ns = world.fleet.now_ns;
    world.flights[world.flight_count].ends_ns =
        world.fleet.now_ns + (int64_t)(took * habit->answer_ms * (double)NS_PER_MS);
    world.flights[world.flight_count].host = (uint32_t)host;
    world.flights[world.flight_count++].is_failed = is_failed;
}

static void world_run(uint32_t ms)
{
    memset(world.picks, 0, sizeof world.picks);
    world.failures = world.requests = world.unserved = 0;
    for (uint32_t i = 0; i < ms; i++) {
        world.fleet.now_ns += NS_PER_MS;
        for (uint32_t j = 0; j < world.flight_count;) {
            if (world.flights[j].ends_ns <= world.fleet.now_ns) {
                end_at(j);
            } else {
                j++;
            }
        }
        while (world.next_request_ns <= world.fleet.now_ns) {
            request();
        }
        if (world.fleet.now_ns / NS_PER_MS >= world.next_step_ms) {
            step();
            world.next_step_ms += STEP_MS;
        }
    }
}

static double share_of(uint32_t host)
{
    return (double)world.picks[host] / (double)(world.requests > 0 ? world.requests : 1);
}

TEST(the_wilson_interval_is_as_in_the_books)
{
    WANT(fabs(outlier_wilson(0, 20, false)) < 1e-9);
    WANT(fabs(outlier_wilson(5, 10, false) - 0.2366) < 0.0005);
    WANT(fabs(outlier_wilson(5, 10, true) - 0.7634) < 0.0005);
    WANT(fabs(outlier_wilson(20, 20, false) - 0.8389) < 0.0005);
    WANT(outlier_wilson(0, 0, false) < 1e-9);
    WANT(outlier_wilson(0, 0, true) > 1 - 1e-9);
}

TEST(an_instance_ten_times_slower_has_less_than_a_fiftieth_within_ten_seconds)
{
    static const char *const methods[] = {"p2c_ewma", "round_robin", "least_request"};
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        world_open(methods[i], 10, 1000);
        world_run(15000);
        WANT_INT(world.ejections, 0);
        world.habits[3].answer_ms = 200;
        world_run(10000);
        world_run(5000);
        WANT(share_of(3) < 0.02);
        WANT_INT(world.unserved, 0);
        fleet_close(&world.fleet);
    }
}

TEST(an_instance_that_fails_half_of_its_answers_loses_its_share_and_comes_back_when_it_works)
{
    world_open("round_robin", 4, 400);
    world_run(12000);
    world.habits[1].fails_of_100 = 50;
    world_run(12000);
    world_run(5000);
    WANT(share_of(1) < 0.02);
    WANT(world.outliers[1].is_out);
    world.habits[1].fails_of_100 = 0;
    world_run(60000);
    world_run(10000);
    WANT(share_of(1) > 0.2);
    WANT_INT(outlier_share(&world.outliers[1]), OUTLIER_SHARE_ONE);
    fleet_close(&world.fleet);
}

TEST(an_instance_that_answers_nothing_is_out_within_a_second_by_a_row_of_errors)
{
    world_open("round_robin", 3, 300);
    world_run(12000);
    world.habits[2] = (struct habit){1, 100};
    world_run(1000);
    WANT(world.outliers[2].is_out);
    WANT_STR(str_skip(outlier_reason(&world.outliers[2]),
                      outlier_reason(&world.outliers[2]).len - 15), STR("errors in a row"));
    world_run(5000);
    WANT_INT(world.picks[2], 0);
    fleet_close(&world.fleet);
}

TEST(one_alone_is_never_taken_out)
{
    world_open("p2c_ewma", 1, 200);
    world.habits[0] = (struct habit){500, 100};
    world_run(60000);
    WANT_INT(world.ejections, 0);
    WANT_INT(outlier_share(&world.outliers[0]), OUTLIER_SHARE_ONE);
    WANT_INT(world.unserved, 0);
    fleet_close(&world.fleet);
}

TEST(of_two_the_bad_one_goes_and_never_the_other_too)
{
    world_open("round_robin", 2, 200);
    world_run(12000);
    world.habits[0].fails_of_100 = 100;
    world_run(2000);
    WANT(world.outliers[0].is_out);
    world.habits[1].fails_of_100 = 100;
    world_run(20000);
    WANT(!world.outliers[1].is_out);
    WANT_INT(world.unserved, 0);
    fleet_close(&world.fleet);
}

TEST(of_three_two_may_fail_and_the_one_that_works_gets_nearly_all)
{
    world_open("round_robin", 3, 300);
    world_run(12000);
    world.habits[0].fails_of_100 = world.habits[1].fails_of_100 = 100;
    world_run(5000);
    WANT_INT(world.most_out, 1);
    WANT(!world.outliers[2].is_out);
    world_run(5000);
    WANT(share_of(2) > 0.95);
    fleet_close(&world.fleet);
}

TEST(where_all_fail_alike_nobody_is_singled_out)
{
    static const uint32_t counts[] = {1, 2, 3, 5, 10};
    static const uint32_t fails[] = {20, 50, 100};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        for (size_t j = 0; j < COUNT_OF(fails); j++) {
            world_open("p2c_ewma", counts[i], 500);
            world_run(12000);
            for (uint32_t host = 0; host < counts[i]; host++) {
                world.habits[host].fails_of_100 = fails[j];
            }
            world_run(60000);
            uint32_t limit = counts[i] * 33 / 100 > 1 ? counts[i] * 33 / 100 : 1;
            WANT(world.most_out <= limit);
            WANT(counts[i] > 1 || world.most_out == 0);
            WANT_INT(world.unserved, 0);
            fleet_close(&world.fleet);
        }
    }
}

TEST(a_healthy_pool_with_a_few_errors_everywhere_is_left_alone)
{
    world_open("p2c_ewma", 6, 600);
    for (uint32_t host = 0; host < 6; host++) {
        world.habits[host] = (struct habit){15 + 3.0 * host, 2};
    }
    world_run(120000);
    WANT_INT(world.ejections, 0);
    for (uint32_t host = 0; host < 6; host++) {
        WANT_INT(outlier_share(&world.outliers[host]), OUTLIER_SHARE_ONE);
    }
    fleet_close(&world.fleet);
}

TEST(one_that_flaps_stays_out_longer_each_time_up_to_the_limit)
{
    world_open("round_robin", 3, 300);
    world_run(12000);
    int64_t longest_ms = 0, last_until_ms = 0;
    uint32_t longer = 0;
    for (uint32_t turn = 0; turn < 1500; turn++) {
        world.habits[0].fails_of_100 = turn % 8 < 4 ? 100 : 0;
        world_run(1000);
        const struct outlier *outlier = &world.outliers[0];
        if (outlier->is_out && outlier->until_ms != last_until_ms) {
            int64_t span_ms = outlier->until_ms - outlier->changed_ms;
            longer += span_ms > longest_ms;
            longest_ms = span_ms > longest_ms ? span_ms : longest_ms;
            last_until_ms = outlier->until_ms;
            WANT(span_ms >= 30000);
            WANT(span_ms <= 330000);
        }
    }
    WANT(longer >= 3);
    WANT(longest_ms > 60000);
    WANT_INT(world.unserved, 0);
    fleet_close(&world.fleet);
}

TEST(back_off_is_forgotten_by_one_that_behaves)
{
    world_open("round_robin", 3, 300);
    world_run(12000);
    world.habits[0].fails_of_100 = 100;
    world_run(40000);
    WANT(world.outliers[0].times >= 1);
    world.habits[0].fails_of_100 = 0;
    world_run(400000);
    WANT_INT(world.outliers[0].times, 0);
    fleet_close(&world.fleet);
}

TEST(when_the_others_go_down_one_that_is_out_comes_back_early)
{
    world_open("round_robin", 2, 200);
    world_run(12000);
    world.habits[0].fails_of_100 = 100;
    world_run(2000);
    WANT(world.outliers[0].is_out);
    world.is_down[1] = true;
    world_run(STEP_MS + 1);
    WANT(!world.outliers[0].is_out);
    fleet_close(&world.fleet);
}

TEST(priorities_are_pools_of_their_own)
{
    struct outlier outliers[4] = {0};
    struct outlier_seat seats[4];
    double scratch[8];
    struct rng rng;
    rng_init(&rng, 1);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 4; i++) {
            seats[i] = (struct outlier_seat){
                .outlier = &outliers[i], .priority = i / 2, .is_usable = true};
            seats[i].tally.counts[i % 2 == 0 ? TALLY_FAILED_LOCAL : TALLY_ANSWERED] = round * 50;
            seats[i].tally.failures_in_row = i % 2 == 0 ? round * 50 : 0;
        }
        const struct outlier_pool pool = {&usual, seats, scratch, 4, &rng};
        outlier_step(&pool, 100000 + round * 250);
    }
    WANT(outliers[0].is_out);
    WANT(outliers[2].is_out);
    WANT(!outliers[1].is_out);
    WANT(!outliers[3].is_out);
}

TEST(with_everything_off_nothing_is_ever_done)
{
    world_open("round_robin", 3, 300);
    world.conf = (struct outlier_conf){.window_ms = 10000};
    world.habits[0] = (struct habit){900, 100};
    world_run(30000);
    WANT_INT(world.ejections, 0);
    WANT_INT(outlier_share(&world.outliers[0]), OUTLIER_SHARE_ONE);
    fleet_close(&world.fleet);
}
