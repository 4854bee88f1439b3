#include "proxy/compile.h"

#include "config/table.h"
#include "test.h"

/* A policy that counts, and that cannot be compiled with fail: true. */
struct counted_conf {
    bool fail;
};
static const struct conf_field counted_fields[] = {
    {.name = "fail", .type = CONF_BOOL, CONF_IS(struct counted_conf, fail), .summary = "Fails."},
};
static const struct conf_table counted_table =
    CONF_TABLE("counted", struct counted_conf, counted_fields, "Counts.");
static unsigned compiled_count, dropped_count;

static enum err counted_compile(struct policy_compile *ctx, const void *conf, const void **out)
{
    compiled_count++;
    if (((const struct counted_conf *)conf)->fail) {
        ctx->error = "it was told to";
        return ERR_CONFIG;
    }
    *out = conf;
    return OK;
}

static void counted_drop(const void *compiled)
{
    WANT(compiled != NULL);
    dropped_count++;
}

static const struct policy_type counted = {.name = "counted",
                                           .table = &counted_table,
                                           .state_bytes = 5,
                                           .compile = counted_compile,
                                           .drop = counted_drop};
static const struct policy_type plain = {
    .name = "plain", .table = &counted_table, .state_bytes = 3};
static const struct policy_type *const types[] = {&counted, &plain};
static const struct conf_kind kinds[] = {{"counted", "Counts.", &counted_table, NULL},
                                         {"plain", "Does not.", &counted_table, NULL}};
static const struct world_policies policies = {types, COUNT_OF(types)};

static struct diags diags;
static struct arena arena;
static struct config *config;
static struct compiled_policy *made;
static struct chain chains[8];

/* Compiles the chain of every route; returns the last error. */
static enum err compile_all(const char *text)
{
    const struct config_opts opts = {.kinds = kinds, .kind_count = COUNT_OF(kinds)};
    struct compile_chain chain = {
        .arena = &arena, .policies = &policies, .diags = &diags, .compiled = &made};
    enum err e = OK;
    diags_init(&diags);
    arena_init_heap(&arena, 1 << 20);
    map_init(&chain.by_conf, &arena);
    compiled_count = dropped_count = 0;
    WANT_INT(config_load_text("t", str_from_c(text), &opts, &diags, &config), OK);
    for (uint32_t i = 0; i < config->routes.count; i++) {
        enum err one = compile_chain(&chain, &config->routes.at[i], &chains[i]);
        e = one == OK ? e : one;
    }
    return e;
}

static void drop_all(void)
{
    compile_drop_policies(&made);
    WANT(made == NULL);
    diags_drop(&diags);
    arena_reset(&arena);
    config_free(config);
}

TEST(a_policy_is_compiled_once_for_each_place_that_writes_it)
{
    WANT_INT(compile_all("defaults: {counted: {}}\n"
                         "policies: {p: {counted: {}}}\n"
                         "routes:\n"
                         "  a: {match: /a, to: http://127.0.0.1:1}\n"
                         "  b: {match: /b, to: http://127.0.0.1:1}\n"
                         "  c: {match: /c, to: http://127.0.0.1:1, use: p}\n"
                         "  d: {match: /d, to: http://127.0.0.1:1, use: p}\n"
                         "  e: {match: /e, to: http://127.0.0.1:1, counted: {}}\n"),
             OK);
    WANT_INT(compiled_count, 3);
    WANT(chains[0].steps[0].compiled == chains[1].steps[0].compiled);
    WANT(chains[2].steps[0].compiled == chains[3].steps[0].compiled);
    WANT(chains[0].steps[0].compiled != chains[2].steps[0].compiled);
    WANT(chains[4].steps[0].compiled != chains[2].steps[0].compiled);
    drop_all();
    WANT_INT(dropped_count, 3);
}

TEST(a_policy_that_cannot_be_compiled_is_named_once_and_never_dropped)
{
    WANT_INT(compile_all("defaults: {counted: {fail: true}}\n"
                         "routes:\n"
                         "  a: {match: /a, to: http://127.0.0.1:1}\n"
                         "  b: {match: /b, to: http://127.0.0.1:1}\n"),
             ERR_CONFIG);
    WANT_INT(compiled_count, 1);
    WANT_INT(diags.errors.count, 1);
    WANT_STR(diags.errors.at[0].message, STR("counted: it was told to"));
    WANT_INT(diags.errors.at[0].line, 1);
    drop_all();
    WANT_INT(dropped_count, 0);
}

TEST(steps_stand_in_running_order_and_have_their_own_state)
{
    WANT_INT(compile_all("routes:\n"
                         "  a: {match: /a, to: http://127.0.0.1:1, plain: {}, counted: {}}\n"),
             OK);
    WANT_INT(chains[0].count, 2);
    WANT(chains[0].steps[0].type == &counted);
    WANT(chains[0].steps[1].type == &plain);
    WANT_INT(chains[0].steps[0].state_at, 0);
    WANT_INT(chains[0].steps[1].state_at, 8);
    WANT_INT(chains[0].state_bytes, 16);
    WANT_INT(chains[0].steps[0].line, 2);
    /* Without a compile the hooks get the configuration itself. */
    WANT(chains[0].steps[1].compiled == config->routes.at[0].effective.policies[1]->conf);
    drop_all();
}

TEST(no_memory_is_an_error_and_leaks_nothing)
{
    static const char text[] = "routes: {a: {match: /a, to: http://127.0.0.1:1, counted: {}}}";
    enum err e = ERR_MEMORY;
    WANT_INT(compile_all(text), OK);
    drop_all();
    for (size_t bytes = 0; e == ERR_MEMORY && bytes < 16384; bytes += 32) {
        const struct config_opts opts = {.kinds = kinds, .kind_count = COUNT_OF(kinds)};
        struct compile_chain chain = {.arena = &arena, .policies = &policies, .compiled = &made};
        diags_init(&diags);
        WANT_INT(config_load_text("t", str_from_c(text), &opts, &diags, &config), OK);
        arena_init_heap(&arena, bytes);
        map_init(&chain.by_conf, &arena);
        compiled_count = dropped_count = 0;
        e = compile_chain(&chain, &config->routes.at[0], &chains[0]);
        WANT(e == OK || e == ERR_MEMORY);
        drop_all();
        WANT_INT(dropped_count, compiled_count);
    }
    WANT_INT(e, OK);
}
