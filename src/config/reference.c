/* reference.c - the reference of the language in Markdown: one section for each table, one line for
 * each row, written from the rows themselves, so that no key is undocumented. */
#include "config/table_list.h"
#include "text/quantity.h"

static void add_link(struct sink *out, const struct conf_table *table)
{
    sink_add_fmt(out, "[%s](#", table->name);
    for (const char *at = table->name; *at != '\0'; at++) {
        sink_add(out, *at == ' ' ? STR("-") : str_of(at, 1));
    }
    sink_add_c(out, ")");
}

/* A bar would end the cell of a table. */
static void add_cell(struct sink *out, const char *text)
{
    for (; *text != '\0'; text++) {
        sink_add(out, *text == '|' ? STR("\\|") : str_of(text, 1));
    }
}

static void add_words(struct sink *out, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        sink_add_fmt(out, "%s`%s`", i == 0 ? "" : names[i + 1] == NULL ? " or " : ", ", names[i]);
    }
}

static void add_range(struct sink *out, const struct conf_field *field)
{
    char low[32], high[32];
    struct strbuf from = strbuf_over(low, sizeof low), to = strbuf_over(high, sizeof high);
    void (*add)(struct strbuf *, int64_t) = field->type == CONF_DURATION ? quantity_add_duration
                                            : field->type == CONF_INT    ? strbuf_add_i64
                                                                         : quantity_add_size;
    if (field->max == 0) {
        return;
    }
    add(&from, field->min);
    add(&to, field->max);
    sink_add_fmt(out, ", %.*s to %.*s", STR_FMT(strbuf_str(&from)), STR_FMT(strbuf_str(&to)));
}

static void add_scalar(struct sink *out, const struct conf_field *field, enum conf_type type)
{
    static const char *const names[CONF_TYPE_COUNT] = {[CONF_BOOL] = "`true` or `false`",
                                                       [CONF_INT] = "whole number",
                                                       [CONF_STRING] = "text",
                                                       [CONF_TEXT] = "name",
                                                       [CONF_DURATION] = "duration",
                                                       [CONF_SIZE] = "size",
                                                       [CONF_LIMIT] = "size or `off`",
                                                       [CONF_RATE] = "rate",
                                                       [CONF_ADDR] = "address and port",
                                                       [CONF_PREFIX] = "address range"};
    if (type == CONF_ENUM) {
        add_words(out, field->names);
    } else if (type == CONF_CUSTOM) {
        add_cell(out, field->grammar->form);
    } else if (names[type] != NULL) {
        sink_add_c(out, names[type]);
    }
    bool has_range =
        type == CONF_INT || type == CONF_DURATION || type == CONF_SIZE || type == CONF_LIMIT;
    if (has_range) {
        add_range(out, field);
    }
}

static void add_value(struct sink *out, const struct conf_field *field)
{
    if (field->type == CONF_STRUCT) {
        add_link(out, field->table);
    } else if (field->type == CONF_MAP) {
        sink_add_c(out, "map of names, each a ");
        add_link(out, field->table);
    } else if (field->type == CONF_PAIRS) {
        sink_add_c(out, "map of names to text");
    } else if (field->type == CONF_LIST && field->item == CONF_STRUCT) {
        sink_add_c(out, "one or a list of ");
        add_link(out, field->table);
    } else if (field->type == CONF_LIST) {
        sink_add_c(out, "one or a list of: ");
        add_scalar(out, field, (enum conf_type)field->item);
    } else {
        add_scalar(out, field, (enum conf_type)field->type);
    }
}

static void add_row(struct sink *out, const struct conf_field *field)
{
    sink_add_fmt(out, "| `%s` | ", field->name);
    add_value(out, field);
    if ((field->flags & CONF_REQUIRED) != 0) {
        sink_add_c(out, " | required | ");
    } else if (field->preset != NULL) {
        sink_add_fmt(out, " | `%s` | ", field->preset);
    } else {
        sink_add_c(out, " | | ");
    }
    add_cell(out, field->summary);
    sink_add_c(out, " |\n");
}

static void add_later(struct sink *out, const struct conf_table *table)
{
    const char *separator = "\nKnown, but not supported by this version: ";
    bool has_any = false;
    for (uint32_t i = 0; i < table->field_count; i++) {
        if (table->fields[i].type == CONF_LATER) {
            sink_add_fmt(out, "%s`%s`", separator, table->fields[i].name);
            separator = ", ";
            has_any = true;
        }
    }
    sink_add_c(out, has_any ? ".\n" : "");
}

static void add_section(struct sink *out, const struct conf_table *table)
{
    sink_add_fmt(out, "\n## %s\n\n%s\n", table->name, table->summary);
    if (table->shorthand != NULL) {
        sink_add_c(out, "\nShort form: ");
        sink_add_c(out, table->shorthand->form);
        sink_add_fmt(out, ". Example: `%s`\n", table->shorthand->example);
    }
    if (table->field_count > 0) {
        sink_add_c(out, "\n| Key | Value | Default | What it says |\n|---|---|---|---|\n");
    }
    for (uint32_t i = 0; i < table->field_count; i++) {
        if (table->fields[i].type != CONF_LATER) {
            add_row(out, &table->fields[i]);
        }
    }
    sink_add_c(out, table->policies_at > 0 ? "\n[Policies](#policies) by their names.\n" : "");
    add_later(out, table);
}

static void add_policies(struct sink *out, const struct conf_kind *kinds, uint32_t kind_count)
{
    sink_add_c(out, "\n## policies\n\nIn running order, whatever their order in the file.\n\n"
                    "| Key | Value | What it does |\n|---|---|---|\n");
    for (uint32_t i = 0; i < kind_count; i++) {
        sink_add_fmt(out, "| `%s` | ", kinds[i].name);
        add_link(out, kinds[i].table);
        sink_add_c(out, " | ");
        add_cell(out, kinds[i].summary);
        sink_add_c(out, " |\n");
    }
}

static void add_codes(struct sink *out)
{
    sink_add_c(out, "\n## messages\n\n| Code | What is wrong |\n|---|---|\n");
    for (size_t i = 0; i < DIAG_CODE_COUNT; i++) {
        sink_add_fmt(out, "| %s | ", diag_rows[i].code);
        add_cell(out, diag_rows[i].title);
        sink_add_c(out, " |\n");
    }
}

void config_write_reference(const struct conf_kind *kinds, uint32_t kind_count, struct sink *out)
{
    struct conf_tables tables = {0};
    conf_tables_collect(&tables, kinds, kind_count);
    sink_add_c(out, "# Configuration reference\n\n"
                    "Written from the tables that read the file; do not edit. Durations: `250ms`, "
                    "`10s`, `1h30m`. Sizes: `512`, `64KiB`, `10MiB`.\nRates: `100/min`, `10/s per "
                    "consumer`. A value may be `${env:NAME}`, `${env:NAME:-default}` or "
                    "`${file:/path}`.\n");
    for (uint32_t i = 0; i < tables.count; i++) {
        add_section(out, tables.at[i]);
    }
    add_policies(out, kinds, kind_count);
    add_codes(out);
}
