/* print.c - one value of the model as text; see print.h. */
#include "config/print.h"

#include "base/check.h"
#include "config/internals.h"
#include "text/quantity.h"

enum { SCRATCH_BYTES = 1 << 20 };

static bool is_plain_char(char c)
{
    char lower = char_lower(c);
    return (lower >= 'a' && lower <= 'z') || char_is_digit(c) || memchr("_-./:", c, 5) != NULL;
}

/* What YAML 1.1 takes for a number to base 60, a date or a number with underscores. */
static bool is_old_number(struct str text)
{
    size_t dots = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        dots += c == '.';
        if (!char_is_digit(c) && c != ':' && c != '-' && c != '_' && c != '.') {
            return false;
        }
    }
    return char_is_digit(text.at[0]) && dots < 3;
}

static bool is_old_bool(struct str text)
{
    static const struct str words[] = {{"y", 1},  {"n", 1},  {"yes", 3},
                                       {"no", 2}, {"on", 2}, {"off", 3}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_eq_nocase(text, words[i])) {
            return true;
        }
    }
    return false;
}

/* Plain scalars that every YAML reader, old ones too, takes for the same string. */
static bool is_plain(struct str text)
{
    if (text.len == 0 || yaml_core_type(text) != NODE_STRING || text.at[text.len - 1] == ':' ||
        is_old_number(text) || is_old_bool(text)) {
        return false;
    }
    char first = char_lower(text.at[0]);
    if (first != '/' && first != '_' && (first < 'a' || first > 'z') && !char_is_digit(first)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_plain_char(text.at[i])) {
            return false;
        }
    }
    return true;
}

void conf_print_text(const struct conf_printer *printer, struct str text)
{
    struct sink *out = printer->out;
    if (printer->is_raw) {
        sink_add_fmt(out, "%zu:", text.len);
        sink_add(out, text);
        return;
    }
    if (is_plain(text)) {
        sink_add(out, text);
        return;
    }
    sink_add_c(out, "\"");
    while (text.len > 0) {
        /* What was written as $${ is written so again. */
        size_t at = str_find_str(text, STR("${"));
        sink_add_json(out, str_sub(text, 0, at));
        sink_add_c(out, at < text.len ? "$${" : "");
        text = str_skip(text, at < text.len ? at + 2 : at);
    }
    sink_add_c(out, "\"");
}

/* What a grammar writes, in memory of the scratch arena. */
static struct str custom_text(const struct conf_printer *printer,
                              const struct conf_grammar *grammar, const void *value)
{
    struct sink text;
    if (grammar->write == NULL) {
        return (struct str){0};
    }
    if (printer->scratch->used_bytes > SCRATCH_BYTES) {
        arena_reset(printer->scratch);
    }
    sink_to_memory(&text, printer->scratch);
    grammar->write(value, &text);
    return sink_str(&text);
}

static void print_rate(const struct conf_rate *rate, struct strbuf *out)
{
    quantity_add_rate(out, rate->count, rate->per_ms);
    if (rate->key.len > 0) {
        strbuf_add(out, STR(" per "));
        strbuf_add(out, rate->key);
    }
}

static void print_addr(const struct addr *addr, struct strbuf *out)
{
    if (addr->family == ADDR_NONE) {
        strbuf_add_char(out, ':');
        strbuf_add_u64(out, addr->port);
        return;
    }
    addr_add(out, addr);
}

static void print_prefix(const struct addr_prefix *prefix, struct strbuf *out)
{
    addr_add_ip(out, &prefix->addr);
    strbuf_add_char(out, '/');
    strbuf_add_u64(out, prefix->bits);
}

static int64_t int_at(const void *value)
{
    int64_t number;
    memcpy(&number, value, sizeof number);
    return number;
}

static void print_custom(const struct conf_printer *printer, const struct conf_grammar *grammar,
                         const void *value)
{
    struct str text = custom_text(printer, grammar, value);
    if (grammar->writes_yaml) {
        sink_add(printer->out, text);
    } else {
        conf_print_text(printer, text);
    }
}

/* Values of a few bytes, which are put together before it is known whether they need quotes. */
static void print_small(const struct conf_printer *printer, enum conf_type type, const void *value)
{
    char text[512];
    struct strbuf out = strbuf_over(text, sizeof text);
    const struct conf_limit *limit = value;
    if (type == CONF_DURATION) {
        quantity_add_duration(&out, int_at(value));
    } else if (type == CONF_SIZE) {
        quantity_add_size(&out, int_at(value));
    } else if (type == CONF_LIMIT && limit->bytes > 0) {
        quantity_add_size(&out, limit->bytes);
    } else if (type == CONF_LIMIT) {
        strbuf_add(&out, STR("off"));
    } else if (type == CONF_RATE) {
        print_rate(value, &out);
    } else if (type == CONF_ADDR) {
        print_addr(value, &out);
    } else if (type == CONF_PREFIX) {
        print_prefix(value, &out);
    }
    struct str s = strbuf_str(&out);
    bool is_number = type == CONF_SIZE || type == CONF_LIMIT;
    if (is_number && yaml_core_type(s) == NODE_INT) {
        sink_add(printer->out, s);
    } else {
        conf_print_text(printer, s);
    }
}

void conf_print_scalar(const struct conf_printer *printer, const struct conf_field *field,
                       enum conf_type type, const void *value)
{
    const struct conf_text *text = value;
    if (!printer->sees_secrets && printer->internals != NULL &&
        ((field->flags & CONF_SECRET) != 0 || conf_is_secret(printer->internals, value))) {
        sink_add_c(printer->out, "\"<secret>\"");
        return;
    }
    switch (type) {
    case CONF_BOOL: sink_add_c(printer->out, *(const bool *)value ? "true" : "false"); return;
    case CONF_INT: sink_add_fmt(printer->out, "%lld", (long long)int_at(value)); return;
    case CONF_STRING: conf_print_text(printer, *(const struct str *)value); return;
    case CONF_TEXT: conf_print_text(printer, text->text); return;
    case CONF_ENUM:
        conf_print_text(printer, str_from_c(field->names[*(const uint8_t *)value]));
        return;
    case CONF_DURATION:
    case CONF_SIZE:
    case CONF_LIMIT:
    case CONF_RATE:
    case CONF_ADDR:
    case CONF_PREFIX: print_small(printer, type, value); return;
    case CONF_CUSTOM: print_custom(printer, field->grammar, value); return;
    case CONF_STRUCT:
    case CONF_LIST:
    case CONF_MAP:
    case CONF_PAIRS:
    case CONF_LATER:
    case CONF_TYPE_COUNT: break;
    }
    CHECK(false);
}

static bool pos_is_set_at(const void *object, uint32_t at)
{
    struct source_pos pos;
    memcpy(&pos, conf_at(object, at - 1), sizeof pos);
    return source_pos_is_set(&pos);
}

static bool is_written(const struct conf_table *table, const struct conf_field *field,
                       const void *object)
{
    uint64_t mask;
    if (table->written_at == 0) {
        return true;
    }
    memcpy(&mask, conf_at(object, table->written_at - 1), sizeof mask);
    return (mask >> (field->offset / 8) & 1) != 0;
}

static bool has_visible(const struct conf_field *field, const void *object)
{
    struct conf_list list = conf_list_at(object, field->offset);
    if (field->type != CONF_MAP || field->table->is_hidden == NULL) {
        return list.count > 0;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        if (!field->table->is_hidden(conf_at(list.at, i * field->table->bytes))) {
            return true;
        }
    }
    return false;
}

static bool struct_is_left_out(const struct conf_printer *printer, const struct conf_field *field,
                               const void *value)
{
    bool is_optional = (field->flags & CONF_OPTIONAL) != 0 && field->table->pos_at > 0;
    return (is_optional && !pos_is_set_at(value, field->table->pos_at)) ||
           conf_is_blank(printer, field->table, value);
}

bool conf_is_left_out(const struct conf_printer *printer, const struct conf_table *table,
                      const struct conf_field *field, const void *object)
{
    const void *value = conf_at(object, field->offset);
    const struct addr *addr = value;
    const struct conf_limit *limit = value;
    if (!is_written(table, field, object)) {
        return true;
    }
    switch ((enum conf_type)field->type) {
    case CONF_STRING:
    case CONF_TEXT: return ((const struct str *)value)->len == 0;
    case CONF_LIST:
    case CONF_PAIRS:
    case CONF_MAP: return (field->flags & CONF_ONLY_TEXT) != 0 || !has_visible(field, object);
    case CONF_STRUCT: return struct_is_left_out(printer, field, value);
    case CONF_INT:
    case CONF_SIZE:
    case CONF_DURATION: return field->preset == NULL && int_at(value) == 0;
    case CONF_LIMIT: return !source_pos_is_set(&limit->pos);
    case CONF_ADDR: return addr->port == 0;
    case CONF_ENUM:
        return (field->flags & CONF_OPTIONAL) != 0 && !pos_is_set_at(object, field->pos_at);
    case CONF_CUSTOM: return custom_text(printer, field->grammar, value).len == 0;
    case CONF_RATE: return ((const struct conf_rate *)value)->count == 0;
    case CONF_BOOL:
    case CONF_PREFIX: return false;
    case CONF_LATER:
    case CONF_TYPE_COUNT: break;
    }
    return true;
}

bool conf_is_blank(const struct conf_printer *printer, const struct conf_table *table,
                   const void *object)
{
    if (table->policies_at > 0 && conf_list_at(object, table->policies_at - 1).count > 0) {
        return false;
    }
    for (uint32_t i = 0; i < table->field_count; i++) {
        if (!conf_is_left_out(printer, table, &table->fields[i], object)) {
            return false;
        }
    }
    return true;
}

bool conf_is_block(const struct conf_field *field)
{
    return field->type == CONF_STRUCT || field->type == CONF_MAP || field->type == CONF_PAIRS ||
           (field->type == CONF_LIST && field->item == CONF_STRUCT);
}

static size_t item_bytes(const struct conf_field *field)
{
    if (field->item == CONF_STRUCT) {
        return field->table->bytes;
    }
    return field->item == CONF_CUSTOM ? field->grammar->bytes
                                      : conf_type_bytes((enum conf_type)field->item);
}

static void print_list(const struct conf_printer *printer, const struct conf_field *field,
                       const struct conf_list *list)
{
    sink_add_c(printer->out, "[");
    for (uint32_t i = 0; i < list->count; i++) {
        const void *item = conf_at(list->at, (uint32_t)(i * item_bytes(field)));
        sink_add_c(printer->out, i > 0 ? ", " : "");
        if (field->item == CONF_STRUCT) {
            conf_print_struct(printer, field->table, item);
        } else {
            conf_print_scalar(printer, field, (enum conf_type)field->item, item);
        }
    }
    sink_add_c(printer->out, "]");
}

static void print_map(const struct conf_printer *printer, const struct conf_field *field,
                      const struct conf_list *list)
{
    sink_add_c(printer->out, "{");
    for (uint32_t i = 0; i < list->count; i++) {
        const void *item = conf_at(list->at, i * field->table->bytes);
        sink_add_c(printer->out, i > 0 ? ", " : "");
        conf_print_text(printer, conf_name_of(field->table, item));
        sink_add_c(printer->out, ": ");
        conf_print_struct(printer, field->table, item);
    }
    sink_add_c(printer->out, "}");
}

static void print_pairs(const struct conf_printer *printer, const struct conf_field *field,
                        const struct conf_pairs *pairs)
{
    sink_add_c(printer->out, "{");
    for (uint32_t i = 0; i < pairs->count; i++) {
        sink_add_c(printer->out, i > 0 ? ", " : "");
        conf_print_text(printer, pairs->at[i].name);
        sink_add_c(printer->out, ": ");
        conf_print_scalar(printer, field, CONF_STRING, &pairs->at[i].value);
    }
    sink_add_c(printer->out, "}");
}

void conf_print_field(const struct conf_printer *printer, const struct conf_field *field,
                      const void *object)
{
    const void *value = conf_at(object, field->offset);
    struct conf_list list;
    struct conf_pairs pairs;
    if (field->type == CONF_STRUCT) {
        conf_print_struct(printer, field->table, value);
    } else if (field->type == CONF_LIST) {
        list = conf_list_at(object, field->offset);
        print_list(printer, field, &list);
    } else if (field->type == CONF_MAP) {
        list = conf_list_at(object, field->offset);
        print_map(printer, field, &list);
    } else if (field->type == CONF_PAIRS) {
        memcpy(&pairs, value, sizeof pairs);
        print_pairs(printer, field, &pairs);
    } else {
        conf_print_scalar(printer, field, (enum conf_type)field->type, value);
    }
}

/* In running order; returns what stands before the next key. */
static const char *print_policies(const struct conf_printer *printer,
                                  const struct conf_table *table, const void *object,
                                  const char *separator)
{
    struct conf_policies policies;
    memcpy(&policies, conf_at(object, table->policies_at - 1), sizeof policies);
    for (uint32_t kind = 0; kind < printer->internals->kind_count; kind++) {
        for (uint32_t i = 0; i < policies.count; i++) {
            if (policies.at[i].kind_index != kind) {
                continue;
            }
            sink_add_c(printer->out, separator);
            sink_add_c(printer->out, policies.at[i].kind->name);
            sink_add_c(printer->out, ": ");
            conf_print_struct(printer, policies.at[i].kind->table, policies.at[i].conf);
            separator = ", ";
        }
    }
    return separator;
}

void conf_print_struct(const struct conf_printer *printer, const struct conf_table *table,
                       const void *object)
{
    const char *separator = "{";
    if (!printer->sees_secrets && table->shorthand != NULL &&
        conf_is_secret(printer->internals, object)) {
        sink_add_c(printer->out, "\"<secret>\"");
        return;
    }
    for (uint32_t i = 0; i < table->field_count; i++) {
        const struct conf_field *field = &table->fields[i];
        if (conf_is_left_out(printer, table, field, object)) {
            continue;
        }
        sink_add_c(printer->out, separator);
        sink_add_c(printer->out, field->name);
        sink_add_c(printer->out, ": ");
        conf_print_field(printer, field, object);
        separator = ", ";
    }
    if (table->policies_at > 0) {
        separator = print_policies(printer, table, object, separator);
    }
    sink_add_c(printer->out, *separator == '{' ? "{}" : "}");
}
