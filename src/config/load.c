/* load.c - the way of a file: text, nodes, structs, names, inheritance; see config.h.
 * One heap arena owns the configuration and lives inside of it; a second one holds nodes and maps
 * and is gone when loading is done. */
#include "base/limits.h"
#include "config/internals.h"

enum { FILES_FIRST = 4 };

static void read_root(struct conf_reader *reader, struct node *root, struct config *config)
{
    bool is_read = conf_read_struct(reader, &conf_root_table, root, config);
    conf_sort_secrets(reader->internals);
    /* When no service could be read, every route would be said to lead nowhere. */
    if (is_read || config->services.count > 0 || node_find(root, STR("services")) == NULL) {
        conf_resolve_all(reader, config);
    }
    conf_sort_secrets(reader->internals);
}

static size_t memory_bytes_max(const struct config_opts *opts)
{
    return opts->memory_bytes_max > 0 ? opts->memory_bytes_max : LIMIT_VALUE_config_memory_bytes;
}

/* The root and what belongs to it, in an arena that then moves into it. */
static struct config *config_new(const struct config_opts *opts)
{
    struct arena arena;
    arena_init_heap(&arena, memory_bytes_max(opts));
    struct config *config = ARENA_NEW(&arena, struct config);
    struct conf_internals *internals = ARENA_NEW(&arena, struct conf_internals);
    if (config == NULL || internals == NULL) {
        arena_reset(&arena);
        return NULL;
    }
    internals->kinds = opts->kinds;
    internals->kind_count = opts->kind_count;
    internals->arena = arena;
    config->internals = internals;
    return config;
}

static enum err load(struct str path, const struct str *text, const struct config_opts *opts,
                     struct diags *diags, struct config **out)
{
    struct arena scratch;
    *out = NULL;
    struct config *config = config_new(opts);
    if (config == NULL) {
        diag_add(diags, DIAG_E0014, (struct source_pos){0}, "out of memory");
        return ERR_CONFIG;
    }
    struct conf_internals *internals = config->internals;
    arena_init_heap(&scratch, memory_bytes_max(opts));
    struct conf_reader reader = {.arena = &internals->arena,
                                 .scratch = &scratch,
                                 .diags = diags,
                                 .opts = opts,
                                 .internals = internals};
    struct node *root = conf_read_files(&reader, path, text, &scratch);
    if (root != NULL) {
        read_root(&reader, root, config);
    }
    arena_reset(&scratch);
    if (root != NULL && !diags_have_errors(diags) && opts->verify != NULL) {
        opts->verify(opts->ctx, config, diags);
    }
    config->internals = internals;
    if (root == NULL || diags_have_errors(diags)) {
        config_free(config);
        return ERR_CONFIG;
    }
    *out = config;
    return OK;
}

enum err config_load(const char *path, const struct config_opts *opts, struct diags *diags,
                     struct config **out)
{
    return load(str_from_c(path), NULL, opts, diags, out);
}

enum err config_load_text(const char *name, struct str text, const struct config_opts *opts,
                          struct diags *diags, struct config **out)
{
    return load(str_from_c(name), &text, opts, diags, out);
}

bool conf_note_file(struct conf_reader *reader, const struct config_file *file)
{
    struct conf_internals *internals = reader->internals;
    if (internals->file_count == internals->file_cap) {
        uint32_t cap = internals->file_cap == 0 ? FILES_FIRST : internals->file_cap * 2;
        struct config_file *larger = ARENA_ARRAY(reader->arena, cap, struct config_file);
        if (larger == NULL) {
            diag_add(reader->diags, DIAG_E0014, (struct source_pos){0}, "out of memory");
            return false;
        }
        if (internals->file_count > 0) {
            memcpy(larger, internals->files, internals->file_count * sizeof *larger);
        }
        internals->files = larger;
        internals->file_cap = cap;
    }
    internals->files[internals->file_count++] = *file;
    return true;
}

const struct config_file *conf_saved_value(const struct config_files *files, struct str name)
{
    for (uint32_t i = 0; i < files->count; i++) {
        if (files->at[i].asked.len == 0 && str_eq(files->at[i].name, name)) {
            return &files->at[i];
        }
    }
    return NULL;
}

struct config_files config_files(const struct config *config)
{
    return (struct config_files){config->internals->files, config->internals->file_count};
}

void config_free(struct config *config)
{
    if (config != NULL) {
        struct arena arena = config->internals->arena;
        arena_reset(&arena);
    }
}
