/* write_yaml.c - the whole configuration in its long form, and its hash, which is taken over the
 * same walk: what prints the same means the same, whatever the file looked like. */
#include "base/hash.h"
#include "base/limits.h"
#include "config/print.h"

struct hash_sink {
    struct sink sink; /* first, so that it can be found again from its address */
    uint64_t hash;
};

struct writer {
    struct conf_printer printer;
    uint32_t indent;
    bool is_in_line; /* the next key goes behind the dash of its list item */
};

static void write_struct(struct writer *writer, const struct conf_table *table, const void *object);

static void start_key(struct writer *writer, struct str name)
{
    if (!writer->is_in_line) {
        sink_pad(writer->printer.out, ' ', writer->indent);
    }
    writer->is_in_line = false;
    conf_print_text(&writer->printer, name);
    sink_add_c(writer->printer.out, ":");
}

/* The value of a key that is a struct: below it, or {} when there is nothing to say. */
static void write_inner(struct writer *writer, const struct conf_table *table, const void *object)
{
    bool is_secret = !writer->printer.sees_secrets &&
                     conf_is_secret(writer->printer.internals, object) && table->shorthand != NULL;
    if (is_secret || conf_is_blank(&writer->printer, table, object)) {
        sink_add_c(writer->printer.out, is_secret ? " \"<secret>\"\n" : " {}\n");
        return;
    }
    sink_add_c(writer->printer.out, "\n");
    writer->indent += 2;
    write_struct(writer, table, object);
    writer->indent -= 2;
}

static void write_map(struct writer *writer, const struct conf_field *field, const void *object)
{
    struct conf_list list = conf_list_at(object, field->offset);
    sink_add_c(writer->printer.out, "\n");
    writer->indent += 2;
    for (uint32_t i = 0; i < list.count; i++) {
        const void *item = conf_at(list.at, i * field->table->bytes);
        if (field->table->is_hidden == NULL || !field->table->is_hidden(item)) {
            start_key(writer, conf_name_of(field->table, item));
            write_inner(writer, field->table, item);
        }
    }
    writer->indent -= 2;
}

static void write_list(struct writer *writer, const struct conf_field *field, const void *object)
{
    struct conf_list list = conf_list_at(object, field->offset);
    sink_add_c(writer->printer.out, "\n");
    writer->indent += 2;
    for (uint32_t i = 0; i < list.count; i++) {
        const void *item = conf_at(list.at, i * field->table->bytes);
        sink_pad(writer->printer.out, ' ', writer->indent);
        sink_add_c(writer->printer.out, "- ");
        if (!writer->printer.sees_secrets && conf_is_secret(writer->printer.internals, item)) {
            sink_add_c(writer->printer.out, "\"<secret>\"\n");
            continue;
        }
        if (conf_is_blank(&writer->printer, field->table, item)) {
            sink_add_c(writer->printer.out, "{}\n");
            continue;
        }
        writer->indent += 2;
        writer->is_in_line = true;
        write_struct(writer, field->table, item);
        writer->indent -= 2;
    }
    writer->indent -= 2;
}

static void write_field(struct writer *writer, const struct conf_field *field, const void *object)
{
    start_key(writer, str_from_c(field->name));
    if (field->type == CONF_STRUCT) {
        write_inner(writer, field->table, conf_at(object, field->offset));
    } else if (field->type == CONF_MAP) {
        write_map(writer, field, object);
    } else if (field->type == CONF_LIST && field->item == CONF_STRUCT) {
        write_list(writer, field, object);
    } else {
        sink_add_c(writer->printer.out, " ");
        conf_print_field(&writer->printer, field, object);
        sink_add_c(writer->printer.out, "\n");
    }
}

static void write_struct(struct writer *writer, const struct conf_table *table, const void *object)
{
    for (uint32_t i = 0; i < table->field_count; i++) {
        if (!conf_is_left_out(&writer->printer, table, &table->fields[i], object)) {
            write_field(writer, &table->fields[i], object);
        }
    }
    if (table->policies_at == 0) {
        return;
    }
    struct conf_policies policies;
    memcpy(&policies, conf_at(object, table->policies_at - 1), sizeof policies);
    /* In running order, so that the order of keys in the file does not count. */
    for (uint32_t kind = 0; kind < writer->printer.internals->kind_count; kind++) {
        for (uint32_t i = 0; i < policies.count; i++) {
            if (policies.at[i].kind_index == kind) {
                start_key(writer, str_from_c(policies.at[i].kind->name));
                write_inner(writer, policies.at[i].kind->table, policies.at[i].conf);
            }
        }
    }
}

static void write_all(const struct config *config, struct sink *out, bool is_hash)
{
    struct arena scratch;
    arena_init_heap(&scratch, LIMIT_VALUE_config_memory_bytes);
    struct writer writer = {.printer = {.internals = config->internals,
                                        .out = out,
                                        .scratch = &scratch,
                                        .sees_secrets = is_hash,
                                        .is_raw = is_hash}};
    write_struct(&writer, &conf_root_table, config);
    arena_reset(&scratch);
}

void config_write_yaml(const struct config *config, struct sink *out)
{
    write_all(config, out, false);
}

static void write_hash(struct sink *sink, struct str s)
{
    struct hash_sink *self = CONTAINER_OF(sink, struct hash_sink, sink);
    self->hash = hash_stable(s, self->hash);
}

uint64_t config_hash(const struct config *config)
{
    struct hash_sink self = {.sink = {.write = write_hash}};
    write_all(config, &self.sink, true);
    return self.hash;
}
