#include "upstream/levels.h"

#include "balance_kit.h"
#include "test.h"
#include "upstream/origin.h"

#include <stdlib.h>

enum { PICKS = 20000 };

/* A sum in which `usable` of 100 is usable, all of it in doubt otherwise. */
static struct level_sum sum_of(uint64_t total, uint64_t usable)
{
    return (struct level_sum){
        .total = {total, 0}, .usable = {usable, 0}, .doubtful = total - usable};
}

TEST(load_spills_over_when_less_than_five_sevenths_are_usable)
{
    static const struct {
        uint64_t usable[3];
        uint32_t percents[3];
        uint32_t panic;
    } rows[] = {
        {{100, 100, 100}, {100, 0, 0}, 0}, {{72, 100, 100}, {100, 0, 0}, 0},
        {{71, 100, 100}, {99, 1, 0}, 0},   {{50, 100, 100}, {70, 30, 0}, 0},
        {{50, 25, 100}, {70, 30, 0}, 0},   {{25, 25, 20}, {36, 36, 28}, 7},
        {{0, 100, 100}, {0, 100, 0}, 0},   {{0, 50, 50}, {0, 70, 30}, 0},
        {{0, 30, 0}, {0, 100, 0}, 7},      {{0, 0, 0}, {100, 0, 0}, 7},
        {{0, 60, 0}, {0, 100, 0}, 5},      {{0, 72, 0}, {0, 100, 0}, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct level_sum sums[3];
        for (size_t j = 0; j < 3; j++) {
            sums[j] = sum_of(100, rows[i].usable[j]);
        }
        struct level_plan plan = levels_plan(sums, 3, 50);
        uint32_t whole = 0;
        for (size_t j = 0; j < 3; j++) {
            double percent = 100.0 * plan.shares[j] / LEVELS_ONE;
            WANT(percent > rows[i].percents[j] - 1.0);
            WANT(percent < rows[i].percents[j] + 1.0);
            whole += plan.shares[j];
        }
        WANT_INT(whole, LEVELS_ONE);
        WANT_INT(plan.panic, rows[i].panic);
    }
}

TEST(panic_can_be_off_and_is_not_for_what_an_operator_took_out)
{
    const struct level_sum down = sum_of(10, 0);
    struct level_plan plan = levels_plan(&down, 1, 0);
    WANT_INT(plan.panic, 0);
    WANT_INT(plan.shares[0], 0);
    const struct level_sum drained = {.total = {10, 0}, .usable = {2, 0}};
    plan = levels_plan(&drained, 1, 50);
    WANT_INT(plan.panic, 0);
    WANT_INT(plan.shares[0], LEVELS_ONE);
    const struct level_sum half = sum_of(2, 1);
    WANT_INT(levels_plan(&half, 1, 50).panic, 0);
    const struct level_sum third = sum_of(3, 1);
    WANT_INT(levels_plan(&third, 1, 50).panic, 1);
}

TEST(a_zone_keeps_its_picks_while_it_has_capacity)
{
    static const struct {
        struct level_sum sum;
        uint32_t percent;
    } rows[] = {
        {{.total = {4, 4}, .usable = {4, 4}}, 100}, {{.total = {4, 4}, .usable = {4, 3}}, 100},
        {{.total = {4, 4}, .usable = {4, 2}}, 70},  {{.total = {4, 4}, .usable = {4, 0}}, 0},
        {{.total = {4, 4}, .usable = {0, 1}}, 100}, {{.total = {4, 0}, .usable = {4, 0}}, 0},
        {{.total = {6, 2}, .usable = {0, 0}}, 25},  {{.total = {0, 0}, .usable = {0, 0}}, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint32_t share = levels_local_share(&rows[i].sum);
        WANT_INT((share * 100 + LEVELS_ONE / 2) / LEVELS_ONE, rows[i].percent);
    }
}

/* Origins without sockets, three of each place that is told. */
struct world {
    struct arena arena;
    struct origin *origins[9];
    struct endpoint *list[9];
    struct balance_set all;
    struct levels *levels;
    struct rng rng;
};

static void world_open(struct world *world, const uint32_t priorities[3], const bool locals[3])
{
    memset(world, 0, sizeof *world);
    arena_init_heap(&world->arena, 1 << 20);
    uint8_t places[9];
    rng_init(&world->rng, 42);
    for (uint32_t i = 0; i < 9; i++) {
        world->origins[i] = aligned_alloc(CACHE_LINE_BYTES, (sizeof(struct origin) + 63) / 64 * 64);
        memset(world->origins[i], 0, sizeof(struct origin));
        instance_place(world->origins[i], priorities[i / 3], locals[i / 3]);
        places[i] = level_place(priorities[i / 3], locals[i / 3]);
        instance_list(world->origins[i], 1);
        world->list[i] = &world->origins[i]->endpoint;
    }
    struct balance_set_conf conf = {.type = balance_types[BALANCE_ID_least_request],
                                    .endpoints = world->list,
                                    .count = 9,
                                    .seed = 1};
    const struct levels_conf levels = {&conf, places, true};
    WANT_INT(levels_build(&world->levels, &world->arena, &levels), OK);
    world->all = (struct balance_set){.type = conf.type, .endpoints = conf.endpoints, .count = 9};
}

static void world_close(struct world *world)
{
    for (uint32_t i = 0; i < 9; i++) {
        free(world->origins[i]);
    }
    arena_reset(&world->arena);
}

/* Picks and ends; counts by threes. */
static void count_picks(struct world *world, const struct balance_ask *ask, uint32_t counts[3])
{
    memset(counts, 0, 3 * sizeof counts[0]);
    for (uint32_t i = 0; i < PICKS; i++) {
        struct endpoint *picked;
        if (levels_pick(world->levels, &world->all, ask, &picked) != BALANCE_PICKED) {
            continue;
        }
        endpoint_end(picked);
        for (uint32_t j = 0; j < 9; j++) {
            counts[j / 3] += world->list[j] == picked;
        }
    }
}

static void set_shares(struct world *world, const uint32_t *percents)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < world->levels->group_count; i++) {
        sum += percents[i] * LEVELS_ONE / 100;
        atomic_store(&world->levels->upto[i], sum);
    }
}

TEST(groups_are_drawn_by_their_shares_and_priorities_come_in_order)
{
    struct world world;
    uint32_t counts[3];
    world_open(&world, (const uint32_t[]){5, 0, 0}, (const bool[]){false, false, true});
    WANT_INT(world.levels->group_count, 3);
    WANT(world.levels->groups[0].is_local);
    WANT_INT(world.levels->groups[2].priority, 5);
    set_shares(&world, (const uint32_t[]){60, 30, 10});
    const struct balance_ask ask = {.rng = &world.rng};
    count_picks(&world, &ask, counts);
    WANT(abs((int)counts[2] - PICKS * 60 / 100) < PICKS / 50);
    WANT(abs((int)counts[1] - PICKS * 30 / 100) < PICKS / 50);
    WANT(abs((int)counts[0] - PICKS * 10 / 100) < PICKS / 50);
    world_close(&world);
}

TEST(a_key_chooses_its_group_and_keeps_it)
{
    struct world world;
    uint32_t counts[3], groups_of_keys = 0;
    world_open(&world, (const uint32_t[]){0, 1, 2}, (const bool[]){false, false, false});
    set_shares(&world, (const uint32_t[]){50, 25, 25});
    for (uint64_t key = 0; key < 40; key++) {
        const struct balance_ask ask = {.rng = &world.rng,
                                        .has_hash = true,
                                        .hash = key * UINT64_C(0x9e3779b97f4a7c15)};
        count_picks(&world, &ask, counts);
        for (uint32_t i = 0; i < 3; i++) {
            WANT(counts[i] == 0 || counts[i] == PICKS);
            groups_of_keys |= counts[i] > 0 ? 1u << i : 0;
        }
    }
    WANT_INT(groups_of_keys, 7);
    world_close(&world);
}

TEST(an_exhausted_group_passes_on_and_a_full_one_waits_for_its_own_priority)
{
    struct world world;
    struct endpoint *picked;
    struct balance_tried tried = {0};
    world_open(&world, (const uint32_t[]){0, 0, 1}, (const bool[]){true, false, false});
    set_shares(&world, (const uint32_t[]){100, 0, 0});
    const struct balance_ask ask = {.rng = &world.rng, .tried = &tried};
    for (uint32_t i = 0; i < 9; i++) {
        WANT_INT(levels_pick(world.levels, &world.all, &ask, &picked), BALANCE_PICKED);
        WANT(picked == world.list[i / 3 * 3] || picked == world.list[i / 3 * 3 + 1] ||
             picked == world.list[i / 3 * 3 + 2]);
        tried.at[tried.count++] = picked;
        endpoint_end(picked);
    }
    WANT_INT(levels_pick(world.levels, &world.all, &ask, &picked), BALANCE_TRIED);
    tried.count = 0;
    for (uint32_t i = 0; i < 6; i++) {
        endpoint_set_ceiling(world.list[i], 1);
        WANT_INT(levels_pick(world.levels, &world.all, &ask, &picked), BALANCE_PICKED);
    }
    WANT_INT(levels_pick(world.levels, &world.all, &ask, &picked), BALANCE_FULL);
    for (uint32_t i = 0; i < 6; i++) {
        endpoint_end(world.list[i]);
        endpoint_set_bars(world.list[i], ENDPOINT_BAR_HEALTH);
    }
    WANT_INT(levels_pick(world.levels, &world.all, &ask, &picked), BALANCE_PICKED);
    WANT(origin_of(picked)->instance.priority == 1);
    endpoint_end(picked);
    world_close(&world);
}

TEST(a_client_that_is_bound_goes_to_its_instance_in_any_group_while_that_drains)
{
    struct world world;
    struct endpoint *picked;
    world_open(&world, (const uint32_t[]){0, 0, 1}, (const bool[]){true, false, false});
    set_shares(&world, (const uint32_t[]){100, 0, 0});
    endpoint_set_bars(world.list[7], ENDPOINT_BAR_DRAINED);
    const struct balance_ask ask = {.rng = &world.rng, .bound = world.list[7]};
    WANT_INT(levels_pick(world.levels, &world.all, &ask, &picked), BALANCE_PICKED);
    WANT(picked == world.list[7]);
    endpoint_end(picked);
    endpoint_set_bars(world.list[7], ENDPOINT_BAR_MAINTENANCE);
    WANT_INT(levels_pick(world.levels, &world.all, &ask, &picked), BALANCE_PICKED);
    WANT(picked != world.list[7]);
    endpoint_end(picked);
    world_close(&world);
}

TEST(who_warms_up_is_drawn_by_its_share_alone_and_stands_in_when_nobody_else_can)
{
    struct world world;
    struct endpoint *picked;
    uint32_t counts[3], warm = 0;
    world_open(&world, (const uint32_t[]){0, 0, 0}, (const bool[]){false, false, false});
    WANT_INT(world.levels->group_count, 1);
    struct level_group *group = &world.levels->groups[0];
    endpoint_set_bars(world.list[0], ENDPOINT_BAR_WARMING);
    atomic_store(&group->warm[0].endpoint, world.list[0]);
    atomic_store(&group->warm[0].upto, UINT32_MAX / 20);
    atomic_store(&group->warm_count, 1);
    const struct balance_ask ask = {.rng = &world.rng};
    for (uint32_t i = 0; i < PICKS; i++) {
        WANT_INT(levels_pick(world.levels, &world.all, &ask, &picked), BALANCE_PICKED);
        warm += picked == world.list[0];
        endpoint_end(picked);
    }
    WANT(abs((int)warm - PICKS / 20) < PICKS / 100);
    for (uint32_t i = 1; i < 9; i++) {
        endpoint_set_bars(world.list[i], ENDPOINT_BAR_HEALTH);
    }
    count_picks(&world, &ask, counts);
    WANT_INT(counts[0], PICKS);
    endpoint_set_bars(world.list[0], ENDPOINT_BAR_WARMING | ENDPOINT_BAR_HEALTH);
    WANT_INT(levels_pick(world.levels, &world.all, &ask, &picked), BALANCE_NONE);
    world_close(&world);
}

TEST(one_place_without_slow_start_has_no_levels)
{
    struct world world;
    world_open(&world, (const uint32_t[]){3, 3, 3}, (const bool[]){true, true, true});
    struct balance_set_conf conf = {.type = balance_types[BALANCE_ID_least_request],
                                    .endpoints = world.list,
                                    .count = 9};
    struct levels *levels;
    const uint8_t places[9] = {0};
    struct levels_conf levels_conf = {&conf, places, false};
    WANT_INT(levels_build(&levels, &world.arena, &levels_conf), OK);
    WANT(levels == NULL);
    struct arena none;
    arena_init_heap(&none, 64);
    levels_conf.has_slow_start = true;
    WANT_INT(levels_build(&levels, &none, &levels_conf), ERR_MEMORY);
    arena_reset(&none);
    world_close(&world);
}
