/* resolve_test.c - names to things, and what only several things together can tell. */
#include "kit.h"

TEST(a_route_points_at_its_service)
{
    const struct config *config =
        kit_load("services: { b: a:2, a: a:1 }\n"
                 "routes: { x: { match: /x, to: a }, y: { match: /y, to: b } }");
    WANT(kit_route(config, "x")->service == &config->services.at[1]);
    WANT(kit_route(config, "y")->service == &config->services.at[0]);
    WANT_INT(kit_route(config, "y")->index, 1);
}

TEST(a_target_in_a_route_is_one_service_however_often_it_is_written)
{
    const struct config *config = kit_load(
        "services: { s: { targets: a:1, cohort: address } }\n"
        "routes: { x: { match: /x, to: http://b:1 }, y: { match: /y, to: s }, z: { match: /z, to: "
        "http://b:1 }, w: { match: /w, to: c:1 } }");
    WANT_STR(kit_said(), STR(""));
    WANT_INT(config->services.count, 3);
    WANT(!config->services.at[0].is_anonymous);
    WANT(config->services.at[1].is_anonymous);
    WANT(kit_route(config, "x")->service == kit_route(config, "z")->service);
    WANT(kit_route(config, "x")->service == &config->services.at[1]);
    WANT_STR(config->services.at[1].name, STR("http://b:1"));
    WANT(kit_route(config, "y")->service == &config->services.at[0]);
    WANT_STR(kit_route(config, "w")->service->name, STR("c:1"));
}

TEST(a_service_may_have_a_name_with_a_colon)
{
    const struct config *config =
        kit_load("services: { \"a:1\": b:2 }\nroutes: { x: { match: /x, to: \"a:1\" } }");
    WANT_STR(kit_route(config, "x")->service->versions.at[0].targets.at[0].text, STR("b:2"));
}

static bool listeners_fit(const char *first, const char *second)
{
    char text[256];
    snprintf(text, sizeof text,
             "listeners: { a: { listen: \"%s\" }, b: { listen: \"%s\" } }\nroutes: { \"/*\": "
             "http://a:1 }\n",
             first, second);
    bool fits = kit_load(text) != NULL;
    WANT(fits || kit_said_only("E0203"));
    return fits;
}

TEST(listeners_do_not_share_an_address)
{
    WANT(listeners_fit("127.0.0.1:80", "127.0.0.2:80"));
    WANT(listeners_fit("127.0.0.1:80", "127.0.0.1:81"));
    WANT(listeners_fit("127.0.0.1:80", "[::1]:80"));
    WANT(listeners_fit(":80", ":81"));
    WANT(!listeners_fit("127.0.0.1:80", "127.0.0.1:80"));
    WANT(!listeners_fit("127.0.0.1:80", ":80"));
    WANT(!listeners_fit(":80", "[::1]:80"));
    WANT(!listeners_fit(":80", ":80"));
    WANT(!listeners_fit("0.0.0.0:80", "127.0.0.1:80"));
    WANT(!listeners_fit("0.0.0.0:80", ":80"));
    WANT(!listeners_fit("[::]:80", "127.0.0.1:80"));
    WANT(!listeners_fit("[::]:80", "[::1]:80"));
}

TEST(of_many_listeners_each_that_collides_is_named)
{
    WANT(kit_load("listeners: { a: { listen: \"127.0.0.1:80\" }, b: { listen: \"127.0.0.2:80\" }, "
                  "c: { port: "
                  "80 }, d: { port: 81 }, e: { listen: \"[::1]:80\" } }\nroutes: { \"/*\": "
                  "http://a:1 }") == NULL);
    WANT_INT(kit_diags()->errors.count, 3);
}

TEST(weights_of_zero_are_warned_of)
{
    WANT(kit_load("services: { s: { versions: { a: { weight: 0, targets: a:1 } } } }\nroutes: { "
                  "\"/*\": s "
                  "}") != NULL);
    WANT(kit_said_only("W0201"));
    WANT(kit_load("services: { s: { versions: { a: { weight: 0, targets: a:1 }, b: { targets: a:2 "
                  "} } } }\n"
                  "routes: { \"/*\": s }") != NULL);
    WANT_STR(kit_said(), STR(""));
}

TEST(a_target_twice_is_found_among_few_and_many)
{
    char text[2048];
    WANT(kit_load("routes: { \"/*\": s }\nservices: { s: [a:1, \"http://a:1\"] }") == NULL);
    WANT(kit_said_only("E0207"));
    size_t len = (size_t)snprintf(text, sizeof text, "routes: { \"/*\": s }\nservices: { s: [");
    for (int i = 0; i < 50; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "a%d:1, ", i);
    }
    snprintf(text + len, sizeof text - len, "a7:1] }");
    WANT(kit_load(text) == NULL);
    WANT(kit_said_only("E0207"));
    WANT(kit_load("routes: { \"/*\": s }\nservices: { s: { versions: { a: { targets: a:1 }, b: { "
                  "targets: "
                  "a:1 } } } }") != NULL);
}

TEST(what_nothing_uses_is_warned_of_only_when_all_else_is_right)
{
    WANT(kit_load("services: { s: a:1 }\nroutes: { \"/*\": http://b:1 }") != NULL);
    WANT(kit_said_only("W0202"));
    WANT(kit_load("services: { s: a:1 }\nroutes: { \"/*\": t }") == NULL);
    WANT(kit_said_only("E0201"));
}

TEST(no_service_at_all_is_said_once)
{
    WANT(kit_load("services: 5\nroutes: { a: { match: /a, to: s }, b: { match: /b, to: s } }") ==
         NULL);
    WANT(kit_said_only("E0101"));
}

TEST(the_listener_for_metrics_has_an_address_of_its_own)
{
    WANT(kit_load(
             "listeners: { a: { port: 80 } }\nobserve: { metrics: { listen: \"127.0.0.1:80\" } }\n"
             "routes: { \"/*\": http://a:1 }") == NULL);
    WANT(kit_said_only("E0203"));
    WANT(kit_load(
             "listeners: { a: { port: 80 } }\nobserve: { metrics: { listen: \"127.0.0.1:81\" } }\n"
             "routes: { \"/*\": http://a:1 }") != NULL);
}

TEST(a_test_expects_what_is_there)
{
    WANT(kit_load("routes: { \"/*\": http://a:1 }\ntests: [{ request: GET http://a/, expect: { "
                  "route: nobody, "
                  "service: none } }]") == NULL);
    WANT_INT(kit_diags()->errors.count, 2);
    WANT(kit_said_code("E0201"));
    WANT(kit_load("routes: { \"/*\": http://a:1 }\ntests: [{ request: GET http://a/, expect: { "
                  "route: /*, "
                  "service: http://a:1 } }]") != NULL);
}
