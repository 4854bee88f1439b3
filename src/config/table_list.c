/* table_list.c - every table of the language, each once; see table_list.h. */
#include "config/table_list.h"

static void add_table(struct conf_tables *tables, const struct conf_table *table)
{
    for (uint32_t i = 0; i < tables->count; i++) {
        if (tables->at[i] == table) {
            return;
        }
    }
    if (tables->count < CONF_TABLES_MAX) {
        tables->at[tables->count++] = table;
    }
}

static void add_rows(struct conf_tables *tables, const struct conf_table *table)
{
    for (uint32_t i = 0; i < table->field_count; i++) {
        const struct conf_field *field = &table->fields[i];
        if (field->table != NULL) {
            add_table(tables, field->table);
        }
        if (field->grammar != NULL && field->grammar->map != NULL) {
            add_table(tables, field->grammar->map);
        }
    }
}

void conf_tables_collect(struct conf_tables *tables, const struct conf_kind *kinds,
                         uint32_t kind_count)
{
    add_table(tables, &conf_root_table);
    for (uint32_t i = 0; i < tables->count; i++) {
        add_rows(tables, tables->at[i]);
    }
    uint32_t done = tables->count;
    for (uint32_t i = 0; i < kind_count; i++) {
        add_table(tables, kinds[i].table);
    }
    for (uint32_t i = done; i < tables->count; i++) {
        add_rows(tables, tables->at[i]);
    }
}

void conf_table_id(const struct conf_table *table, struct sink *out)
{
    for (const char *at = table->name; *at != '\0'; at++) {
        sink_add(out, *at == ' ' ? STR("_") : str_of(at, 1));
    }
}
