/* table_list_test.c - every table is found, once. */
#include "config/table_list.h"
#include "kit.h"

TEST(the_list_begins_with_the_root_and_ends_with_policies)
{
    static struct conf_tables tables;
    tables.count = 0;
    conf_tables_collect(&tables, kit_opts.kinds, kit_opts.kind_count);
    WANT(tables.at[0] == &conf_root_table);
    WANT(tables.at[tables.count - 1] == kit_opts.kinds[1].table);
    WANT(tables.count > 20);
    for (uint32_t i = 0; i < tables.count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            WANT(tables.at[i] != tables.at[j]);
            WANT(strcmp(tables.at[i]->name, tables.at[j]->name) != 0);
        }
    }
}

TEST(an_id_has_no_spaces)
{
    struct sink out;
    struct arena arena;
    arena_init_heap(&arena, 1 << 16);
    sink_to_memory(&out, &arena);
    conf_table_id(&conf_listener_timeout_table, &out);
    WANT_STR(sink_str(&out), STR("listener_timeout"));
    arena_reset(&arena);
}
