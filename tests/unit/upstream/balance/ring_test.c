#include "upstream/balance/hashed.h"

#include "balance_kit.h"
#include "test.h"

enum { KEYS = 100000 };

static void owners(struct fleet *fleet, const struct balance_set *set, uint32_t *out)
{
    struct balance_ask ask = fleet_ask(fleet);
    ask.has_hash = true;
    for (uint64_t i = 0; i < KEYS; i++) {
        struct endpoint *endpoint;
        ask.hash = hashed_mix(i);
        WANT_INT(balance_pick(set, &ask, &endpoint), BALANCE_PICKED);
        out[i] = (uint32_t)(endpoint - fleet->endpoints);
        endpoint_end(endpoint);
    }
}

TEST(shares_follow_the_weights_roughly)
{
    static const uint32_t weights[] = {1, 1, 1, 1, 4};
    static uint32_t out[KEYS];
    struct fleet fleet;
    uint32_t counts[5] = {0};
    fleet_open(&fleet, "ring", 5, weights);
    owners(&fleet, &fleet.set, out);
    for (int i = 0; i < KEYS; i++) {
        counts[out[i]]++;
    }
    for (int i = 0; i < 5; i++) {
        double due = KEYS * weights[i] / 8.0;
        WANT(counts[i] > due * 0.7 && counts[i] < due * 1.3);
    }
    fleet_close(&fleet);
}

TEST(an_endpoint_that_leaves_moves_no_key_of_the_others)
{
    static uint32_t before[KEYS], after[KEYS];
    struct fleet fleet;
    struct balance_set less;
    uint32_t moved = 0;
    fleet_open(&fleet, "ring", 100, NULL);
    const struct balance_set_conf conf = {
        .type = fleet.set.type, .endpoints = fleet.list, .count = 99};
    WANT_INT(balance_set_init(&less, &fleet.arena, &conf), OK);
    owners(&fleet, &fleet.set, before);
    owners(&fleet, &less, after);
    for (int i = 0; i < KEYS; i++) {
        WANT(before[i] == after[i] || before[i] == 99);
        moved += before[i] != after[i];
    }
    WANT(moved > 0 && moved <= 2 * KEYS / 100);
    fleet_close(&fleet);
}

TEST(every_hash_finds_the_first_point_after_it)
{
    struct fleet fleet;
    fleet_open(&fleet, "ring", 3, NULL);
    const struct balance_table *table = fleet.set.table;
    struct balance_ask ask = fleet_ask(&fleet);
    ask.has_hash = true;
    for (uint32_t i = 0; i < table->entry_count; i++) {
        for (int64_t step = -1; step <= 1; step++) {
            struct endpoint *endpoint;
            ask.hash = table->points[i].hash + (uint64_t)step;
            uint32_t next = step == 1 ? i + 1 : i;
            WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_PICKED);
            WANT_INT(endpoint - fleet.endpoints, table->points[next].index);
            endpoint_end(endpoint);
        }
    }
    ask.hash = UINT64_MAX;
    struct endpoint *endpoint;
    WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_PICKED);
    WANT_INT(endpoint - fleet.endpoints, table->points[0].index);
    fleet_close(&fleet);
}
