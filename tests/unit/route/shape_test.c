#include "route/compiled.h"

#include "rules_kit.h"
#include "test.h"

/* The shape of one rule. */
static const struct route_shape *shape_of(struct kit *kit, const char *line)
{
    const char *const rules[] = {line, NULL};
    kit_load(kit, rules);
    WANT_INT(kit->result, OK);
    return &kit->router->shapes[0];
}

TEST(a_shape_counts_what_precedence_compares)
{
    static const struct {
        const char *rule;
        enum route_class class;
        uint32_t segments, literals, params;
    } rows[] = {
        {"", ROUTE_CLASS_ANY, 0, 0, 0},
        {"/...", ROUTE_CLASS_PREFIX, 0, 0, 0},
        {"/", ROUTE_CLASS_EXACT, 1, 1, 0},
        {"/a", ROUTE_CLASS_EXACT, 1, 1, 0},
        {"/a/", ROUTE_CLASS_EXACT, 2, 2, 0},
        {"/a/...", ROUTE_CLASS_PREFIX, 1, 1, 0},
        {"/a/{b}/...", ROUTE_CLASS_PREFIX, 2, 1, 1},
        {"/a/{b}/c/{d}", ROUTE_CLASS_PARAMS, 4, 2, 2},
        {"~/a/b.*", ROUTE_CLASS_PATTERN, 1, 0, 0},
        {"~/a/b/.*", ROUTE_CLASS_PATTERN, 2, 0, 0},
        {"~/a/b/?", ROUTE_CLASS_PATTERN, 1, 0, 0},
        {"~/a/b/?.*", ROUTE_CLASS_PATTERN, 1, 0, 0},
        {"~/a/x{2}/b", ROUTE_CLASS_PATTERN, 1, 0, 0},
        {"~^/a/b/$", ROUTE_CLASS_PATTERN, 2, 0, 0},
        {"~/a/(b|c)", ROUTE_CLASS_PATTERN, 0, 0, 0},
        {"~.*", ROUTE_CLASS_PATTERN, 0, 0, 0},
        {"~/?a/b/", ROUTE_CLASS_PATTERN, 0, 0, 0},
        {"~/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/x", ROUTE_CLASS_PATTERN, 16, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kit kit;
        const struct route_shape *shape = shape_of(&kit, rows[i].rule);
        if (shape->class != rows[i].class || shape->segment_count != rows[i].segments ||
            shape->literal_count != rows[i].literals || shape->param_count != rows[i].params) {
            test_has_failed = true;
            printf("# %s: class %u, %u segments, %u literal, %u parameters\n", rows[i].rule,
                   shape->class, shape->segment_count, shape->literal_count, shape->param_count);
        }
        kit_close(&kit);
    }
}

TEST(methods_are_case_sensitive_and_extensions_are_compared_by_name)
{
    static const struct {
        const char *rule, *method;
        bool takes;
    } rows[] = {
        {"/", "GET", true},           {"/", "BREW", true},        {"GET /", "GET", true},
        {"GET /", "get", false},      {"GET /", "HEAD", true},   {"GET /", "BREW", false},
        {"BREW /", "BREW", true},     {"BREW /", "BREWS", false}, {"BREW /", "GET", false},
        {"GET,BREW /", "BREW", true}, {"POST /", "HEAD", false},  {"HEAD /", "GET", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kit kit;
        const struct route_shape *shape = shape_of(&kit, rows[i].rule);
        const struct route_input input = {
            .method_text = str_from_c(rows[i].method),
            .method = (uint8_t)method_of(str_from_c(rows[i].method)),
        };
        WANT(shape_takes_method(shape, &input) == rows[i].takes);
        kit_close(&kit);
    }
}

TEST(a_wildcard_stands_for_one_or_more_labels)
{
    const struct route_host wildcard = {STR("a.org"), true}, exact = {STR("a.org"), false};
    WANT(shape_host_fits(&wildcard, STR("b.a.org")));
    WANT(shape_host_fits(&wildcard, STR("c.b.a.org")));
    WANT(!shape_host_fits(&wildcard, STR("a.org")));
    WANT(!shape_host_fits(&wildcard, STR(".a.org")));
    WANT(!shape_host_fits(&wildcard, STR("ba.org")));
    WANT(!shape_host_fits(&wildcard, STR("")));
    WANT(shape_host_fits(&exact, STR("a.org")));
    WANT(!shape_host_fits(&exact, STR("b.a.org")));
}
