#include "base/limits.h"
#include "base/strbuf.h"
#include "stats/registry.h"
#include "test.h"

struct world {
    struct stats stats;
    struct registry registry;
};

static struct world *world_open(void)
{
    static struct world world;
    CHECK(stats_init(&world.stats, 2) == OK);
    CHECK(registry_init(&world.registry, &world.stats, &world.stats.blocks[1]) == OK);
    return &world;
}

static void world_close(struct world *world)
{
    registry_drop(&world->registry);
    stats_drop(&world->stats);
}

static uint32_t route(struct world *world, struct str name)
{
    return registry_series(&world->registry, METRIC_request_duration, &name);
}

static uint32_t numbered(struct world *world, enum metric metric, int number)
{
    char text[32];
    struct strbuf name = strbuf_over(text, sizeof text);
    strbuf_add_fmt(&name, "r%d", number);
    struct str values[METRIC_LABELS_MAX] = {strbuf_str(&name), STR("b"), STR("c"), STR("d")};
    return registry_series(&world->registry, metric, values);
}

static struct str text_of(struct world *world, enum metric metric, uint32_t cell)
{
    LIST_EACH(node, &world->registry.series[metric])
    {
        struct series *series = CONTAINER_OF(node, struct series, of_metric);
        if (series->cell == cell) {
            return str_of(series->text, series->text_bytes);
        }
    }
    return STR("");
}

TEST(the_same_names_give_the_same_cell_and_others_another)
{
    struct world *world = world_open();
    struct str one[] = {STR("public"), STR("orders"), STR("orders"), STR("v1")};
    struct str two[] = {STR("public"), STR("orders"), STR("orders"), STR("v2")};
    uint32_t first = registry_series(&world->registry, METRIC_requests, one);
    uint32_t second = registry_series(&world->registry, METRIC_requests, two);
    WANT(first >= CELL_COUNT && second >= CELL_COUNT);
    WANT(first + METRIC_CODES <= second || second + METRIC_CODES <= first);
    registry_begin(&world->registry, 2);
    WANT_INT(registry_series(&world->registry, METRIC_requests, one), first);
    WANT_STR(text_of(world, METRIC_requests, second),
             STR("listener=\"public\",route=\"orders\",service=\"orders\",version=\"v2\""));
    WANT_INT(stats_read(&world->stats, CELL_metric_series), 2);
    world_close(world);
}

TEST(label_values_are_escaped_so_that_no_byte_can_end_them)
{
    struct world *world = world_open();
    for (int byte = 0; byte < 256; byte++) {
        char raw[] = {'a', (char)byte, 'z'};
        struct str text = text_of(world, METRIC_request_duration, route(world, str_of(raw, 3)));
        WANT(str_starts(text, STR("route=\"a")) && str_ends(text, STR("z\"")));
        struct str inside = str_sub(text, 8, text.len - 10);
        struct str wanted = byte == '"'                 ? STR("\\\"")
                            : byte == '\\'              ? STR("\\\\")
                            : byte == '\n'              ? STR("\\n")
                            : byte < 32 || byte >= 0x7f ? STR("\xef\xbf\xbd")
                                                        : str_of(raw + 1, 1);
        WANT_STR(inside, wanted);
    }
    struct str umlaut = STR("caf\xc3\xa9");
    WANT_STR(text_of(world, METRIC_request_duration, route(world, umlaut)),
             STR("route=\"caf\xc3\xa9\""));
    world_close(world);
}

TEST(long_names_are_cut_and_stay_different)
{
    struct world *world = world_open();
    char name[4096];
    memset(name, 1, sizeof name);
    uint32_t one = route(world, str_of(name, LIMIT_VALUE(metric_label_bytes)));
    uint32_t two = route(world, str_of(name, LIMIT_VALUE(metric_label_bytes) + 1));
    uint32_t all = route(world, str_of(name, sizeof name));
    WANT(one != two && two != all && one != all);
    struct str four[] = {str_of(name, 4096), str_of(name, 4095), str_of(name, 4094),
                         str_of(name, 4093)};
    WANT(registry_series(&world->registry, METRIC_requests, four) >= CELL_COUNT);
    world_close(world);
}

TEST(names_that_are_all_other_are_the_fixed_series)
{
    struct world *world = world_open();
    WANT_INT(route(world, STR("other")), CELL_request_duration);
    WANT(route(world, STR("other2")) != CELL_request_duration);
    WANT_INT(stats_read(&world->stats, CELL_metric_overflows), 0);
    world_close(world);
}

TEST(a_series_that_no_snapshot_uses_keeps_its_count_until_it_is_asked_for_again)
{
    struct world *world = world_open();
    registry_begin(&world->registry, 1);
    uint32_t gone = route(world, STR("gone"));
    stats_observe(&world->stats.blocks[0], gone, 10);
    registry_begin(&world->registry, 2);
    uint32_t kept = route(world, STR("kept"));
    registry_release(&world->registry, 2);
    registry_release(&world->registry, 2);
    WANT_INT(route(world, STR("gone")), gone);
    WANT_INT(stats_read(&world->stats, gone + histogram_bucket(10)), 1);
    WANT(kept != gone);
    WANT_INT(world->registry.epoch, 0);
    world_close(world);
}

/* Every series of so many routes; false: one of them is "other". */
static bool has_all_routes(struct world *world, const char *prefix, int count)
{
    bool has_all = true;
    for (int i = 0; i < count * 6; i++) {
        char room[32];
        struct strbuf name = strbuf_over(room, sizeof room);
        strbuf_add_fmt(&name, "%s-%d", prefix, i / 6);
        const struct str route = strbuf_str(&name);
        const struct str labels[4] = {i % 2 == 0 ? STR("http") : STR("inner"), route, route,
                                      i % 3 == 0   ? STR("")
                                      : i % 3 == 1 ? STR("v1")
                                                   : STR("v2")};
        has_all &= registry_series(&world->registry, METRIC_requests, labels) != CELL_requests;
        has_all &= registry_series(&world->registry, METRIC_request_duration, &route) !=
                   CELL_request_duration;
    }
    return has_all;
}

TEST(ten_thousand_routes_on_two_listeners_with_two_versions_are_all_told_apart)
{
    struct world *world = world_open();
    registry_begin(&world->registry, 1);
    WANT(has_all_routes(world, "a-route", 10000));
    registry_begin(&world->registry, 2); /* all of them renamed, while the old ones are in use */
    WANT(has_all_routes(world, "renamed", 10000));
    WANT_INT(stats_read(&world->stats, CELL_metric_overflows), 0);
    registry_release(&world->registry, 2);
    world_close(world);
}

TEST(at_the_ceiling_living_series_stay_and_new_ones_are_other_and_counted)
{
    struct world *world = world_open();
    registry_begin(&world->registry, 1);
    uint32_t first = numbered(world, METRIC_origin_ttfb, 0), last = first;
    int made = 1;
    while (last != CELL_origin_ttfb) {
        last = numbered(world, METRIC_origin_ttfb, made++);
    }
    WANT(made > 30000 && made <= LIMIT_VALUE(metric_series));
    for (int i = 0; i < 1000; i++) {
        WANT_INT(numbered(world, METRIC_origin_ttfb, 1000000 + i), CELL_origin_ttfb);
    }
    WANT_INT(stats_read(&world->stats, CELL_metric_overflows), 1001);
    WANT_INT(numbered(world, METRIC_origin_ttfb, 0), first);
    world_close(world);
}

TEST(at_the_ceiling_the_cells_of_retired_series_are_used_again_oldest_first_and_zeroed)
{
    struct world *world = world_open();
    registry_begin(&world->registry, 1);
    uint32_t oldest = numbered(world, METRIC_origin_reuses, 0);
    stats_add(&world->stats.blocks[0], oldest, 42);
    for (int i = 1; i < LIMIT_VALUE(metric_series); i++) {
        WANT(numbered(world, METRIC_origin_reuses, i) != CELL_origin_reuses);
    }
    WANT_INT(numbered(world, METRIC_origin_reuses, 1 << 20), CELL_origin_reuses);
    registry_begin(&world->registry, 2);
    WANT_INT(numbered(world, METRIC_origin_reuses, 1), oldest + 1);
    registry_release(&world->registry, 2);
    WANT_INT(numbered(world, METRIC_origin_reuses, 1 << 20), oldest);
    WANT_INT(stats_read(&world->stats, oldest), 0);
    WANT_INT(world->registry.epoch, 1);
    WANT_INT(numbered(world, METRIC_origin_reuses, 1), oldest + 1);
    WANT_INT(numbered(world, METRIC_origin_reuses, 2), oldest + 2);
    WANT(numbered(world, METRIC_origin_reuses, 0) == oldest + 3);
    world_close(world);
}

TEST(a_thousand_reloads_with_new_names_reach_a_plateau)
{
    struct world *world = world_open();
    for (int reload = 1; reload <= 1000; reload++) {
        registry_begin(&world->registry, (uint64_t)reload);
        for (int i = 0; i < 200; i++) {
            enum metric metric = i % 2 == 0 ? METRIC_origin_reuses : METRIC_request_duration;
            if (numbered(world, metric, reload * 200 + i) == metric_rows[metric].cell) {
                WANT(false);
                reload = 1000;
                break;
            }
        }
        registry_release(&world->registry, (uint64_t)reload);
    }
    WANT(world->registry.series_count <= LIMIT_VALUE(metric_series));
    WANT_INT(stats_read(&world->stats, CELL_metric_overflows), 0);
    world_close(world);
}

TEST(what_is_held_or_was_there_before_the_first_snapshot_is_never_taken_away)
{
    struct world *world = world_open();
    uint32_t early = numbered(world, METRIC_origin_reuses, 1);
    registry_begin(&world->registry, 1);
    struct str held_name = STR("held");
    uint32_t held = registry_hold(&world->registry, METRIC_origin_reuses, &held_name);
    uint32_t plain = numbered(world, METRIC_origin_reuses, 2);
    registry_begin(&world->registry, 9);
    registry_release(&world->registry, 9);
    struct list *first = world->registry.retired[0].next;
    WANT(first != &world->registry.retired[0] && first->next == &world->registry.retired[0]);
    WANT_INT(CONTAINER_OF(first, struct series, of_retired)->cell, plain);
    registry_retire(&world->registry, METRIC_origin_reuses, held);
    WANT(first->next != &world->registry.retired[0]);
    struct str other = STR("other");
    WANT_INT(registry_hold(&world->registry, METRIC_origin_reuses, &other), CELL_origin_reuses);
    registry_retire(&world->registry, METRIC_origin_reuses, CELL_origin_reuses);
    WANT(early != held && held != plain);
    world_close(world);
}

TEST(an_instance_that_is_gone_can_be_retired_at_once_and_comes_back)
{
    struct world *world = world_open();
    uint32_t cell = numbered(world, METRIC_endpoint_in_flight, 1);
    registry_retire(&world->registry, METRIC_endpoint_in_flight, cell);
    registry_retire(&world->registry, METRIC_endpoint_in_flight, cell);
    registry_retire(&world->registry, METRIC_endpoint_in_flight, 1);
    WANT(!list_is_empty(&world->registry.retired[0]));
    WANT_INT(numbered(world, METRIC_endpoint_in_flight, 1), cell);
    WANT(list_is_empty(&world->registry.retired[0]));
    world_close(world);
}

TEST(without_memory_for_a_name_the_answer_is_other)
{
    struct world *world = world_open();
    world->registry.text_small.fail_after = 0;
    WANT_INT(route(world, STR("a")), CELL_request_duration);
    WANT_INT(stats_read(&world->stats, CELL_metric_overflows), 1);
    WANT(route(world, STR("a")) != CELL_request_duration);
    world_close(world);
}
