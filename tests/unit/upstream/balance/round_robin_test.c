#include "upstream/balance.h"

#include "balance_kit.h"
#include "base/clock.h"
#include "test.h"

#include <pthread.h>

enum { THREADS = 4, CYCLES = 3000 };

TEST(every_cycle_is_exact)
{
    static const uint32_t weights[] = {5, 1, 1, 13, 0, 100};
    struct fleet fleet;
    uint32_t counts[COUNT_OF(weights)];
    fleet_open(&fleet, "round_robin", COUNT_OF(weights), weights);
    for (int cycle = 0; cycle < 1000; cycle++) {
        fleet_count(&fleet, 120, counts);
        for (size_t i = 0; i < COUNT_OF(weights); i++) {
            WANT_INT(counts[i], weights[i]);
        }
    }
    fleet_close(&fleet);
}

TEST(turns_are_spread_over_the_cycle)
{
    static const uint32_t weights[] = {50, 25, 25};
    struct fleet fleet;
    uint32_t counts[COUNT_OF(weights)];
    fleet_open(&fleet, "round_robin", COUNT_OF(weights), weights);
    for (int i = 0; i < 250; i++) {
        fleet_count(&fleet, 4, counts);
        WANT(counts[0] >= 1 && counts[0] <= 3);
        WANT(counts[1] <= 2 && counts[2] <= 2);
    }
    fleet_close(&fleet);
}

TEST(equal_weights_alternate_strictly)
{
    struct fleet fleet;
    fleet_open(&fleet, "round_robin", 7, NULL);
    int first[7];
    for (int i = 0; i < 7; i++) {
        first[i] = fleet_pick(&fleet);
    }
    for (int i = 0; i < 700; i++) {
        WANT_INT(fleet_pick(&fleet), first[i % 7]);
    }
    fleet_close(&fleet);
}

TEST(the_seed_decides_who_comes_first)
{
    uint32_t firsts[4] = {0};
    struct fleet fleet;
    fleet_open(&fleet, "round_robin", 4, NULL);
    const struct balance_ask ask = fleet_ask(&fleet);
    for (uint64_t seed = 0; seed < 4000; seed++) {
        struct endpoint *endpoint;
        struct arena arena;
        struct balance_set set;
        const struct balance_set_conf conf = {
            .type = fleet.set.type, .endpoints = fleet.list, .count = 4, .seed = seed};
        arena_init_heap(&arena, 65536);
        WANT_INT(balance_set_init(&set, &arena, &conf), OK);
        WANT_INT(balance_pick(&set, &ask, &endpoint), BALANCE_PICKED);
        firsts[endpoint - fleet.endpoints]++;
        arena_reset(&arena);
    }
    for (int i = 0; i < 4; i++) {
        WANT(firsts[i] > 850 && firsts[i] < 1150);
    }
    fleet_close(&fleet);
}

TEST(a_raised_weight_takes_effect_within_a_tenth_of_a_second)
{
    static const uint32_t weights[] = {1, 100000, 100000};
    struct fleet fleet;
    uint32_t counts[COUNT_OF(weights)];
    fleet_open(&fleet, "round_robin", COUNT_OF(weights), weights);
    fleet_count(&fleet, 1000, counts);
    WANT(counts[0] <= 1);
    endpoint_set_weight(fleet.list[0], 100000, ENDPOINT_WEIGHT_ONE);
    fleet.now_ns += 100 * NS_PER_MS;
    fleet_count(&fleet, 3000, counts);
    WANT(counts[0] >= 999 && counts[0] <= 1001);
    endpoint_set_weight(fleet.list[0], 100000, ENDPOINT_WEIGHT_ONE / 2);
    fleet.now_ns += 100 * NS_PER_MS;
    fleet_count(&fleet, 5000, counts);
    WANT(counts[0] >= 999 && counts[0] <= 1001);
    fleet_close(&fleet);
}

TEST(who_was_away_does_not_catch_up_in_a_burst)
{
    struct fleet fleet;
    uint32_t counts[3];
    fleet_open(&fleet, "round_robin", 3, NULL);
    endpoint_bar(fleet.list[0], ENDPOINT_BAR_HEALTH);
    fleet_count(&fleet, 3000, counts);
    WANT_INT(counts[1], 1500);
    endpoint_unbar(fleet.list[0], ENDPOINT_BAR_HEALTH);
    fleet_count(&fleet, 30, counts);
    WANT(counts[0] >= 9 && counts[0] <= 11);
    fleet_close(&fleet);
}

TEST(the_only_one_left_of_many_is_found)
{
    struct fleet fleet;
    fleet_open(&fleet, "round_robin", 1000, NULL);
    for (uint32_t i = 0; i < 1000; i++) {
        if (i != 700) {
            endpoint_bar(fleet.list[i], ENDPOINT_BAR_HEALTH);
        }
    }
    for (int i = 0; i < 50; i++) {
        WANT_INT(fleet_pick(&fleet), 700);
    }
    fleet_close(&fleet);
}

struct caller {
    struct fleet *fleet;
    uint32_t picks;
    uint32_t counts[8];
};

static void *call(void *context)
{
    struct caller *caller = context;
    struct rng rng;
    rng_init(&rng, (uint64_t)(uintptr_t)caller);
    for (uint32_t i = 0; i < caller->picks; i++) {
        struct endpoint *endpoint;
        const struct balance_ask ask = {.rng = &rng, .now_ns = caller->fleet->now_ns + i};
        enum balance_verdict verdict = balance_pick(&caller->fleet->set, &ask, &endpoint);
        if (verdict != BALANCE_PICKED) {
            break;
        }
        caller->counts[endpoint - caller->fleet->endpoints]++;
        endpoint_end(endpoint);
    }
    return NULL;
}

TEST(shares_are_exact_over_four_threads)
{
    static const uint32_t weights[] = {1, 2, 3, 4, 10};
    struct fleet fleet;
    struct caller callers[THREADS];
    pthread_t threads[THREADS];
    fleet_open(&fleet, "round_robin", COUNT_OF(weights), weights);
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.fleet = &fleet, .picks = 20 * CYCLES / THREADS};
        WANT_INT(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        WANT_INT(pthread_join(threads[i], NULL), 0);
    }
    for (size_t i = 0; i < COUNT_OF(weights); i++) {
        uint32_t count = 0;
        for (int j = 0; j < THREADS; j++) {
            count += callers[j].counts[i];
        }
        WANT_INT(count, weights[i] * CYCLES);
    }
    fleet_close(&fleet);
}
