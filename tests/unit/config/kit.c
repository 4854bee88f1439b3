/* kit.c - what the tests of this room share; see kit.h. */
#define _GNU_SOURCE
#include "kit.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct diags diags;
static struct arena memory;
static struct sink said;
static struct config *loaded;
static char directory[64];
static struct str file_names[32];
static size_t file_count;

static const struct conf_field mark_fields[] = {
    {.name = "level",
     .type = CONF_INT,
     CONF_IS(struct mark, level),
     .preset = "5",
     .max = 9,
     .summary = "How strict."},
    {.name = "text", .type = CONF_STRING, CONF_IS(struct mark, text), .summary = "Anything."},
    {.name = "words",
     .type = CONF_LIST,
     .item = CONF_STRING,
     CONF_IS(struct mark, words),
     .summary = "Some words."},
    {.name = "rate",
     .type = CONF_RATE,
     CONF_IS(struct mark, rate),
     .preset = "1/s",
     .summary = "How often."},
    {.name = "secret",
     .type = CONF_STRING,
     CONF_IS(struct mark, secret),
     .flags = CONF_SECRET,
     .summary = "A secret."},
};

static bool check_mark(struct conf_reader *reader, struct node *node, void *out)
{
    const struct mark *mark = out;
    return !str_eq(mark->text, STR("impossible")) ||
           conf_refuse(reader, node, DIAG_E0209, "this text cannot be");
}

static const struct conf_table mark_table = {.name = "mark",
                                             .summary = "A mark.",
                                             .fields = mark_fields,
                                             .field_count = COUNT_OF(mark_fields),
                                             .bytes = sizeof(struct mark),
                                             .check = check_mark};

static const struct conf_field gate_fields[] = {
    {.name = "name",
     .type = CONF_STRING,
     CONF_IS(struct gate, name),
     .flags = CONF_REQUIRED,
     .summary = "Its name."},
};

static bool read_gate(struct conf_reader *reader, struct node *node, void *out)
{
    return conf_read_field(reader, &gate_fields[0], node, out);
}

static const struct conf_grammar gate_grammar = {
    .form = "its name", .example = "north", .bytes = sizeof(struct gate), .read = read_gate};
static const struct conf_table gate_table = {.name = "gate",
                                             .summary = "A gate.",
                                             .fields = gate_fields,
                                             .field_count = COUNT_OF(gate_fields),
                                             .bytes = sizeof(struct gate),
                                             .shorthand = &gate_grammar};

static bool mark_is_tighter(const void *outer, const void *inner)
{
    const struct mark *left = outer, *right = inner;
    return right->level >= left->level;
}

static const struct conf_kind kinds[] = {
    {.name = "mark", .summary = "Marks.", .table = &mark_table, .is_tighter = mark_is_tighter},
    {.name = "gate", .summary = "Gates.", .table = &gate_table},
};

static const char *kit_env(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "SECRET") == 0 ? "hunter2"
           : strcmp(name, "PORT") == 0 ? "9000"
           : strcmp(name, "YES") == 0  ? "true"
           : strcmp(name, "URL") == 0  ? "http://hunter2:81"
                                       : NULL;
}

const struct config_opts kit_opts = {.kinds = kinds, .kind_count = COUNT_OF(kinds), .env = kit_env};

static void start(void)
{
    config_free(loaded);
    loaded = NULL;
    diags_drop(&diags);
    arena_reset(&memory);
    arena_init_heap(&memory, (size_t)1 << 28);
    sink_to_memory(&said, &memory);
}

static struct config *finish(enum err e)
{
    diags_write(&diags, &said);
    WANT((e == OK) == (loaded != NULL));
    WANT((e == OK) == !diags_have_errors(&diags));
    return loaded;
}

struct config *kit_load_opts(const char *text, const struct config_opts *opts)
{
    start();
    return finish(config_load_text("test.yaml", str_from_c(text), opts, &diags, &loaded));
}

struct config *kit_load(const char *text)
{
    return kit_load_opts(text, &kit_opts);
}

struct config *kit_load_file(const char *path, const struct config_opts *opts)
{
    start();
    return finish(config_load(path, opts, &diags, &loaded));
}

struct str kit_said(void)
{
    return sink_str(&said);
}

const struct diags *kit_diags(void)
{
    return &diags;
}

static uint32_t count_code(const struct diag_list *list, const char *code)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->kept; i++) {
        count += strcmp(diag_rows[list->at[i].code].code, code) == 0;
    }
    return count;
}

bool kit_said_code(const char *code)
{
    return count_code(&diags.errors, code) + count_code(&diags.warnings, code) > 0;
}

bool kit_said_only(const char *code)
{
    bool is_only = kit_said_code(code) && diags.errors.count + diags.warnings.count == 1;
    if (!is_only) {
        printf("# wanted only %s, got:\n", code);
        fwrite(said.at, 1, said.len, stdout);
    }
    return is_only;
}

struct arena *kit_memory(void)
{
    return &memory;
}

struct str kit_yaml(const struct config *config)
{
    struct sink out;
    sink_to_memory(&out, &memory);
    config_write_yaml(config, &out);
    return sink_str(&out);
}

const struct conf_route *kit_route(const struct config *config, const char *name)
{
    static const struct conf_route none;
    for (uint32_t i = 0; config != NULL && i < config->routes.count; i++) {
        if (str_eq(config->routes.at[i].name, str_from_c(name))) {
            return &config->routes.at[i];
        }
    }
    printf("# no route %s; said:\n", name);
    fwrite(said.at, 1, said.len, stdout);
    test_has_failed = true;
    return &none;
}

const char *kit_file(const char *name, const char *text)
{
    static char paths[32][128];
    if (file_count == 0) {
        snprintf(directory, sizeof directory, "/tmp/sluice-test-XXXXXX");
        WANT(mkdtemp(directory) != NULL);
    }
    char *path = paths[file_count];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    file_names[file_count++] = str_from_c(path);
    FILE *file = fopen(path, "w");
    WANT(file != NULL);
    fputs(text, file);
    fclose(file);
    return path;
}

void kit_remove_files(void)
{
    while (file_count > 0) {
        unlink(file_names[--file_count].at);
    }
    rmdir(directory);
}
