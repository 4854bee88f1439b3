/* config_fuzz.c - any bytes give a configuration or an error that says why. A configuration prints,
 * and what it prints reads back to the same meaning, unless it holds a secret. Nothing is read but
 * the text: the environment is ours, and files are out of reach of what the fuzzer writes. */
#include "base/check.h"
#include "config/config.h"
#include "config/table.h"
#include "text/sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct stamp {
    int64_t level;
    struct str text;
    struct conf_pairs pairs;
    struct conf_rate rate;
};

static const struct conf_field fields[] = {
    {.name = "level",
     .type = CONF_INT,
     CONF_IS(struct stamp, level),
     .max = 9,
     .summary = "Level."},
    {.name = "text", .type = CONF_STRING, CONF_IS(struct stamp, text), .summary = "Text."},
    {.name = "pairs", .type = CONF_PAIRS, CONF_IS(struct stamp, pairs), .summary = "Pairs."},
    {.name = "rate", .type = CONF_RATE, CONF_IS(struct stamp, rate), .summary = "Rate."},
};
static const struct conf_table table = CONF_TABLE("stamp", struct stamp, fields, "A stamp.");
static const struct conf_kind kinds[] = {{.name = "stamp", .summary = "Stamps.", .table = &table}};

static const char *no_env(void *ctx, const char *name)
{
    (void)ctx;
    return name[0] == 'E' ? "value" : NULL;
}

static const struct config_opts opts = {
    .kinds = kinds, .kind_count = COUNT_OF(kinds), .env = no_env, .memory_bytes_max = 32 << 20};

static void print_and_read_again(const struct config *config, bool has_secret)
{
    struct arena arena;
    struct sink out;
    struct diags diags;
    struct config *again = NULL;
    arena_init_heap(&arena, 64 << 20);
    sink_to_memory(&out, &arena);
    diags_init(&diags);
    config_write_yaml(config, &out);
    enum err e = config_load_text("again", sink_str(&out), &opts, &diags, &again);
    if (!has_secret && !out.has_failed) {
        CHECK(e == OK);
        CHECK(config_hash(again) == config_hash(config));
        CHECK(config_diff(config, again, &out) == 0);
    }
    config_free(again);
    diags_drop(&diags);
    arena_reset(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct diags diags;
    struct config *config = NULL;
    bool has_include = str_find_str(text, STR("include")) < text.len ||
                       str_find_str(text, STR("file:")) < text.len ||
                       str_find_str(text, STR("\\")) < text.len;
    if (has_include) {
        return 0;
    }
    diags_init(&diags);
    enum err e = config_load_text("fuzz", text, &opts, &diags, &config);
    CHECK((e == OK) == (config != NULL));
    CHECK((e == OK) == !diags_have_errors(&diags));
    struct arena arena;
    struct sink out;
    arena_init_heap(&arena, 1 << 20);
    sink_to_memory(&out, &arena);
    diags_write(&diags, &out);
    diags_write_json(&diags, &out);
    arena_reset(&arena);
    if (config != NULL) {
        print_and_read_again(config, str_find_str(text, STR("${")) < text.len);
    }
    config_free(config);
    diags_drop(&diags);
    return 0;
}
