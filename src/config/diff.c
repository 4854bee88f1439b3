/* diff.c - what a new file changes, in words of the configuration and not of its text.
 * Walks two configurations by the same tables: things with names are matched by name, lists are
 * compared by what is in them, values by how they print. One line a difference:
 *   service orders, version v2: weight 5 -> 20 */
#include "base/limits.h"
#include "base/map.h"
#include "config/print.h"

enum { SHOWN_BYTES_MAX = 160 };

/* Where we are: "service orders", then "version v2", then "timeout". */
struct trail {
    const struct trail *above;
    const char *noun;
    struct str name;
};

struct differ {
    struct conf_printer from, to; /* with secrets, into memory: for comparing */
    struct conf_printer from_shown, to_shown;
    struct arena texts, scratch, custom;
    struct arena items; /* of the list in hand */
    struct sink *out;
    uint32_t count;
};

/* One value of each side; a pointer is NULL where the side has none. */
struct both {
    const void *from, *to;
};

static void diff_struct(struct differ *differ, const struct conf_table *table, struct both both,
                        const struct trail *trail);

static void write_trail(const struct trail *trail, struct sink *out)
{
    if (trail == NULL) {
        return;
    }
    write_trail(trail->above, out);
    sink_add_c(out, trail->above == NULL ? "" : ", ");
    sink_add_c(out, trail->noun);
    sink_add_c(out, trail->name.len > 0 ? " " : "");
    sink_add(out, trail->name);
}

static void start_line(struct differ *differ, const struct trail *trail)
{
    differ->count++;
    write_trail(trail, differ->out);
    sink_add_c(differ->out, trail == NULL ? "" : ": ");
}

/* How a field prints, in memory of `texts`. */
static struct str text_of(struct differ *differ, struct conf_printer *printer,
                          const struct conf_table *table, const struct conf_field *field,
                          const void *object)
{
    struct sink text;
    if (object == NULL || conf_is_left_out(printer, table, field, object)) {
        return (struct str){0};
    }
    sink_to_memory(&text, &differ->texts);
    printer->out = &text;
    conf_print_field(printer, field, object);
    return sink_str(&text);
}

static void add_shown(struct sink *out, struct str text)
{
    sink_add(out, text.len == 0 ? STR("(none)") : str_sub(text, 0, SHOWN_BYTES_MAX));
    sink_add_c(out, text.len > SHOWN_BYTES_MAX ? "..." : "");
}

static bool is_equal(struct differ *differ, const struct conf_table *table,
                     const struct conf_field *field, struct both both)
{
    struct str from = text_of(differ, &differ->from, table, field, both.from);
    struct str to = text_of(differ, &differ->to, table, field, both.to);
    bool is_same = str_eq(from, to);
    arena_reset(&differ->texts);
    return is_same;
}

static void diff_value(struct differ *differ, const struct conf_table *table,
                       const struct conf_field *field, struct both both, const struct trail *trail)
{
    struct str from = text_of(differ, &differ->from, table, field, both.from);
    struct str to = text_of(differ, &differ->to, table, field, both.to);
    if (!str_eq(from, to)) {
        struct str old = text_of(differ, &differ->from_shown, table, field, both.from);
        struct str new = text_of(differ, &differ->to_shown, table, field, both.to);
        start_line(differ, trail);
        sink_add_c(differ->out, field->name);
        sink_add_c(differ->out, " ");
        if (str_eq(old, new)) {
            sink_add_c(differ->out, "changed");
        } else {
            add_shown(differ->out, old);
            sink_add_c(differ->out, " -> ");
            add_shown(differ->out, new);
        }
        sink_add_c(differ->out, "\n");
    }
    arena_reset(&differ->texts);
}

static void say(struct differ *differ, const struct trail *trail, const char *what)
{
    start_line(differ, trail);
    sink_add_c(differ->out, what);
    sink_add_c(differ->out, "\n");
}

static bool is_shown(const struct conf_table *table, const void *item)
{
    return table->is_hidden == NULL || !table->is_hidden(item);
}

static void diff_map(struct differ *differ, const struct conf_field *field, struct both both,
                     const struct trail *trail)
{
    const struct conf_table *table = field->table;
    struct conf_list from = conf_list_at(both.from, field->offset);
    struct conf_list to = conf_list_at(both.to, field->offset);
    struct map olds, news;
    bool is_right = true;
    map_init(&olds, &differ->scratch);
    map_init(&news, &differ->scratch);
    for (uint32_t i = 0; i < from.count && is_right; i++) {
        char *item = (char *)from.at + (size_t)i * table->bytes;
        is_right = map_add(&olds, conf_name_of(table, item), item) != ERR_MEMORY;
    }
    for (uint32_t i = 0; i < to.count && is_right; i++) {
        char *item = (char *)to.at + (size_t)i * table->bytes;
        is_right = map_add(&news, conf_name_of(table, item), item) != ERR_MEMORY;
    }
    if (!is_right) {
        say(differ, trail, "too large to be compared");
    }
    for (uint32_t i = 0; i < from.count && is_right; i++) {
        const void *item = conf_at(from.at, i * table->bytes);
        struct trail inner = {trail, table->name, conf_name_of(table, item)};
        if (is_shown(table, item) && map_find(&news, inner.name) == NULL) {
            say(differ, &inner, "removed");
        }
    }
    for (uint32_t i = 0; i < to.count && is_right; i++) {
        const void *item = conf_at(to.at, i * table->bytes);
        struct trail inner = {trail, table->name, conf_name_of(table, item)};
        const void *old = map_find(&olds, inner.name);
        if (is_shown(table, item) && old == NULL) {
            say(differ, &inner, "added");
        } else if (is_shown(table, item)) {
            diff_struct(differ, table, (struct both){old, item}, &inner);
        }
    }
}

/* The text of each item of a list of structs, as keys of a map. */
static bool index_items(struct differ *differ, struct conf_printer *printer,
                        const struct conf_field *field, const struct conf_list *list,
                        struct map *out)
{
    map_init(out, &differ->items);
    for (uint32_t i = 0; i < list->count; i++) {
        char *item = (char *)list->at + (size_t)i * field->table->bytes;
        struct sink text;
        sink_to_memory(&text, &differ->items);
        printer->out = &text;
        conf_print_struct(printer, field->table, item);
        if (text.has_failed || map_add(out, sink_str(&text), item) == ERR_MEMORY) {
            return false;
        }
    }
    return true;
}

/* One side of a list: what it has and what the other one has. */
struct side {
    struct conf_printer *printer, *shown;
    struct conf_list list;
    const struct map *other;
    const char *what;
};

static void say_missing(struct differ *differ, const struct conf_field *field, struct side *side,
                        const struct trail *trail)
{
    for (uint32_t i = 0; i < side->list.count; i++) {
        const void *item = conf_at(side->list.at, i * field->table->bytes);
        struct sink text;
        sink_to_memory(&text, &differ->texts);
        side->printer->out = &text;
        conf_print_struct(side->printer, field->table, item);
        if (map_find(side->other, sink_str(&text)) == NULL) {
            sink_to_memory(&text, &differ->texts);
            side->shown->out = &text;
            conf_print_struct(side->shown, field->table, item);
            struct trail inner = {trail, field->table->name, str_sub(sink_str(&text), 0, 160)};
            say(differ, &inner, side->what);
        }
        arena_reset(&differ->texts);
    }
}

static void diff_list(struct differ *differ, const struct conf_field *field, struct both both,
                      const struct trail *trail)
{
    struct map olds, news;
    struct side from = {&differ->from, &differ->from_shown, conf_list_at(both.from, field->offset),
                        &news, "removed"};
    struct side to = {&differ->to, &differ->to_shown, conf_list_at(both.to, field->offset), &olds,
                      "added"};
    uint32_t before = differ->count;
    if (!index_items(differ, &differ->from, field, &from.list, &olds) ||
        !index_items(differ, &differ->to, field, &to.list, &news)) {
        say(differ, trail, "a list too large to be compared");
        arena_reset(&differ->items);
        return;
    }
    say_missing(differ, field, &from, trail);
    say_missing(differ, field, &to, trail);
    arena_reset(&differ->items);
    if (differ->count == before && from.list.count != to.list.count) {
        say(differ, trail, field->name);
    }
}

static const struct conf_policy *policy_of(const struct conf_policies *policies, uint32_t kind)
{
    for (uint32_t i = 0; i < policies->count; i++) {
        if (policies->at[i].kind_index == kind) {
            return &policies->at[i];
        }
    }
    return NULL;
}

static void diff_policies(struct differ *differ, const struct conf_table *table, struct both both,
                          const struct trail *trail)
{
    struct conf_policies from, to;
    memcpy(&from, conf_at(both.from, table->policies_at - 1), sizeof from);
    memcpy(&to, conf_at(both.to, table->policies_at - 1), sizeof to);
    for (uint32_t kind = 0; kind < differ->to.internals->kind_count; kind++) {
        const struct conf_policy *old = policy_of(&from, kind), *new = policy_of(&to, kind);
        struct trail inner = {trail, "policy", str_from_c(differ->to.internals->kinds[kind].name)};
        if (old != NULL && new != NULL) {
            diff_struct(differ, new->kind->table, (struct both){old->conf, new->conf}, &inner);
        } else if (old != NULL || new != NULL) {
            say(differ, &inner, old != NULL ? "removed" : "added");
        }
    }
}

static void diff_field(struct differ *differ, const struct conf_table *table,
                       const struct conf_field *field, struct both both, const struct trail *trail)
{
    bool is_gone = conf_is_left_out(&differ->from, table, field, both.from);
    bool is_new = conf_is_left_out(&differ->to, table, field, both.to);
    struct trail inner = {trail, field->name, {0}};
    if (is_gone && is_new) {
        return;
    }
    /* Most of a large configuration is the same, and its lists need no closer look. */
    bool is_list = field->type == CONF_LIST || (field->type == CONF_MAP && trail != NULL);
    if (is_list && is_equal(differ, table, field, both)) {
        return;
    }
    if (field->type == CONF_MAP) {
        diff_map(differ, field, both, trail);
    } else if (field->type == CONF_LIST && field->item == CONF_STRUCT) {
        diff_list(differ, field, both, trail);
    } else if (field->type == CONF_STRUCT && !is_gone && !is_new) {
        diff_struct(
            differ, field->table,
            (struct both){conf_at(both.from, field->offset), conf_at(both.to, field->offset)},
            &inner);
    } else {
        diff_value(differ, table, field, both, trail);
    }
}

static void diff_struct(struct differ *differ, const struct conf_table *table, struct both both,
                        const struct trail *trail)
{
    for (uint32_t i = 0; i < table->field_count; i++) {
        if (table->fields[i].type != CONF_LATER) {
            diff_field(differ, table, &table->fields[i], both, trail);
        }
    }
    if (table->policies_at > 0) {
        diff_policies(differ, table, both, trail);
    }
}

uint32_t config_diff(const struct config *from, const struct config *to, struct sink *out)
{
    struct differ differ = {.out = out};
    struct conf_printer printer = {.scratch = &differ.custom};
    arena_init_heap(&differ.texts, LIMIT_VALUE_config_memory_bytes);
    arena_init_heap(&differ.scratch, LIMIT_VALUE_config_memory_bytes);
    arena_init_heap(&differ.custom, LIMIT_VALUE_config_memory_bytes);
    arena_init_heap(&differ.items, LIMIT_VALUE_config_memory_bytes);
    differ.from_shown = differ.to_shown = differ.from = differ.to = printer;
    differ.from.internals = differ.from_shown.internals = from->internals;
    differ.to.internals = differ.to_shown.internals = to->internals;
    differ.from.sees_secrets = differ.to.sees_secrets = true;
    diff_struct(&differ, &conf_root_table, (struct both){from, to}, NULL);
    arena_reset(&differ.texts);
    arena_reset(&differ.scratch);
    arena_reset(&differ.custom);
    return differ.count;
}
