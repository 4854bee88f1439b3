/* target_list.c - lists of instances from outside, read by the tables of the configuration; see
 * target_list.h. */
#include "config/target_list.h"

#include "config/internals.h"

enum { DEPTH_MAX = 8, NODES_PER_TARGET = 16 };

static const struct conf_field list_fields[] = {
    {.name = "targets",
     .type = CONF_LIST,
     .item = CONF_STRUCT,
     .table = &conf_target_table,
     .offset = 0,
     .bytes = sizeof(struct conf_targets),
     .flags = CONF_REQUIRED,
     .summary = "The instances."},
};
static const struct conf_table list_table =
    CONF_TABLE("list of instances", struct conf_targets, list_fields, "Instances from outside.");

static struct node *read_nodes(struct conf_reader *reader, const struct source *source)
{
    uint32_t nodes_left = LIMIT_VALUE(discovery_targets) * NODES_PER_TARGET;
    const struct yaml_conf conf = {.nodes = reader->scratch,
                                   .texts = reader->arena,
                                   .depth_max = DEPTH_MAX,
                                   .nodes_left = &nodes_left};
    struct yaml_error error;
    struct node *root = NULL;
    if (yaml_read(&conf, source, &root, &error) != OK) {
        diag_add(reader->diags, DIAG_E0004, error.pos, "%s", error.message);
        return NULL;
    }
    return root;
}

static bool read_list(struct conf_reader *reader, struct node *root, void *place)
{
    struct conf_targets *out = place;
    /* A map that is no wrapper is one target, as under `targets`. */
    bool is_wrapper = root->type == NODE_MAP && node_find(root, STR("targets")) != NULL;
    bool is_read = root->type == NODE_NULL ||
                   (is_wrapper ? conf_read_struct(reader, &list_table, root, out)
                               : conf_read_field(reader, &list_fields[0], root, out));
    if (is_read && out->count > LIMIT_VALUE(discovery_targets)) {
        return conf_refuse(reader, root, DIAG_E0002, "%u instances are more than the %d allowed",
                           out->count, LIMIT_VALUE(discovery_targets));
    }
    return is_read;
}

static bool read_alone(struct conf_reader *reader, struct node *root, void *place)
{
    return conf_read_struct(reader, &conf_target_table, root, place);
}

static enum err read_text(struct conf_reader *reader, const char *name, struct str text,
                          bool (*read)(struct conf_reader *, struct node *, void *), void *out)
{
    struct arena scratch;
    struct conf_internals *internals = ARENA_NEW(reader->arena, struct conf_internals);
    struct source *source = ARENA_NEW(reader->arena, struct source);
    if (internals == NULL || source == NULL ||
        arena_keep(reader->arena, str_from_c(name), &source->name) != OK) {
        return ERR_MEMORY;
    }
    source->text = text;
    static const struct config_opts no_opts = {0};
    arena_init_heap(&scratch, LIMIT_VALUE(config_memory_bytes));
    reader->scratch = &scratch;
    reader->opts = &no_opts;
    reader->internals = internals;
    reader->is_foreign = true;
    struct node *root = read_nodes(reader, source);
    bool is_read = root != NULL && read(reader, root, out);
    source->text = (struct str){0}; /* positions outlive the text */
    arena_reset(&scratch);
    return is_read && !diags_have_errors(reader->diags) ? OK : ERR_CONFIG;
}

enum err config_read_targets(struct arena *arena, const char *name, struct str text,
                             struct diags *diags, struct conf_targets *out)
{
    struct conf_reader reader = {.arena = arena, .diags = diags};
    *out = (struct conf_targets){0};
    return read_text(&reader, name, text, read_list, out);
}

enum err config_read_target(struct arena *arena, const char *name, struct str text,
                            struct diags *diags, struct conf_target *out)
{
    struct conf_reader reader = {.arena = arena, .diags = diags};
    *out = (struct conf_target){0};
    return read_text(&reader, name, text, read_alone, out);
}
