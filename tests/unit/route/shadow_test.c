#include "route/shadow.h"

#include "base/rng.h"
#include "rules_kit.h"
#include "test.h"

struct row {
    const char *rules[4];
    int shadowed, by; /* indices of rules; -1: no warning */
    bool is_duplicate;
};

TEST(a_rule_that_nothing_reaches_is_found)
{
    static const struct row rows[] = {
        {{"/a", "/a"}, 1, 0, true},
        {{"/a/...", "/a/..."}, 1, 0, true},
        {{"/a/{x}", "/a/{y}"}, 1, 0, true},
        {{"~/a.*", "~/a.*"}, 1, 0, true},
        {{"GET /a", "GET /a"}, 1, 0, true},
        {{"GET,POST /a", "GET /a"}, 1, 0, false},
        {{"GET /a", "GET,POST /a"}, -1, -1, false},
        {{"GET /a", "POST /a", "GET,POST /a"}, 2, 1, false},
        {{"GET /a", "/a"}, -1, -1, false},
        {{"PURGE /a", "PURGE,BREW /a"}, -1, -1, false},
        {{"PURGE,BREW /a", "BREW,GET /a"}, -1, -1, false},
        {{"PURGE,BREW,GET /a", "BREW,GET /a"}, 1, 0, false},
        {{"PURGE /a", "BREW /a"}, -1, -1, false},
        {{"/a h:X=1", "/a h:X=1"}, 1, 0, true},
        {{"/a h:X=1", "/a h:X=2"}, -1, -1, false},
        {{"/a h:X", "/a h:X=1"}, 1, 0, false},
        {{"/a h:X=1", "/a"}, -1, -1, false},
        {{"/a", "/a h:X=1"}, -1, -1, false}, /* the narrower one goes first */
        {{"/a/...", "/a/b"}, -1, -1, false},
        {{"/a/... p:1", "/a/b"}, 1, 0, false},
        {{"/a/... p:1", "/a/b/..."}, 1, 0, false},
        {{"/a/... p:1", "/a/{x}/c"}, 1, 0, false},
        {{"/a/... p:1", "~/a/[0-9]+"}, 1, 0, false},
        {{"/a/... p:1", "~/b/[0-9]+"}, -1, -1, false},
        {{"/... p:1", "~.*"}, 1, 0, false},
        {{"/a/... p:1", "/ab"}, -1, -1, false},
        {{"/a/{x} p:1", "/a/b"}, 1, 0, false},
        {{"/{y}/{x} p:1", "/a/{z}"}, 1, 0, false},
        {{"/a/{z} p:1", "/{y}/{x}"}, -1, -1, false},
        {{"/{x}/... p:1", "/a/b"}, 1, 0, false},
        {{"/a/{x} p:1", "/a/"}, -1, -1, false},
        {{"/... p:1", "a.org/x"}, 1, 0, false},
        {{"*.org/... p:1", "a.org/x"}, 1, 0, false},
        {{"*.org/... p:1", "*.b.org/x"}, 1, 0, false},
        {{"*.b.org/... p:1", "*.org/x"}, -1, -1, false},
        {{"*.a.org/... p:1", "a.org/x"}, -1, -1, false},
        {{"a.org/... p:1", "/x"}, -1, -1, false},
        {{"a.org p:1", "a.org/x"}, 1, 0, false},
        {{" p:1", "a.org"}, 1, 0, false},
        {{"/... p:1", "a.org"}, -1, -1, false}, /* OPTIONS * is left */
        {{"a.org/x", "b.org/x"}, -1, -1, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kit kit;
        kit_load(&kit, rows[i].rules);
        const struct route_report *report = &kit.reports.at[0];
        WANT_INT(kit.result, OK);
        bool is_right = kit.reports.count == (rows[i].shadowed >= 0);
        if (is_right && rows[i].shadowed >= 0) {
            is_right = report->kind == ROUTE_REPORT_UNREACHABLE &&
                       report->rule == &kit.rules[rows[i].shadowed] &&
                       report->by == &kit.rules[rows[i].by] &&
                       report->is_duplicate == rows[i].is_duplicate;
        }
        if (!is_right) {
            test_has_failed = true;
            printf("# %s | %s: %u reports\n", rows[i].rules[0], rows[i].rules[1],
                   kit.reports.count);
        }
        kit_close(&kit);
    }
}

TEST(one_match_of_several_is_reported_as_such)
{
    struct route_cond conds[2] = {
        {.path = {STR("/x"), ROUTE_PATH_EXACT, false}},
        {.path = {STR("/y"), ROUTE_PATH_EXACT, false}},
    };
    struct route_rule rules[3] = {
        {.name = STR("first"), .matches = &conds[1], .match_count = 1},
        {.name = STR("second"), .matches = conds, .match_count = 2},
        {.name = STR("third"), .matches = conds, .match_count = 2},
    };
    struct kit kit;
    kit_open(&kit);
    kit.rules = rules;
    kit.rule_count = 3;
    kit_compile(&kit);
    WANT_INT(kit.reports.count, 2);
    WANT_INT(kit.reports.at[0].kind, ROUTE_REPORT_SHADOWED);
    WANT(kit.reports.at[0].rule == &rules[1]);
    WANT_INT(kit.reports.at[0].match_index, 1);
    WANT(kit.reports.at[0].by == &rules[0]);
    WANT_INT(kit.reports.at[1].kind, ROUTE_REPORT_UNREACHABLE);
    WANT(kit.reports.at[1].rule == &rules[2]);
    kit_close(&kit);
}

TEST(a_match_that_keeps_one_of_its_hosts_is_not_reported)
{
    const struct route_host hosts[] = {{STR("a.org"), false}, {STR("b.org"), false}};
    struct route_cond conds[2] = {
        {.hosts = hosts, .host_count = 1, .path = {STR("/x"), ROUTE_PATH_EXACT, false}},
        {.hosts = hosts, .host_count = 2, .path = {STR("/x"), ROUTE_PATH_EXACT, false}},
    };
    struct route_rule rules[2] = {
        {.matches = &conds[0], .match_count = 1},
        {.matches = &conds[1], .match_count = 1},
    };
    struct kit kit;
    kit_open(&kit);
    kit.rules = rules;
    kit.rule_count = 2;
    kit_compile(&kit);
    WANT_INT(kit.reports.count, 0);
    kit_close(&kit);
}

/* A warning must never be wrong: take random rules, drop those called unreachable, and nothing may
 * change for any request. */
TEST(what_is_called_unreachable_takes_no_request)
{
    static const char *const words[] = {"/a",    "/a/b",      "/a/...", "/...",
                                        "/{x}",  "/{x}/b",    "~/a.*",  "/a/{y}/...",
                                        "*.o/a", "a.o/a/...", "a.o",    "*.a.o/..."};
    static const char *const conditions[] = {"",      " h:A=1", " h:A", " q:v=1",
                                             " h:!A", " p:1",   " p:2"};
    static const char *const methods[] = {"", "GET ", "GET,POST ", "PURGE "};
    static const char *const requests[] = {
        "GET x/a",
        "POST x/a A: 1",
        "PURGE a.o/a/b?v=1",
        "GET a.o/a/b A: 2",
        "GET b.a.o/x/b",
        "PUT b.a.o/a/z/q?v=1 A: 1",
        "GET a.o/a/b?v=1 A: 1",
        "GET x/q",
        "POST a.o/",
        "GET a.o/ab",
    };
    struct rng rng;
    rng_init(&rng, 5);
    uint32_t warned = 0;
    for (int round = 0; round < 3000; round++) {
        char lines[12][64];
        const char *rules[13] = {NULL};
        uint32_t count = 2 + rng_below(&rng, 10);
        for (uint32_t i = 0; i < count; i++) {
            (void)snprintf(lines[i], sizeof lines[i], "%s%s%s",
                           methods[rng_below(&rng, COUNT_OF(methods))],
                           words[rng_below(&rng, COUNT_OF(words))],
                           conditions[rng_below(&rng, COUNT_OF(conditions))]);
            rules[i] = lines[i];
        }
        struct kit kit;
        kit_load(&kit, rules);
        warned += kit.reports.count;
        for (size_t i = 0; i < COUNT_OF(requests); i++) {
            struct route_input input = kit_input(&kit, requests[i]);
            struct route_match match;
            enum err result = router_match(kit.router, &input, kit.scratch, &match);
            for (uint32_t j = 0; j < kit.reports.count && result == OK; j++) {
                WANT(match.rule != kit.reports.at[j].rule);
            }
        }
        kit_close(&kit);
    }
    WANT(warned > 1000);
}
