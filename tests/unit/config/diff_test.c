/* diff_test.c - what a new file changes, in words of the configuration. */
#include "kit.h"

static struct arena memory;

/* The difference of two files, each without what both have. */
static struct str diff_of(const char *from, const char *to)
{
    static struct config *old, *new;
    struct diags diags;
    struct sink out;
    config_free(old);
    config_free(new);
    arena_reset(&memory);
    arena_init_heap(&memory, 1 << 24);
    sink_to_memory(&out, &memory);
    diags_init(&diags);
    WANT(config_load_text("old", str_from_c(from), &kit_opts, &diags, &old) == OK);
    WANT(config_load_text("new", str_from_c(to), &kit_opts, &diags, &new) == OK);
    diags_write(&diags, &out);
    WANT_STR(sink_str(&out), STR(""));
    diags_drop(&diags);
    if (old == NULL || new == NULL) {
        return (struct str){0};
    }
    uint32_t lines = config_diff(old, new, &out);
    struct str said = sink_str(&out);
    for (size_t i = 0; i < said.len; i++) {
        lines -= said.at[i] == '\n';
    }
    WANT_INT(lines, 0);
    WANT((config_hash(old) == config_hash(new)) == (said.len == 0));
    return said;
}

TEST(equal_meaning_is_no_difference)
{
    WANT_STR(diff_of("routes: { \"/*\": http://a:1 }", "routes:\n  \"/*\":\n    to: http://a:1\n"),
             STR(""));
}

TEST(a_weight_is_named_with_service_and_version)
{
    WANT_STR(
        diff_of(
            "services: { orders: { versions: { v1: { targets: a:1, weight: 95 }, v2: { targets: "
            "a:2, weight: 5 } } } }\nroutes: { \"/*\": orders }",
            "services: { orders: { versions: { v1: { targets: a:1, weight: 95 }, v2: { targets: "
            "a:2, weight: 20 } } } }\nroutes: { \"/*\": orders }"),
        STR("service orders, version v2: weight 5 -> 20\n"));
}

TEST(things_come_and_go_by_name)
{
    WANT_STR(
        diff_of(
            "services: { s: a:1, t: a:2 }\nroutes: { a: { match: /a, to: s }, b: { match: /b, to: "
            "t } }",
            "services: { s: a:1, u: a:3 }\nroutes: { a: { match: /a, to: u }, b: { match: /b, to: "
            "s } }"),
        STR("service t: removed\nservice u: added\nroute a: to s -> u\nroute b: to t -> s\n"));
}

TEST(targets_and_matches_are_sets)
{
    WANT_STR(diff_of("services: { s: [a:1, b:1] }\nroutes: { a: { match: [/a, /b], to: s } }",
                     "services: { s: [b:1, c:1] }\nroutes: { a: { match: [/b, /c], to: s } }"),
             STR("service s, target {address: a:1, weight: 1, priority: 0}: removed\n"
                 "service s, target {address: c:1, weight: 1, priority: 0}: added\n"
                 "route a, match {path: {exact: \"/a\"}}: removed\n"
                 "route a, match {path: {exact: \"/c\"}}: added\n"));
}

TEST(policies_are_compared_by_kind)
{
    WANT_STR(diff_of("routes: { a: { match: /a, respond: {}, mark: { level: 1 } } }",
                     "routes: { a: { match: /a, respond: {}, mark: { level: 2 }, gate: x } }"),
             STR("route a, policy mark: level 1 -> 2\nroute a, policy gate: added\n"));
}

TEST(secrets_are_compared_but_not_shown)
{
    struct str said = diff_of("routes: { a: { match: /a, respond: {}, mark: { secret: one } } }",
                              "routes: { a: { match: /a, respond: {}, mark: { secret: two } } }");
    WANT_STR(said, STR("route a, policy mark: secret changed\n"));
    said = diff_of("routes: { a: { match: /a, respond: { body: \"${env:SECRET}\" } } }",
                   "routes: { a: { match: /a, respond: { body: \"${env:URL}\" } } }");
    WANT_STR(said, STR("route a, respond: body changed\n"));
}

TEST(what_was_not_written_is_none)
{
    WANT_STR(diff_of("routes: { \"/*\": http://a:1 }", "cores: 2\nroutes: { \"/*\": http://a:1 }\n"
                                                       "observe: { metrics: { listen: \":9\" } }"),
             STR("cores (none) -> 2\nobserve: metrics (none) -> {listen: \":9\"}\n"));
}
