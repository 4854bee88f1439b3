/* srv_test.c - SRV records as a source: hosts as targets, weights and priorities. */
#include "upstream/discover/srv.c"

#include "source_kit.h"

TEST(each_record_is_a_target_with_weight)
{
    kit_start(NULL);
    kit_open(&(struct conf_discover){.from = STR("srv://_http._tcp.it.test"),
                                     .kind = CONF_DISCOVER_SRV,
                                     .url = STR("_http._tcp.it.test")});
    kit_run_changes(1);
    WANT_STR(kit_list(), STR("hb:8001"));
    WANT_STR(kit_source->list.targets[0].host, STR("hb"));
    WANT_INT(kit_source->list.targets[0].port, 8001);
    WANT_INT(kit_source->list.targets[0].weight, 10);
    WANT(kit_source->list.targets[0].is_every_address);
    kit_source->type->again(kit_source); /* the resolver asks by itself */
    kit_stop();
}

TEST(priorities_become_levels_and_weight_0_a_small_chance)
{
    static struct srv_answer answer = {
        .count = 4,
        .at = {{.priority = 10, .weight = 0, .port = 1, .host = "a"},
               {.priority = 10, .weight = 60, .port = 1, .host = "b"},
               {.priority = 20, .weight = 5, .port = 1, .host = "c"},
               {.priority = 65535, .weight = 5, .port = 1, .host = "d"}}};
    struct discover_list list;
    discover_list_init(&list);
    for (uint32_t i = 0; i < answer.count; i++) {
        WANT_INT(add_record(&list, &answer, i), OK);
    }
    WANT_INT(list.targets[0].priority, 0);
    WANT_INT(list.targets[1].priority, 0);
    WANT_INT(list.targets[2].priority, 1);
    WANT_INT(list.targets[3].priority, 2);
    WANT_INT(list.targets[0].weight, 1);
    WANT_INT(list.targets[1].weight, 600);
    for (uint32_t i = 0; i < answer.count; i++) {
        answer.at[i].weight = 0;
    }
    WANT_INT(weight_of(&answer, &answer.at[0]), 1);
    discover_list_drop(&list);
}
