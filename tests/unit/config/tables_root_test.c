/* tables_root_test.c - routes and the root: what their tables say that a row cannot. */
#include "kit.h"

TEST(the_name_of_a_route_is_its_match_when_it_has_none)
{
    const struct config *config =
        kit_load("services: { s: a:1 }\nroutes:\n  /a/*: s\n  \"GET b.c/d\": { "
                 "to: s }\n  e.f: { to: s }\n");
    WANT_STR(kit_route(config, "/a/*")->matches.at[0].path, STR("/a"));
    WANT_STR(kit_route(config, "GET b.c/d")->matches.at[0].methods.at[0], STR("GET"));
    WANT_STR(kit_route(config, "e.f")->matches.at[0].hosts.at[0].name, STR("e.f"));
    WANT(kit_load("routes: { orders: http://a:1 }") == NULL);
    WANT(kit_said_only("E0108"));
    WANT(kit_load("routes: { /a*: http://a:1 }") == NULL);
    WANT(kit_said_only("E0116"));
}

TEST(a_route_leads_to_one_place)
{
    WANT_INT(kit_route(kit_load("routes: { r: { match: /r, respond: {} } }"), "r")->action,
             CONF_RESPOND);
    WANT_INT(kit_route(kit_load("routes: { r: { match: /r, redirect: /b } }"), "r")->action,
             CONF_REDIRECT);
    WANT_INT(kit_route(kit_load("routes: { r: { match: /r, to: http://a:1 } }"), "r")->action,
             CONF_TO_SERVICE);
    WANT(kit_load("routes: { r: { match: /r } }") == NULL);
    WANT(kit_said_only("E0204"));
    WANT(kit_load("routes: { r: { match: /r, to: http://a:1, respond: {} } }") == NULL);
    WANT(kit_said_only("E0113"));
    WANT(kit_load("routes: { /r: 5 }") == NULL);
    WANT(kit_said_only("E0101"));
}

TEST(an_answer_has_status_body_and_fields)
{
    const struct config *config =
        kit_load("routes: { r: { match: /r, respond: { status: 451, body: \"no\\n\", "
                 "headers: { A: b, C: \"d e\" } } } }");
    const struct conf_respond *respond = &kit_route(config, "r")->respond;
    WANT_INT(respond->status, 451);
    WANT_STR(respond->body, STR("no\n"));
    WANT_INT(respond->headers.count, 2);
    WANT_STR(respond->headers.at[1].name, STR("C"));
    WANT_STR(respond->headers.at[1].value, STR("d e"));
    WANT(kit_load("routes: { r: { match: /r, respond: { status: 100 } } }") == NULL);
    WANT(kit_load("routes: { r: { match: /r, respond: { status: 600 } } }") == NULL);
}

TEST(the_root_knows_its_version_and_needs_routes)
{
    WANT(kit_load("version: 2\nroutes: { \"/*\": http://a:1 }") == NULL);
    WANT(kit_said_only("E0104"));
    WANT(kit_load("version: 1\nroutes: {}") == NULL);
    WANT(kit_said_only("E0114"));
    WANT(kit_load("version: 1") == NULL);
    WANT(kit_said_only("E0108"));
    WANT_INT(kit_load("cores: 4\nroutes: { \"/*\": http://a:1 }")->cores, 4);
    WANT(kit_load("cores: 0\nroutes: { \"/*\": http://a:1 }") == NULL);
}

TEST(metrics_have_a_listener_of_their_own)
{
    const struct config *config = kit_load(
        "observe: { metrics: { listen: \"127.0.0.1:9\" } }\nroutes: { \"/*\": http://a:1 }");
    WANT_INT(config->observe.metrics.addr.port, 9);
    WANT_INT(kit_load("routes: { \"/*\": http://a:1 }")->observe.metrics.addr.port, 0);
    WANT(kit_load("observe: { metrics: {} }\nroutes: { \"/*\": http://a:1 }") == NULL);
    WANT(kit_said_only("E0108"));
}

TEST(an_expectation_is_what_is_asked)
{
    const struct config *config = kit_load(
        "routes: { \"/*\": http://a:1 }\ntests:\n  - request: GET http://a/\n    headers: { A: b "
        "}\n"
        "    expect: { status: 200, route: /*, service: http://a:1, version: v, header: { X: y } "
        "}\n");
    const struct conf_test *test = &config->tests.at[0];
    WANT_INT(test->expect.status, 200);
    WANT_STR(test->expect.route, STR("/*"));
    WANT_STR(test->expect.version, STR("v"));
    WANT_STR(test->expect.header.at[0].value, STR("y"));
    WANT_STR(test->headers.at[0].name, STR("A"));
    WANT_INT(test->pos.line, 3);
}
