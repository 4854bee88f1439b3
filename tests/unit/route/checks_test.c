#include "route/checks.h"

#include "rules_kit.h"
#include "test.h"

#include <string.h>

/* Does a rule with this one condition take the request? */
static bool holds(const char *condition, const char *request)
{
    char line[256];
    struct strbuf out = strbuf_over(line, sizeof line - 1);
    strbuf_add_c(&out, "/a ");
    strbuf_add_c(&out, condition);
    line[out.len] = '\0';
    const char *const rules[] = {line, NULL};
    struct kit kit;
    kit_load(&kit, rules);
    WANT_INT(kit.result, OK);
    bool result = kit.result == OK && str_eq(kit_taker(&kit, request), str_from_c(line));
    kit_close(&kit);
    return result;
}

struct row {
    const char *condition, *request;
    bool holds;
};

static void want_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (holds(rows[i].condition, rows[i].request) != rows[i].holds) {
            test_has_failed = true;
            printf("# %s on %s: wanted %d\n", rows[i].condition, rows[i].request, rows[i].holds);
        }
    }
}

TEST(header_conditions_look_at_every_field_of_the_name)
{
    static const struct row rows[] = {
        {"h:X-Version=2", "GET h/a X-Version: 2", true},
        {"h:x-version=2", "GET h/a X-VERSION: 2", true},
        {"h:X-Version=2", "GET h/a X-Version: 1|x-version: 2", true},
        {"h:X-Version=2", "GET h/a X-Version: 2|x-version: 1", true},
        {"h:X-Version=2", "GET h/a X-Version: 1, 2", false}, /* a line is one value */
        {"h:X-Version=2", "GET h/a X-Version: 22", false},
        {"h:X-Version=2", "GET h/a X-Versions: 2", false},
        {"h:X-Version=2,3", "GET h/a X-Version: 3", true},
        {"h:X-Version=2,3", "GET h/a X-Version: 4", false},
        {"h:X-Version=", "GET h/a X-Version:", true},
        {"h:X-Version=", "GET h/a", false},
        {"h:X-Version~[0-9]+", "GET h/a X-Version: 12", true},
        {"h:X-Version~[0-9]+", "GET h/a X-Version: 12x", false},
        {"h:X-Version~[0-9]+", "GET h/a X-Version: x|X-Version: 1", true},
        {"h:X-Version", "GET h/a X-Version:", true},
        {"h:X-Version", "GET h/a X-Other: 1", false},
        {"h:!X-Version", "GET h/a X-Other: 1", true},
        {"h:!X-Version", "GET h/a X-Version:", false},
        /* Names that the parser knows by number. */
        {"h:content-type=a/b", "GET h/a Content-Type: a/b", true},
        {"h:Content-Type", "GET h/a X-Content-Type: a/b", false},
        {"h:!Content-Type", "GET h/a", true},
        {"h:!Content-Type", "GET h/a content-type: a/b", false},
    };
    want_rows(rows, COUNT_OF(rows));
}

TEST(query_conditions_compare_what_escapes_stand_for)
{
    static const struct row rows[] = {
        {"q:v=2", "GET h/a?v=2", true},
        {"q:v=2", "GET h/a?v=1&v=2", true},
        {"q:v=2", "GET h/a?v=2&v=1", true},
        {"q:v=2", "GET h/a?V=2", false},
        {"q:v=2", "GET h/a?w=2", false},
        {"q:v=2", "GET h/a", false},
        {"q:v=2", "GET h/a?v=22", false},
        {"q:v=22", "GET h/a?v=2", false},
        {"q:v=2", "GET h/a?&&v=2&", true},
        {"q:v=2", "GET h/a?%76=%32", true},
        {"q:v=2,x", "GET h/a?v=x", true},
        {"q:v=a=b", "GET h/a?v=a=b", true},
        {"q:v=%zz", "GET h/a?v=%zz", true},
        {"q:v=%2", "GET h/a?v=%2", true},
        {"q:v=", "GET h/a?v", true},
        {"q:v=", "GET h/a?v=", true},
        {"q:v", "GET h/a?v", true},
        {"q:v", "GET h/a?vv", false},
        {"q:!v", "GET h/a?w", true},
        {"q:!v", "GET h/a?w&v", false},
        {"q:v~[a-z]\\s[a-z]", "GET h/a?v=x+y", true},
        {"q:v~[a-z]\\s[a-z]", "GET h/a?v=x%20y", true},
        {"q:v~[a-z]", "GET h/a?v=xy", false},
    };
    want_rows(rows, COUNT_OF(rows));
}

TEST(every_condition_must_hold)
{
    WANT(holds("h:A=1 h:B=2 q:c=3", "GET h/a?c=3 B: 2|A: 1"));
    WANT(!holds("h:A=1 h:B=2 q:c=3", "GET h/a?c=4 B: 2|A: 1"));
    WANT(!holds("h:A=1 h:B=2 q:c=3", "GET h/a?c=3 B: 1|A: 1"));
}

TEST(dropped_fields_are_not_there)
{
    static const char *const rules[] = {"/a h:X-Key=1", NULL};
    struct kit kit;
    kit_load(&kit, rules);
    struct route_input input = kit_input(&kit, "GET h/a X-Key: 1");
    struct route_match match;
    WANT_INT(router_match(kit.router, &input, kit.scratch, &match), OK);
    struct fields fields = *input.fields;
    WANT_INT(fields_remove(&fields, STR("x-key")), 1);
    input.fields = &fields;
    WANT_INT(router_match(kit.router, &input, kit.scratch, &match), ERR_NO_ROUTE);
    kit_close(&kit);
}

TEST(what_a_pattern_cannot_judge_is_refused)
{
    static const char *const rules[] = {"/a q:v~x*", "/b h:v~(a+)+$", NULL};
    static char request[LIMIT_VALUE(target_bytes) + 32];
    struct kit kit;
    kit_load(&kit, rules);
    memset(request, 'x', sizeof request - 1);
    memcpy(request, "GET h/a?v=", 10);
    WANT_STR(kit_taker(&kit, request), STR("limit"));
    request[LIMIT_VALUE(target_bytes)] = '\0';
    WANT_STR(kit_taker(&kit, request), STR("/a q:v~x*"));
    memset(request, 'a', sizeof request - 2);
    request[sizeof request - 2] = '!';
    memcpy(request, "GET h/b v: ", 11);
    WANT_STR(kit_taker(&kit, request), STR("limit"));
    kit_close(&kit);
}

TEST(covering_is_by_name_kind_and_value)
{
    static const struct {
        const char *wide, *narrow;
        bool covers;
    } rows[] = {
        {"/", "/", true},
        {"/", "/ h:A=1 q:b", true},
        {"/ h:A=1", "/", false},
        {"/ h:A=1", "/ h:a=1 h:B=2", true},
        {"/ h:A=1", "/ h:A=2", false},
        {"/ h:A=1,2", "/ h:A=2", true},
        {"/ h:A=1", "/ h:A=1,2", false},
        {"/ h:A", "/ h:A=1", true},
        {"/ h:A", "/ h:A~x", true},
        {"/ h:A", "/ h:!A", false},
        {"/ h:!A", "/ h:!A", true},
        {"/ h:A=1", "/ h:A", false},
        {"/ h:A~x", "/ h:A~x", true},
        {"/ h:A~x", "/ h:A~y", false},
        {"/ h:A~x", "/ h:A=x", false},
        {"/ q:a=1", "/ q:A=1", false},
        {"/ q:a=1", "/ h:a=1", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kit kit;
        struct route_rule wide = {0}, narrow = {0};
        kit_open(&kit);
        kit_rule(&kit, &wide, rows[i].wide);
        kit_rule(&kit, &narrow, rows[i].narrow);
        WANT(checks_cover(wide.matches, narrow.matches) == rows[i].covers);
        kit_close(&kit);
    }
}
