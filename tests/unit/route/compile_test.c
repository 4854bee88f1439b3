#include "route/compiled.h"

#include "base/clock.h"
#include "rules_kit.h"
#include "test.h"

TEST(every_error_is_reported_with_its_place)
{
    static const struct {
        const char *rule;
        enum route_report_kind kind;
        size_t offset;
    } rows[] = {
        {"/a/b/{}", ROUTE_REPORT_BAD_PATH, 5},      {"/a/x{b}", ROUTE_REPORT_BAD_PATH, 3},
        {"/{b}x/...", ROUTE_REPORT_BAD_PATH, 1},    {"/{a}/{a}", ROUTE_REPORT_BAD_PATH, 5},
        {"/{a.b}", ROUTE_REPORT_BAD_PATH, 1},       {"/{a}}", ROUTE_REPORT_BAD_PATH, 1},
        {"/a//b", ROUTE_REPORT_BAD_PATH, 3},        {"//", ROUTE_REPORT_BAD_PATH, 1},
        {"/a/../b", ROUTE_REPORT_BAD_PATH, 3},      {"/a/.", ROUTE_REPORT_BAD_PATH, 3},
        {"/a/%2e%2E/b", ROUTE_REPORT_BAD_PATH, 3},  {"/a/b%2fc", ROUTE_REPORT_BAD_PATH, 3},
        {"/a/b%zz", ROUTE_REPORT_BAD_PATH, 3},      {"/a/b\\c", ROUTE_REPORT_BAD_PATH, 3},
        {"~/a(b", ROUTE_REPORT_BAD_PATTERN, 4},     {"/ h:A~[", ROUTE_REPORT_BAD_PATTERN, 1},
        {"/ q:A~+", ROUTE_REPORT_BAD_PATTERN, 0},   {"/ h:A(b", ROUTE_REPORT_BAD_NAME, 0},
        {"/ h:=1", ROUTE_REPORT_BAD_NAME, 0},       {"/ q:=1", ROUTE_REPORT_BAD_NAME, 0},
        {"Example.org/", ROUTE_REPORT_BAD_HOST, 0}, {"example.org./", ROUTE_REPORT_BAD_HOST, 0},
        {".org/", ROUTE_REPORT_BAD_HOST, 0},        {"*.*.org/", ROUTE_REPORT_BAD_HOST, 0},
        {"*./", ROUTE_REPORT_BAD_HOST, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *const rules[] = {"/good", rows[i].rule, NULL};
        struct kit kit;
        kit_load(&kit, rules);
        WANT_INT(kit.result, ERR_CONFIG);
        WANT(kit.router == NULL);
        WANT_INT(kit.reports.count, 1);
        if (kit.reports.count != 1 || kit.reports.at[0].kind != rows[i].kind ||
            kit.reports.at[0].offset != rows[i].offset) {
            test_has_failed = true;
            printf("# %s: %u reports, kind %d at %zu\n", rows[i].rule, kit.reports.count,
                   (int)kit.reports.at[0].kind, kit.reports.at[0].offset);
        }
        WANT(kit.reports.at[0].rule == &kit.rules[1]);
        kit_close(&kit);
    }
}

TEST(all_errors_are_reported_together)
{
    static const char *const rules[] = {"/{} h:(=1 q:v~(", "/ok", "A.org/..", NULL};
    struct kit kit;
    kit_load(&kit, rules);
    WANT_INT(kit.result, ERR_CONFIG);
    WANT_INT(kit.reports.count, 5);
    kit_close(&kit);
}

TEST(a_method_that_is_no_token_and_a_path_without_slash_are_errors)
{
    struct kit kit;
    struct route_rule rules[2] = {0};
    static const struct str methods[] = {{"GE T", 4}};
    struct route_cond conds[2] = {
        {.methods = methods, .method_count = 1},
        {.path = {.text = STR("a/b"), .kind = ROUTE_PATH_EXACT}},
    };
    kit_open(&kit);
    for (uint32_t i = 0; i < 2; i++) {
        rules[i].matches = &conds[i];
        rules[i].match_count = 1;
    }
    kit.rules = rules;
    kit.rule_count = 2;
    kit_compile(&kit);
    WANT_INT(kit.result, ERR_CONFIG);
    WANT_INT(kit.reports.at[0].kind, ROUTE_REPORT_BAD_METHOD);
    WANT_INT(kit.reports.at[1].kind, ROUTE_REPORT_BAD_PATH);
    kit_close(&kit);
}

TEST(segments_and_parameters_have_ceilings)
{
    char path[1024];
    for (int count = 64; count <= 65; count++) {
        struct strbuf out = strbuf_over(path, sizeof path - 1);
        for (int i = 0; i < count; i++) {
            strbuf_add_c(&out, "/a");
        }
        path[out.len] = '\0';
        const char *const rules[] = {path, NULL};
        struct kit kit;
        kit_load(&kit, rules);
        WANT_INT(kit.result, count == 64 ? OK : ERR_CONFIG);
        kit_close(&kit);
    }
    for (int count = 32; count <= 33; count++) {
        struct strbuf out = strbuf_over(path, sizeof path - 1);
        for (int i = 0; i < count; i++) {
            strbuf_add_fmt(&out, "/{p%d}", i);
        }
        path[out.len] = '\0';
        const char *const rules[] = {path, NULL};
        struct kit kit;
        kit_load(&kit, rules);
        WANT_INT(kit.result, count == 32 ? OK : ERR_CONFIG);
        kit_close(&kit);
    }
}

TEST(paths_are_brought_to_the_form_that_requests_have)
{
    static const char *const rules[] = {"/%7Ejoe", "/caf%c3%a9/...", "/a b", NULL};
    struct kit kit;
    kit_load(&kit, (const char *const[]){rules[0], rules[1], NULL});
    WANT_STR(kit_taker(&kit, "GET h/~joe"), str_from_c(rules[0]));
    WANT_STR(kit_taker(&kit, "GET h/caf%C3%A9/x"), str_from_c(rules[1]));
    kit_close(&kit);
}

TEST(empty_segments_are_fine_where_requests_may_have_them)
{
    static const char *const rules[] = {"/a//b", NULL};
    struct kit kit;
    struct router *router;
    struct route_match match;
    kit_load(&kit, rules);
    WANT_INT(kit.result, ERR_CONFIG);
    const struct router_conf conf = {
        .rules = kit.rules, .rule_count = 1, .uri = {.keeps_double_slashes = true}};
    WANT_INT(router_new(&kit.arena, &conf, &router), OK);
    struct route_input input = kit_input(&kit, "GET h/a//b");
    WANT_INT(router_match(router, &input, kit.scratch, &match), OK);
    input.path = STR("/a/b");
    WANT_INT(router_match(router, &input, kit.scratch, &match), ERR_NO_ROUTE);
    router_drop(router);
    kit_close(&kit);
}

TEST(a_rule_may_have_many_matches_and_hosts)
{
    const struct route_host hosts[] = {{STR("a.org"), false}, {STR("b.org"), true}};
    struct route_cond conds[2] = {
        {.hosts = hosts, .host_count = 2, .path = {STR("/x"), ROUTE_PATH_EXACT, false}},
        {.path = {STR("/y"), ROUTE_PATH_PREFIX, false}},
    };
    struct route_rule rule = {.name = STR("r"), .matches = conds, .match_count = 2, .value = conds};
    struct kit kit;
    struct route_match match;
    kit_open(&kit);
    kit.rules = &rule;
    kit.rule_count = 1;
    kit_compile(&kit);
    WANT_INT(kit.result, OK);
    WANT_STR(kit_taker(&kit, "GET a.org/x"), STR("r"));
    WANT_STR(kit_taker(&kit, "GET x.b.org/x"), STR("r"));
    WANT_STR(kit_taker(&kit, "GET b.org/x"), STR("-"));
    struct route_input input = kit_input(&kit, "GET c.org/y/z");
    WANT_INT(router_match(kit.router, &input, kit.scratch, &match), OK);
    WANT_INT(match.match_index, 1);
    WANT(match.value == conds);
    kit_close(&kit);
}

TEST(memory_that_runs_out_is_an_error_at_every_point)
{
    static const char *const lines[] = {
        "GET,PURGE *.a.org/x/{y}/... h:A=1 q:b~c", "~/v[0-9]/(?<n>.*)", "b.org/...", "/z", NULL,
    };
    struct kit kit;
    kit_load(&kit, lines);
    enum err result = ERR_MEMORY;
    for (size_t limit = 0; result == ERR_MEMORY && limit < 100000; limit += 64) {
        struct arena arena;
        struct router *router;
        const struct router_conf conf = {.rules = kit.rules, .rule_count = kit.rule_count};
        arena_init_heap(&arena, limit);
        result = router_new(&arena, &conf, &router);
        WANT((result == OK) == (router != NULL));
        router_drop(router);
        arena_reset(&arena);
    }
    WANT_INT(result, OK);
    kit_close(&kit);
}

/* The bound is far off, for slow machines under a sanitizer: it is here to catch quadratic growth. */
TEST(a_hundred_thousand_rules_compile_in_seconds_in_every_shape)
{
    enum { RULES = 100000, LINE_BYTES = 64 };
    static const char *const formats[] = {
        "h%u.example.org/x/...", "/same/path%.0u", "a.org/r/%u/{id}",
        "a.org/x h:T=%u",        "*.w%u.org/...",
    };
    for (size_t f = 0; f < COUNT_OF(formats); f++) {
        struct kit kit;
        kit_open(&kit);
        kit.rules = kit_alloc(&kit, RULES * sizeof *kit.rules);
        kit.rule_count = RULES;
        char *lines = kit_alloc(&kit, (size_t)RULES * LINE_BYTES);
        for (uint32_t i = 0; i < RULES; i++) {
            struct str format = str_from_c(formats[f]);
            struct strbuf line = strbuf_over(lines + (size_t)i * LINE_BYTES, LINE_BYTES - 1);
            size_t at = str_find(format, '%');
            strbuf_add(&line, str_sub(format, 0, at));
            strbuf_add_u64(&line, f == 1 ? 0 : i);
            struct str rest = str_skip(format, at);
            strbuf_add(&line, str_skip(rest, str_find(rest, 'u') + 1));
            kit_rule(&kit, &kit.rules[i], line.at);
        }
        int64_t begun_ns = clock_mono_ns();
        kit_compile(&kit);
        int64_t ms = (clock_mono_ns() - begun_ns) / NS_PER_MS;
        WANT_INT(kit.result, OK);
        WANT_INT(kit.reports.count, f == 1 ? RULES - 1 : 0);
        printf("# %s: %d rules in %lld ms\n", formats[f], RULES, (long long)ms);
        WANT(ms < 60000);
        kit_close(&kit);
    }
}
