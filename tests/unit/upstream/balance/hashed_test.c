#include "upstream/balance/hashed.h"

#include "balance_kit.h"
#include "base/clock.h"
#include "sim.h"
#include "test.h"

#include <pthread.h>

enum { KEYS = 20000, THREADS = 4 };

static const char *const methods[] = {"maglev", "ring"};
static struct sim sim;

static int owner(struct fleet *fleet, uint64_t key, const struct balance_tried *tried)
{
    struct endpoint *endpoint;
    struct balance_ask ask = fleet_ask(fleet);
    ask.tried = tried;
    ask.hash = hashed_mix(key);
    ask.has_hash = true;
    if (balance_pick(&fleet->set, &ask, &endpoint) != BALANCE_PICKED) {
        return -1;
    }
    endpoint_end(endpoint);
    return (int)(endpoint - fleet->endpoints);
}

static void owners(struct fleet *fleet, int *out)
{
    for (uint64_t i = 0; i < KEYS; i++) {
        out[i] = owner(fleet, i, NULL);
    }
}

TEST(who_is_down_or_full_or_was_tried_loses_its_keys_to_all_others_and_nobody_else_does)
{
    static int before[KEYS], after[KEYS];
    for (size_t m = 0; m < COUNT_OF(methods); m++) {
        for (int how = 0; how < 3; how++) {
            struct fleet fleet;
            uint32_t gained[10] = {0}, moved = 0;
            fleet_open(&fleet, methods[m], 10, NULL);
            owners(&fleet, before);
            const struct balance_tried tried = {.at = {fleet.list[3]}, .count = 1};
            if (how == 0) {
                endpoint_bar(fleet.list[3], ENDPOINT_BAR_HEALTH);
            } else if (how == 1) {
                endpoint_set_ceiling(fleet.list[3], 1);
                WANT(endpoint_try_begin(fleet.list[3]));
            }
            for (uint64_t i = 0; i < KEYS; i++) {
                after[i] = owner(&fleet, i, how == 2 ? &tried : NULL);
                WANT(after[i] != 3);
                WANT(before[i] == 3 || after[i] == before[i]);
                moved += before[i] == 3;
                gained[after[i]] += before[i] == 3;
            }
            for (int i = 0; i < 10; i++) {
                WANT(i == 3 || gained[i] > moved / 9 / 2);
                WANT(i == 3 || gained[i] < moved / 9 * 2);
            }
            fleet_close(&fleet);
        }
    }
}

TEST(half_a_share_keeps_half_of_the_keys_and_moves_no_other)
{
    static int before[KEYS], after[KEYS];
    for (size_t m = 0; m < COUNT_OF(methods); m++) {
        struct fleet fleet;
        uint32_t had = 0, kept = 0;
        fleet_open(&fleet, methods[m], 10, NULL);
        owners(&fleet, before);
        endpoint_set_weight(fleet.list[3], 1, ENDPOINT_WEIGHT_ONE / 2);
        owners(&fleet, after);
        for (int i = 0; i < KEYS; i++) {
            had += before[i] == 3;
            kept += before[i] == 3 && after[i] == 3;
            WANT(before[i] == 3 || after[i] == before[i]);
        }
        WANT(kept > had * 45 / 100 && kept < had * 55 / 100);
        fleet_close(&fleet);
    }
}

TEST(the_only_one_left_is_found)
{
    for (size_t m = 0; m < COUNT_OF(methods); m++) {
        struct fleet fleet;
        fleet_open(&fleet, methods[m], 1000, NULL);
        for (int i = 0; i < 1000; i++) {
            endpoint_set_weight(fleet.list[i], i == 700, ENDPOINT_WEIGHT_ONE);
        }
        for (uint64_t key = 0; key < 100; key++) {
            WANT_INT(owner(&fleet, key, NULL), 700);
        }
        fleet_close(&fleet);
    }
}

TEST(without_a_key_a_request_goes_anywhere)
{
    struct fleet fleet;
    uint32_t counts[10];
    fleet_open(&fleet, "maglev", 10, NULL);
    fleet_count(&fleet, 20000, counts);
    for (int i = 0; i < 10; i++) {
        WANT(counts[i] > 1700 && counts[i] < 2300);
    }
    fleet_close(&fleet);
}

TEST(weights_of_zero_leave_nothing_to_pick)
{
    for (size_t m = 0; m < COUNT_OF(methods); m++) {
        struct fleet fleet;
        fleet_open(&fleet, methods[m], 3, (const uint32_t[]){0, 0, 0});
        WANT_INT(owner(&fleet, 1, NULL), -1);
        fleet_close(&fleet);
    }
}

/* One key out of four is the same one. */
static void hot_key(struct sim *fleet, struct sim_request *request, struct balance_ask *ask)
{
    (void)fleet;
    if (request->hash % 4 == 0) {
        ask->hash = 42;
    }
}

/* No endpoint is ever above its bound; checked at each tenth of a second. */
static void check_bound(struct sim *fleet)
{
    uint32_t total = 0, max = 0;
    for (uint32_t i = 0; i < fleet->count; i++) {
        uint32_t in_flight = endpoint_in_flight(fleet->list[i]);
        total += in_flight;
        max = in_flight > max ? in_flight : max;
    }
    uint32_t *peak = fleet->context;
    *peak = total > *peak ? total : *peak;
}

TEST(a_hot_key_spreads_over_the_bound)
{
    for (size_t m = 0; m < COUNT_OF(methods); m++) {
        uint32_t peak = 0;
        const struct sim_conf conf = {.method = methods[m],
                                      .count = 20,
                                      .answer_ms = 100,
                                      .requests_per_s = 2000,
                                      .options = {.bound_percent = 125}};
        sim_open(&sim, &conf);
        sim.ask = hot_key;
        sim.tick = check_bound;
        sim.tick_ns = 10 * NS_PER_MS;
        sim.context = &peak;
        sim_run_s(&sim, 30);
        for (int i = 0; i < 20; i++) {
            WANT(sim.instances[i].in_flight_max <= (peak * 125 + 1999) / 2000 + 1);
        }
        sim_close(&sim);
    }
}

TEST(every_pick_keeps_the_bound_for_any_factor_and_weights)
{
    static const uint32_t weights[] = {1, 2, 3, 4};
    for (size_t m = 0; m < COUNT_OF(methods); m++) {
        for (uint32_t percent = 101; percent < 300; percent += 33) {
            struct fleet fleet;
            fleet_open(&fleet, methods[m], 4, weights);
            fleet.set.options.bound_percent = percent;
            for (uint32_t total = 1; total <= 500; total++) {
                struct endpoint *endpoint;
                struct balance_ask ask = fleet_ask(&fleet);
                ask.hash = 7; /* always the same key */
                ask.has_hash = true;
                WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_PICKED);
                uint32_t index = (uint32_t)(endpoint - fleet.endpoints);
                uint32_t most = (percent * total * weights[index] + 999) / 1000;
                WANT(endpoint_in_flight(endpoint) <= (most > 1 ? most : 1));
            }
            fleet_close(&fleet);
        }
    }
}

struct caller {
    struct fleet *fleet;
    _Atomic uint32_t *total;
    uint64_t seed;
};

static void *call(void *context)
{
    const struct caller *caller = context;
    struct rng rng;
    struct endpoint *held[64] = {NULL};
    rng_init(&rng, caller->seed);
    for (uint32_t i = 0; i < 20000; i++) {
        struct endpoint **slot = &held[i % COUNT_OF(held)];
        if (*slot != NULL) {
            atomic_fetch_sub(caller->total, 1);
            endpoint_end(*slot);
        }
        const struct balance_ask ask = {.rng = &rng,
                                        .now_ns = NS_PER_SEC,
                                        .hash = 99,
                                        .has_hash = true,
                                        .in_flight = atomic_load(caller->total),
                                        .has_in_flight = true};
        if (balance_pick(&caller->fleet->set, &ask, slot) == BALANCE_PICKED) {
            atomic_fetch_add(caller->total, 1);
            /* 256 at most are in flight: 32 each, and a quarter more. */
            WANT(endpoint_in_flight(*slot) <= 40);
        }
    }
    for (size_t i = 0; i < COUNT_OF(held); i++) {
        endpoint_end(held[i]);
    }
    return NULL;
}

TEST(the_bound_holds_over_four_threads)
{
    struct fleet fleet;
    struct caller callers[THREADS];
    pthread_t threads[THREADS];
    _Atomic uint32_t total = 0;
    fleet_open(&fleet, "maglev", 8, NULL);
    fleet.set.options.bound_percent = 125;
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){&fleet, &total, (uint64_t)i};
        WANT_INT(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        WANT_INT(pthread_join(threads[i], NULL), 0);
    }
    fleet_close(&fleet);
}
