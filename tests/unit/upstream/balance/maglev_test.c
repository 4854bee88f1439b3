#include "upstream/balance/hashed.h"

#include "balance_kit.h"
#include "test.h"

static uint32_t slots[FLEET_MAX];

static void count_slots(const struct fleet *fleet)
{
    memset(slots, 0, sizeof slots);
    for (uint32_t i = 0; i < fleet->set.table->entry_count; i++) {
        slots[fleet->set.table->entries[i]]++;
    }
}

TEST(every_endpoint_has_its_slots_to_one)
{
    struct fleet fleet;
    fleet_open(&fleet, "maglev", 1000, NULL);
    count_slots(&fleet);
    WANT_INT(fleet.set.table->entry_count, MAGLEV_ENTRIES);
    for (int i = 0; i < 1000; i++) {
        WANT(slots[i] == 65 || slots[i] == 66);
    }
    fleet_close(&fleet);
}

TEST(slots_follow_weights_exactly)
{
    static const uint32_t weights[] = {1, 0, 1000000, 7, 100};
    struct fleet fleet;
    fleet_open(&fleet, "maglev", COUNT_OF(weights), weights);
    count_slots(&fleet);
    for (size_t i = 0; i < COUNT_OF(weights); i++) {
        double due = (double)MAGLEV_ENTRIES * weights[i] / 1000108;
        WANT(slots[i] > due - 1 && slots[i] < due + 1);
    }
    fleet_close(&fleet);
}

TEST(the_table_does_not_depend_on_the_order_of_the_list)
{
    struct fleet fleet;
    struct endpoint *turned[50];
    struct balance_set set;
    fleet_open(&fleet, "maglev", 50, NULL);
    for (int i = 0; i < 50; i++) {
        turned[i] = fleet.list[49 - i];
    }
    const struct balance_set_conf conf = {
        .type = fleet.set.type, .endpoints = turned, .count = 50, .seed = 99};
    WANT_INT(balance_set_init(&set, &fleet.arena, &conf), OK);
    for (uint32_t i = 0; i < MAGLEV_ENTRIES; i++) {
        WANT_INT(set.table->entries[i], 49 - fleet.set.table->entries[i]);
    }
    fleet_close(&fleet);
}

TEST(when_one_of_a_hundred_leaves_at_most_twice_the_ideal_share_of_keys_moves)
{
    struct fleet fleet;
    struct balance_set less;
    uint32_t moved = 0;
    fleet_open(&fleet, "maglev", 100, NULL);
    const struct balance_set_conf conf = {
        .type = fleet.set.type, .endpoints = fleet.list, .count = 99};
    WANT_INT(balance_set_init(&less, &fleet.arena, &conf), OK);
    for (uint32_t i = 0; i < MAGLEV_ENTRIES; i++) {
        moved += less.table->entries[i] != fleet.set.table->entries[i];
    }
    WANT(moved >= MAGLEV_ENTRIES / 100);
    WANT(moved <= 2 * (MAGLEV_ENTRIES / 100));
    fleet_close(&fleet);
}

TEST(a_table_may_be_small_and_have_fewer_slots_than_endpoints)
{
    struct fleet fleet;
    struct balance_set set;
    fleet_open(&fleet, "maglev", 1000, NULL);
    const struct balance_set_conf conf = {.type = fleet.set.type,
                                          .endpoints = fleet.list,
                                          .count = 1000,
                                          .options = {.table_entries = 251}};
    WANT_INT(balance_set_init(&set, &fleet.arena, &conf), OK);
    WANT_INT(set.table->entry_count, 251);
    for (uint32_t i = 0; i < 251; i++) {
        WANT(set.table->entries[i] < 1000);
    }
    fleet_close(&fleet);
}

TEST(without_memory_there_is_no_table)
{
    struct fleet fleet;
    struct arena arena;
    struct balance_set set;
    fleet_open(&fleet, "maglev", 3, NULL);
    arena_init_heap(&arena, 4096);
    const struct balance_set_conf conf = {
        .type = fleet.set.type, .endpoints = fleet.list, .count = 3};
    WANT_INT(balance_set_init(&set, &arena, &conf), ERR_MEMORY);
    arena_reset(&arena);
    fleet_close(&fleet);
}
