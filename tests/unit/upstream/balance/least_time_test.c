#include "upstream/balance.h"

#include "balance_kit.h"
#include "base/clock.h"
#include "sim.h"
#include "test.h"

static struct sim sim;

static void answer(struct fleet *fleet, uint32_t index, int64_t ms)
{
    const struct balance_sample sample = {.ttfb_ns = ms * NS_PER_MS};
    balance_note(fleet->list[index], &sample, fleet->now_ns);
}

TEST(the_faster_one_is_picked_and_load_outweighs_time)
{
    struct fleet fleet;
    fleet_open(&fleet, "least_time", 2, NULL);
    answer(&fleet, 0, 30); /* two steps of 20 ms */
    answer(&fleet, 1, 70); /* four */
    WANT_INT(fleet_pick(&fleet), 0);
    int counts[2] = {1, 0};
    for (int i = 0; i < 29; i++) {
        counts[fleet_pick(&fleet)]++;
    }
    WANT(counts[0] >= 19 && counts[0] <= 21);
    fleet_close(&fleet);
}

TEST(times_within_one_step_are_equal)
{
    struct fleet fleet;
    uint32_t counts[2];
    fleet_open(&fleet, "least_time", 2, NULL);
    answer(&fleet, 0, 1);
    answer(&fleet, 1, 19);
    fleet_count(&fleet, 10000, counts);
    WANT(counts[0] > 4700 && counts[0] < 5300);
    fleet_close(&fleet);
}

TEST(one_slow_answer_counts_for_a_twentieth)
{
    struct endpoint endpoint = {.keeps_average = true};
    int64_t now_ns = 50 * NS_PER_SEC;
    const struct balance_type *type = balance_find(STR("least_time"));
    endpoint_set_weight(&endpoint, 1, ENDPOINT_WEIGHT_ONE);
    balance_note(&endpoint, &(struct balance_sample){.ttfb_ns = 10 * NS_PER_MS}, now_ns);
    double score = type->score(&endpoint, now_ns);
    WANT(score > 19.9 && score < 20.1);
    balance_note(&endpoint, &(struct balance_sample){.ttfb_ns = 1000 * NS_PER_MS}, now_ns);
    score = type->score(&endpoint, now_ns); /* 10 + 990 / 20 is 59.5 */
    WANT(score > 59.9 && score < 60.1);
    score = type->score(&endpoint, now_ns + 10 * NS_PER_SEC);
    WANT(score > 29.9 && score < 30.1); /* halved every 10 s, never below one step */
    score = type->score(&endpoint, now_ns + 1000 * NS_PER_SEC);
    WANT(score > 19.9 && score < 20.1);
}

TEST(averages_are_kept_only_for_who_picks_by_them)
{
    struct fleet fleet;
    const struct balance_sample slow = {.ttfb_ns = 1000 * NS_PER_MS};
    fleet_open(&fleet, "p2c_ewma", 2, NULL);
    balance_note(fleet.list[0], &slow, fleet.now_ns);
    WANT_INT(atomic_load(&fleet.list[0]->load.average_us), 0);
    fleet_close(&fleet);
    fleet_open(&fleet, "least_time", 2, NULL);
    balance_note(fleet.list[0], &slow, fleet.now_ns);
    WANT_INT(atomic_load(&fleet.list[0]->load.average_us), 1000001);
    fleet_close(&fleet);
}

TEST(an_average_is_never_taken_for_more_than_five_seconds)
{
    struct endpoint endpoint = {.keeps_average = true};
    const struct balance_type *type = balance_find(STR("least_time"));
    endpoint_set_weight(&endpoint, 1, ENDPOINT_WEIGHT_ONE);
    balance_note(&endpoint, &(struct balance_sample){.ttfb_ns = INT64_MAX / 2}, NS_PER_SEC);
    double score = type->score(&endpoint, NS_PER_SEC);
    WANT(score > 4990 && score < 5010);
}

TEST(a_slow_one_and_one_that_fails_fast_lose_their_share)
{
    for (int i = 0; i < 2; i++) {
        const struct sim_conf conf = {.method = "least_time", .count = 10, .answer_ms = 10};
        sim_open(&sim, &conf);
        sim.instances[3].answer_ms = 100;
        sim.instances[3].fail_share = i;
        sim.instances[3].fail_ms = 0.1;
        sim_run_s(&sim, 10);
        sim_reset(&sim);
        sim_run_s(&sim, 20);
        WANT(sim_share(&sim, 3) < 0.05);
        sim_close(&sim);
    }
}
