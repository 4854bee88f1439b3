/* schema.c - the JSON Schema (draft-07, the level that editors support) of the language, written
 * from the same rows that read it: an editor accepts what Sluice accepts, but for what only the
 * whole file can tell. Keys that this version does not support are left out. */
#include "config/table_list.h"
#include "text/quantity.h"

struct schema {
    struct sink *out;
    const struct conf_kind *kinds;
    uint32_t kind_count;
};

static const char reference[] = "{\"$ref\":\"#/definitions/reference\"}";

static void add_text(struct sink *out, const char *name, const char *text)
{
    sink_add_fmt(out, "\"%s\":\"", name);
    sink_add_json(out, str_from_c(text));
    sink_add_c(out, "\"");
}

static void add_ref(struct sink *out, const struct conf_table *table)
{
    sink_add_c(out, "{\"$ref\":\"#/definitions/");
    conf_table_id(table, out);
    sink_add_c(out, "\"}");
}

static void add_pattern(struct sink *out, const char *pattern)
{
    sink_add_c(out, "{\"type\":\"string\"");
    if (pattern != NULL) {
        sink_add_c(out, ",");
        add_text(out, "pattern", pattern);
    }
    sink_add_c(out, "}");
}

/* A grammar by everything that it takes. */
static void add_grammar(struct sink *out, const struct conf_grammar *grammar)
{
    sink_add_c(out, "{\"anyOf\":[");
    add_pattern(out, grammar->pattern);
    sink_add_c(out, ",");
    sink_add_c(out, reference);
    sink_add_c(out, grammar->takes_int ? ",{\"type\":\"integer\"}" : "");
    sink_add_c(out, grammar->takes_bool ? ",{\"type\":\"boolean\"}" : "");
    if (grammar->takes_list) {
        sink_add_c(out, ",{\"type\":\"array\",\"minItems\":1,\"items\":");
        add_pattern(out, grammar->pattern);
        sink_add_c(out, "}");
    }
    if (grammar->items != NULL) {
        sink_add_c(out, ",{\"type\":\"array\",\"minItems\":1,\"items\":");
        add_ref(out, grammar->items);
        sink_add_c(out, "}");
    }
    if (grammar->map != NULL) {
        sink_add_c(out, ",");
        add_ref(out, grammar->map);
    }
    sink_add_c(out, "]}");
}

static void add_bounds(struct sink *out, const struct conf_field *field)
{
    sink_add_fmt(out, ",\"minimum\":%lld", (long long)field->min);
    if (field->max > 0) {
        sink_add_fmt(out, ",\"maximum\":%lld", (long long)field->max);
    }
}

static void add_words(struct sink *out, const char *const *names)
{
    sink_add_c(out, "{\"enum\":[");
    for (size_t i = 0; names[i] != NULL; i++) {
        sink_add_fmt(out, "%s\"%s\"", i > 0 ? "," : "", names[i]);
    }
    sink_add_c(out, "]}");
}

static const char *pattern_of(enum conf_type type)
{
    static const char *const patterns[CONF_TYPE_COUNT] = {
        [CONF_DURATION] = "^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?([0-9]{1,5}ms)?$",
        [CONF_SIZE] = "^[0-9]+(B|KiB|MiB|GiB|TiB)?$",
        [CONF_LIMIT] = "^([0-9]+(B|KiB|MiB|GiB|TiB)?|off)$",
        [CONF_RATE] = "^[0-9]+/(s|min|h|day)( +per .+)?$",
        [CONF_ADDR] = "^([0-9.]+|\\[[0-9A-Fa-f:.]+\\])?:[0-9]+$",
        [CONF_PREFIX] = "^[0-9A-Fa-f:.]+(/[0-9]+)?$"};
    return patterns[type];
}

static void add_string(struct sink *out, const struct conf_field *field)
{
    sink_add_c(out, "{\"type\":\"string\"");
    sink_add_c(out, (field->flags & CONF_NOT_EMPTY) != 0 ? ",\"minLength\":1" : "");
    if (field->max > 0) {
        sink_add_fmt(out, ",\"maxLength\":%lld", (long long)field->max);
    }
    sink_add_c(out, "}");
}

static void add_scalar(struct sink *out, const struct conf_field *field, enum conf_type type)
{
    if (type == CONF_STRING || type == CONF_TEXT) {
        add_string(out, field);
        return;
    }
    if (type == CONF_CUSTOM) {
        add_grammar(out, field->grammar);
        return;
    }
    sink_add_c(out, "{\"anyOf\":[");
    if (type == CONF_BOOL) {
        sink_add_c(out, "{\"type\":\"boolean\"}");
    } else if (type == CONF_ENUM) {
        add_words(out, field->names);
    } else if (type == CONF_INT) {
        sink_add_c(out, "{\"type\":\"integer\"");
        add_bounds(out, field);
        sink_add_c(out, "}");
    } else {
        add_pattern(out, pattern_of(type));
    }
    if (type == CONF_SIZE || type == CONF_LIMIT) {
        sink_add_c(out, ",{\"type\":\"integer\"");
        add_bounds(out, field);
        sink_add_c(out, "}");
    }
    sink_add_c(out, ",");
    sink_add_c(out, reference);
    sink_add_c(out, "]}");
}

static void add_item(struct sink *out, const struct conf_field *field)
{
    if (field->item == CONF_STRUCT) {
        add_ref(out, field->table);
    } else {
        add_scalar(out, field, (enum conf_type)field->item);
    }
}

static void add_list(struct sink *out, const struct conf_field *field)
{
    sink_add_c(out, "{\"anyOf\":[");
    add_item(out, field);
    sink_add_c(out, ",{\"type\":\"array\",\"items\":");
    add_item(out, field);
    sink_add_c(out, (field->flags & CONF_NOT_EMPTY) != 0 ? ",\"minItems\":1}]}" : "}]}");
}

static void add_type(struct sink *out, const struct conf_field *field)
{
    const char *at_least = (field->flags & CONF_NOT_EMPTY) != 0 ? ",\"minProperties\":1" : "";
    if (field->type == CONF_STRUCT) {
        add_ref(out, field->table);
    } else if (field->type == CONF_LIST) {
        add_list(out, field);
    } else if (field->type == CONF_MAP) {
        sink_add_fmt(out, "{\"type\":\"object\"%s,\"additionalProperties\":", at_least);
        add_ref(out, field->table);
        sink_add_c(out, "}");
    } else if (field->type == CONF_PAIRS) {
        sink_add_fmt(out, "{\"type\":\"object\"%s,\"additionalProperties\":{\"type\":\"string\"}}",
                     at_least);
    } else {
        add_scalar(out, field, (enum conf_type)field->type);
    }
}

static void add_property(struct sink *out, const struct conf_field *field)
{
    sink_add_fmt(out, "\n\"%s\":{", field->name);
    add_text(out, "description", field->summary);
    if (field->preset != NULL) {
        bool is_bare = field->type == CONF_INT || field->type == CONF_BOOL;
        sink_add_c(out, ",\"default\":");
        sink_add_c(out, is_bare ? "" : "\"");
        sink_add_json(out, str_from_c(field->preset));
        sink_add_c(out, is_bare ? "" : "\"");
    }
    /* In draft-07 a $ref hides what stands beside it, so the type is wrapped. */
    sink_add_c(out, ",\"allOf\":[");
    add_type(out, field);
    sink_add_c(out, "]}");
}

static void add_properties(const struct schema *schema, const struct conf_table *table)
{
    struct sink *out = schema->out;
    const char *separator = "";
    sink_add_c(out, ",\"properties\":{");
    for (uint32_t i = 0; i < table->field_count; i++) {
        if (table->fields[i].type != CONF_LATER) {
            sink_add_c(out, separator);
            add_property(out, &table->fields[i]);
            separator = ",";
        }
    }
    for (uint32_t i = 0; table->policies_at > 0 && i < schema->kind_count; i++) {
        sink_add_fmt(out, "%s\n\"%s\":{", separator, schema->kinds[i].name);
        add_text(out, "description", schema->kinds[i].summary);
        sink_add_c(out, ",\"allOf\":[");
        add_ref(out, schema->kinds[i].table);
        sink_add_c(out, "]}");
        separator = ",";
    }
    sink_add_c(out, "}");
}

static void add_required(struct sink *out, const struct conf_table *table)
{
    const char *separator = ",\"required\":[";
    for (uint32_t i = 0; i < table->field_count; i++) {
        if ((table->fields[i].flags & CONF_REQUIRED) != 0) {
            sink_add_fmt(out, "%s\"%s\"", separator, table->fields[i].name);
            separator = ",";
        }
    }
    sink_add_c(out, *separator == ',' && separator[1] == '\0' ? "]" : "");
}

/* Of each group of keys only one may be written. */
static void add_groups(struct sink *out, const struct conf_table *table)
{
    const char *separator = ",\"allOf\":[";
    bool has_group = false;
    for (uint32_t i = 0; i < table->field_count; i++) {
        for (uint32_t j = 0; table->fields[i].group != 0 && j < i; j++) {
            if (table->fields[j].group != table->fields[i].group) {
                continue;
            }
            sink_add_fmt(out, "%s{\"not\":{\"required\":[\"%s\",\"%s\"]}}", separator,
                         table->fields[j].name, table->fields[i].name);
            separator = ",";
            has_group = true;
        }
    }
    sink_add_c(out, has_group ? "]" : "");
}

static void add_object(const struct schema *schema, const struct conf_table *table)
{
    sink_add_c(schema->out, "{\"type\":\"object\",\"additionalProperties\":false");
    add_properties(schema, table);
    add_required(schema->out, table);
    add_groups(schema->out, table);
    sink_add_c(schema->out, "}");
}

static void add_definition(const struct schema *schema, const struct conf_table *table)
{
    struct sink *out = schema->out;
    sink_add_c(out, ",\n\"");
    conf_table_id(table, out);
    sink_add_c(out, "\":{");
    add_text(out, "description", table->summary);
    sink_add_c(out, ",\"anyOf\":[");
    add_object(schema, table);
    if (table->shorthand != NULL) {
        sink_add_c(out, ",");
        add_grammar(out, table->shorthand);
    }
    sink_add_c(out, "]}");
}

void config_write_schema(const struct conf_kind *kinds, uint32_t kind_count, struct sink *out)
{
    const struct schema schema = {out, kinds, kind_count};
    struct conf_tables tables = {0};
    conf_tables_collect(&tables, kinds, kind_count);
    sink_add_c(out, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\n"
                    "\"title\":\"Sluice configuration\",\n"
                    "\"$ref\":\"#/definitions/configuration\",\n\"definitions\":{\n"
                    "\"reference\":{\"description\":\"An environment variable or the content of a "
                    "file.\",\"type\":\"string\",\"pattern\":\"\\\\$\\\\{(env|file):\"}");
    for (uint32_t i = 0; i < tables.count; i++) {
        add_definition(&schema, tables.at[i]);
    }
    sink_add_c(out, "}}\n");
}
