/* reference_test.c - the reference has every key, every kind and every code. */
#include "config/table_list.h"
#include "kit.h"

static struct str reference_of(void)
{
    static struct arena arena;
    struct sink out;
    arena_reset(&arena);
    arena_init_heap(&arena, 1 << 24);
    sink_to_memory(&out, &arena);
    config_write_reference(kit_opts.kinds, kit_opts.kind_count, &out);
    return sink_str(&out);
}

static bool has(struct str text, const char *format, const char *name)
{
    char wanted[160];
    snprintf(wanted, sizeof wanted, "%s%s", format, name);
    return str_find_str(text, str_from_c(wanted)) < text.len;
}

TEST(every_key_of_every_table_is_in_the_reference)
{
    static struct conf_tables tables;
    struct str text = reference_of();
    conf_tables_collect(&tables, kit_opts.kinds, kit_opts.kind_count);
    for (uint32_t i = 0; i < tables.count; i++) {
        WANT(has(text, "\n## ", tables.at[i]->name));
        for (uint32_t j = 0; j < tables.at[i]->field_count; j++) {
            WANT(has(text, "`", tables.at[i]->fields[j].name));
        }
    }
    WANT(has(text, "| `", "mark` | [mark](#mark) | Marks. |"));
    for (size_t i = 0; i < DIAG_CODE_COUNT; i++) {
        WANT(has(text, "| ", diag_rows[i].code));
    }
}

TEST(rows_of_the_markdown_tables_have_four_cells)
{
    struct str_pair cut = {.tail = reference_of(), .is_cut = true};
    while (cut.is_cut) {
        cut = str_cut(cut.tail, '\n');
        if (!str_starts(cut.head, STR("| `"))) {
            continue;
        }
        size_t bars = 0;
        for (size_t i = 0; i < cut.head.len; i++) {
            bars += cut.head.at[i] == '|' && (i == 0 || cut.head.at[i - 1] != '\\');
        }
        WANT(bars == 5 || bars == 4);
    }
}
