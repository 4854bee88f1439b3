#include "route/router.h"

#include "rules_kit.h"
#include "test.h"

struct asked {
    const char *request, *wanted;
};

static void want_takers(const char *const *rules, const struct asked *rows, size_t count)
{
    struct kit kit;
    kit_load(&kit, rules);
    WANT_INT(kit.result, OK);
    for (size_t i = 0; i < count && kit.result == OK; i++) {
        struct str got = kit_taker(&kit, rows[i].request);
        if (!str_eq(got, str_from_c(rows[i].wanted))) {
            test_has_failed = true;
            printf("# %s: got \"%.*s\", wanted \"%s\"\n", rows[i].request, STR_FMT(got),
                   rows[i].wanted);
        }
    }
    kit_close(&kit);
}

#define WANT_TAKERS(rules, rows) want_takers((rules), (rows), COUNT_OF(rows))

TEST(a_prefix_ends_at_a_segment)
{
    static const char *const rules[] = {"/foo/...", "/foo/bar/...", "x.org/...", NULL};
    static const struct asked rows[] = {
        {"GET a.org/foo", "/foo/..."},
        {"GET a.org/foo/", "/foo/..."},
        {"GET a.org/foo/x", "/foo/..."},
        {"GET a.org/foobar", "-"},
        {"GET a.org/fo", "-"},
        {"GET a.org/", "-"},
        {"GET a.org/foo/bar", "/foo/bar/..."},
        {"GET a.org/foo/bar/x/y", "/foo/bar/..."},
        {"GET a.org/foo/barx", "/foo/..."},
        {"GET a.org/Foo", "-"},
        {"GET x.org/", "x.org/..."},
        {"GET x.org/a/b", "x.org/..."},
        {"OPTIONS x.org*", "-"},
    };
    WANT_TAKERS(rules, rows);
}

TEST(an_exact_path_is_byte_for_byte)
{
    static const char *const rules[] = {"/foo", "/bar/", "/", "/a/b/c", NULL};
    static const struct asked rows[] = {
        {"GET a/foo", "/foo"}, {"GET a/foo/", "-"}, {"GET a/bar", "-"},   {"GET a/bar/", "/bar/"},
        {"GET a/", "/"},       {"GET a/a", "-"},    {"GET a/a/b/", "-"},  {"GET a/a/b/c", "/a/b/c"},
        {"GET a/FOO", "-"},    {"GET a/a/b", "-"},  {"GET a/foo//", "-"},
    };
    WANT_TAKERS(rules, rows);
}

TEST(paths_rank_exact_then_parameters_then_pattern_then_longest_prefix)
{
    static const char *const rules[] = {
        "/...",           "/users/...",
        "~/users/[0-9]+", "/users/{id}",
        "/users/me",      "/users/{id}/items",
        "/users/me/...",  "~/users/[a-z]+/x.*",
        "/{any}/items",   NULL,
    };
    static const struct asked rows[] = {
        {"GET a/users/me", "/users/me"},
        {"GET a/users/7", "/users/{id}"},
        {"GET a/users/", "/users/..."},
        {"GET a/users", "/users/..."},
        {"GET a/users/7/items", "/users/{id}/items"},
        {"GET a/users/me/items", "/users/{id}/items"},
        {"GET a/users/me/x", "~/users/[a-z]+/x.*"},
        {"GET a/users/me/y", "/users/me/..."},
        {"GET a/users/7/y", "/users/..."},
        {"GET a/other/items", "/{any}/items"},
        {"GET a/x", "/..."},
    };
    WANT_TAKERS(rules, rows);
}

TEST(hosts_rank_exact_then_longest_wildcard_then_any)
{
    static const char *const rules[] = {
        "*.example.com/...",
        "example.com/...",
        "*.eu.example.com/...",
        "/...",
        "a.eu.example.com/x",
        "*.com/x",
        NULL,
    };
    static const struct asked rows[] = {
        {"GET example.com/", "example.com/..."},
        {"GET a.example.com/", "*.example.com/..."},
        {"GET a.b.example.com/", "*.example.com/..."},
        {"GET a.eu.example.com/", "*.eu.example.com/..."},
        {"GET a.eu.example.com/x", "a.eu.example.com/x"},
        {"GET eu.example.com/", "*.example.com/..."},
        {"GET .example.com/", "/..."},
        {"GET badexample.com/", "/..."},
        {"GET foo.com/x", "*.com/x"},
        {"GET foo.com/y", "/..."},
        {"GET [::1]/", "/..."},
        {"GET example.com.evil.org/", "/..."},
        {"GET /", "/..."},
    };
    WANT_TAKERS(rules, rows);
}

TEST(conditions_rank_method_then_headers_then_query_then_file_order)
{
    static const char *const rules[] = {
        "/a",
        "/a q:x",
        "/a q:x q:y",
        "/a h:X-One q:x q:y",
        "/a h:X-One h:X-Two",
        "GET /a",
        "GET /a h:X-One",
        "/a",
        NULL,
    };
    static const struct asked rows[] = {
        {"POST h/a", "/a"},
        {"POST h/a?x", "/a q:x"},
        {"POST h/a?y&x=1", "/a q:x q:y"},
        {"POST h/a?y&x=1 X-One: 1", "/a h:X-One q:x q:y"},
        {"POST h/a?y&x=1 X-One: 1|X-Two: 1", "/a h:X-One h:X-Two"},
        {"POST h/a X-One: 1", "/a"},
        {"GET h/a", "GET /a"},
        {"GET h/a?x&y X-Two:", "GET /a"},
        {"GET h/a x-one:", "GET /a h:X-One"},
        {"GET h/a X-One: 1|X-Two: 1", "GET /a h:X-One"},
    };
    WANT_TAKERS(rules, rows);
}

TEST(priority_beats_everything_else)
{
    static const char *const rules[] = {
        "/... p:1", "h.org/a", "/b p:2", "*.org/... p:-1", "~/c.* p:3", "/c/d", NULL,
    };
    static const struct asked rows[] = {
        {"GET h.org/a", "/... p:1"},    {"GET h.org/b", "/b p:2"},   {"GET x.org/z", "/... p:1"},
        {"GET h.org/c/d", "~/c.* p:3"}, {"GET h.org/d", "/... p:1"},
    };
    WANT_TAKERS(rules, rows);
    static const char *const low[] = {"/... p:-1", "*.org/... p:-2", NULL};
    static const struct asked low_rows[] = {{"GET x.org/a", "/... p:-1"}};
    WANT_TAKERS(low, low_rows);
}

TEST(a_path_of_another_method_is_405_with_allow)
{
    static const char *const rules[] = {
        "GET,HEAD /a", "POST /a h:X-Key", "PURGE,BREW /a",
        "DELETE /b",   "PUT other.org/c", "PATCH ~/a",
        NULL,
    };
    static const struct asked rows[] = {
        {"POST h/a", "405"},
        {"POST h/a X-Key: 1", "POST /a h:X-Key"},
        {"PUT h/b", "405"},
        {"PUT h/c", "-"},
        {"PURGE h/a", "PURGE,BREW /a"},
        {"DANCE h/a", "405"},
        {"GET h/none", "-"},
        {"get h/a", "405"},
        {"PATCH h/a", "PATCH ~/a"},
        {"HEAD h/b", "405"},
    };
    WANT_TAKERS(rules, rows);
    struct kit kit;
    kit_load(&kit, rules);
    static const struct asked allows[] = {
        {"PUT h/a", "GET, HEAD, PATCH, PURGE, BREW"},
        {"PUT h/a X-Key: 1", "GET, HEAD, POST, PATCH, PURGE, BREW"},
        {"GET h/b", "DELETE"},
        {"GET h/c", ""},
    };
    for (size_t i = 0; i < COUNT_OF(allows); i++) {
        char text[256];
        struct strbuf out = strbuf_over(text, sizeof text);
        struct route_input input = kit_input(&kit, allows[i].request);
        router_allowed_methods(kit.router, &input, kit.scratch, &out);
        WANT_STR(strbuf_str(&out), str_from_c(allows[i].wanted));
    }
    kit_close(&kit);
}

TEST(only_a_rule_without_path_takes_the_asterisk)
{
    static const char *const rules[] = {"/...", "h.org", NULL};
    static const struct asked rows[] = {
        {"OPTIONS h.org*", "h.org"},
        {"OPTIONS x.org*", "-"},
        {"GET h.org/x", "h.org"},
    };
    WANT_TAKERS(rules, rows);
}

static struct str param(const struct route_match *match, const char *name)
{
    for (uint32_t i = 0; i < match->param_count; i++) {
        if (str_eq(match->params[i].name, str_from_c(name))) {
            return match->params[i].value;
        }
    }
    return STR("(none)");
}

TEST(parameters_and_groups_are_handed_out)
{
    static const char *const rules[] = {
        "/users/{id}/items/{item-no}",
        "/files/{bucket}/...",
        "~/r/(?<year>\\d{4})-(\\d+)/(?<rest>.*)",
        "/users/x/{tail}/...",
        NULL,
    };
    struct kit kit;
    struct route_match match;
    kit_load(&kit, rules);
    WANT_INT(kit.result, OK);
    struct route_input input = kit_input(&kit, "GET h/users/4%2B2/items/9");
    WANT_INT(router_match(kit.router, &input, kit.scratch, &match), OK);
    WANT_INT(match.param_count, 2);
    WANT_STR(param(&match, "id"), STR("4%2B2"));
    WANT_STR(param(&match, "item-no"), STR("9"));
    WANT_INT(match.prefix_bytes, input.path.len);

    input = kit_input(&kit, "GET h/files/photos/2024/x.jpg");
    WANT_INT(router_match(kit.router, &input, kit.scratch, &match), OK);
    WANT_STR(param(&match, "bucket"), STR("photos"));
    WANT_INT(match.prefix_bytes, sizeof "/files/photos" - 1);

    input = kit_input(&kit, "GET h/r/2024-11/a/b");
    WANT_INT(router_match(kit.router, &input, kit.scratch, &match), OK);
    WANT_INT(match.param_count, 2);
    WANT_STR(param(&match, "year"), STR("2024"));
    WANT_STR(param(&match, "rest"), STR("a/b"));

    /* The walk tries "x" as a literal first and must forget what it met there. */
    input = kit_input(&kit, "GET h/users/x/items/y");
    WANT_INT(router_match(kit.router, &input, kit.scratch, &match), OK);
    WANT_STR(param(&match, "id"), STR("x"));
    WANT_STR(param(&match, "item-no"), STR("y"));
    kit_close(&kit);
}

TEST(a_parameter_is_one_segment_that_is_not_empty)
{
    static const char *const rules[] = {"/a/{x}", "/b/{x}/...", "/{x}/{y}/z", NULL};
    static const struct asked rows[] = {
        {"GET h/a/1", "/a/{x}"},
        {"GET h/a/", "-"},
        {"GET h/a", "-"},
        {"GET h/a/1/", "-"},
        {"GET h/a/1/2", "-"},
        {"GET h/b/1", "/b/{x}/..."},
        {"GET h/b/", "-"},
        {"GET h/b/1/", "/b/{x}/..."},
        {"GET h/b/1/2/3", "/b/{x}/..."},
        {"GET h/a/b/z", "/{x}/{y}/z"},
        {"GET h//b/z", "-"},
    };
    WANT_TAKERS(rules, rows);
}

TEST(more_literal_segments_and_literals_further_left_win)
{
    static const char *const rules[] = {
        "/{a}/{b}/{c}", "/{a}/y/{c}", "/x/{b}/{c}", "/x/{b}/z", "/{a}/y/z",
        "/{a}/...",     "/x/...",     "/{a}/y/...", NULL,
    };
    static const struct asked rows[] = {
        {"GET h/1/2/3", "/{a}/{b}/{c}"}, {"GET h/1/y/3", "/{a}/y/{c}"},
        {"GET h/x/2/3", "/x/{b}/{c}"},   {"GET h/x/y/3", "/x/{b}/{c}"},
        {"GET h/x/y/z", "/x/{b}/z"},     {"GET h/1/y/z", "/{a}/y/z"},
        {"GET h/x/q", "/x/..."},         {"GET h/w/q", "/{a}/..."},
        {"GET h/x/y", "/{a}/y/..."},
    };
    WANT_TAKERS(rules, rows);
}

TEST(prefix_bytes_say_what_a_rewrite_replaces)
{
    static const char *const rules[] = {"/a/...", "/...", "h.org", "/e", NULL};
    static const struct {
        const char *request;
        size_t bytes;
    } rows[] = {
        {"GET x/a", 2}, {"GET x/a/", 2},    {"GET x/a/b", 2},
        {"GET x/b", 0}, {"GET h.org/b", 0}, {"GET x/e", 2},
    };
    struct kit kit;
    kit_load(&kit, rules);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct route_match match = {0};
        struct route_input input = kit_input(&kit, rows[i].request);
        WANT_INT(router_match(kit.router, &input, kit.scratch, &match), OK);
        WANT_INT(match.prefix_bytes, rows[i].bytes);
    }
    kit_close(&kit);
}

TEST(patterns_are_filed_under_their_literal_start_and_still_take_all_they_should)
{
    static const char *const rules[] = {
        "~/v1/?x",  "~/v1/users/?", "~^/v2/ab?c/.*", "~/v3/(a|b)", "~(?i)/V4/a",
        "~/v5/x+/", "~/a\\.b/c",    "~/.*/deep",     NULL,
    };
    static const struct asked rows[] = {
        {"GET h/v1x", "~/v1/?x"},           {"GET h/v1/x", "~/v1/?x"},
        {"GET h/v1/users", "~/v1/users/?"}, {"GET h/v1/users/", "~/v1/users/?"},
        {"GET h/v2/ac/q", "~^/v2/ab?c/.*"}, {"GET h/v3/b", "~/v3/(a|b)"},
        {"GET h/v4/A", "~(?i)/V4/a"},       {"GET h/v5/xxx/", "~/v5/x+/"},
        {"GET h/a.b/c", "~/a\\.b/c"},       {"GET h/q/w/deep", "~/.*/deep"},
        {"GET h/v1/usersx", "-"},
    };
    WANT_TAKERS(rules, rows);
}

TEST(a_pattern_that_runs_out_of_budget_refuses_the_request)
{
    static const char *const rules[] = {"~/(a+)+$", "/...", "/exact/aaaa", NULL};
    static char line[8192] = "GET h/";
    memset(line + 6, 'a', sizeof line - 8);
    line[sizeof line - 2] = '!';
    struct kit kit;
    kit_load(&kit, rules);
    WANT_STR(kit_taker(&kit, line), STR("limit"));
    WANT_STR(kit_taker(&kit, "GET h/exact/aaaa"), STR("/exact/aaaa"));
    kit_close(&kit);
}

TEST(an_empty_router_has_no_route)
{
    static const char *const rules[] = {NULL};
    static const struct asked rows[] = {{"GET h/a", "-"}, {"OPTIONS h*", "-"}};
    WANT_TAKERS(rules, rows);
}

TEST(a_host_of_many_labels_is_looked_up_all_the_same)
{
    static const char *const rules[] = {"*.example.com/...", NULL};
    static char line[300] = "GET ";
    size_t len = 4;
    for (int i = 0; i < 110; i++) {
        memcpy(line + len, "a.", 2);
        len += 2;
    }
    memcpy(line + len, "example.com/x", sizeof "example.com/x");
    struct kit kit;
    kit_load(&kit, rules);
    WANT_STR(kit_taker(&kit, line), STR("*.example.com/..."));
    kit_close(&kit);
}
