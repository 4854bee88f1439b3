/* inherit_test.c - the nearest place wins and says all of it; what is enforced holds. */
#include "kit.h"

static const char base[] =
    "defaults: { timeout: { connect: 2s, total: 30s }, body_limit: 1MiB, balance: random_two, "
    "mark: { "
    "level: 1 }, gate: default }\n"
    "policies: { strict: { mark: { level: 9 } }, other: { gate: bundle } }\n"
    "services:\n"
    "  plain: a:1\n"
    "  own: { targets: a:2, timeout: { response: 3s }, body_limit: off, balance: round_robin, "
    "mark: { "
    "level: 2 }, use: other }\n"
    "routes:\n"
    "  plain: { match: /plain, to: plain }\n"
    "  own: { match: /own, to: own }\n"
    "  route: { match: /route, to: own, timeout: 5s, body_limit: 2KiB, mark: { level: 3 } }\n"
    "  used: { match: /used, to: own, use: strict }\n"
    "  both: { match: /both, to: own, use: strict, mark: { level: 4 } }\n"
    "  skip: { match: /skip, to: own, skip: [mark, gate] }\n"
    "  alone: { match: /alone, respond: {} }\n";

static const struct conf_policy *policy_of(const struct conf_route *route, const char *kind)
{
    for (uint32_t i = 0; i < route->effective.policy_count; i++) {
        if (strcmp(route->effective.policies[i]->kind->name, kind) == 0) {
            return route->effective.policies[i];
        }
    }
    return NULL;
}

static int64_t level_of(const struct conf_route *route)
{
    const struct conf_policy *policy = policy_of(route, "mark");
    return policy == NULL ? -1 : ((const struct mark *)policy->conf)->level;
}

TEST(a_policy_is_that_of_the_nearest_place)
{
    const struct config *config = kit_load(base);
    WANT_STR(kit_said(), STR(""));
    WANT_INT(level_of(kit_route(config, "plain")), 1);
    WANT_INT(level_of(kit_route(config, "own")), 2);
    WANT_INT(level_of(kit_route(config, "route")), 3);
    WANT_INT(level_of(kit_route(config, "used")), 9);
    WANT_INT(level_of(kit_route(config, "both")), 4);
    WANT_INT(level_of(kit_route(config, "skip")), -1);
    WANT_INT(level_of(kit_route(config, "alone")), 1);
}

TEST(each_policy_says_where_it_comes_from)
{
    const struct config *config = kit_load(base);
    const struct conf_policy *mark = policy_of(kit_route(config, "used"), "mark");
    const struct conf_policy *gate = policy_of(kit_route(config, "used"), "gate");
    WANT_INT(mark->level, CONF_ROUTE);
    WANT_STR(mark->bundle, STR("strict"));
    WANT_INT(mark->pos.line, 2);
    WANT_INT(gate->level, CONF_SERVICE);
    WANT_STR(gate->bundle, STR("other"));
    mark = policy_of(kit_route(config, "plain"), "mark");
    WANT_INT(mark->level, CONF_DEFAULTS);
    WANT_INT(mark->bundle.len, 0);
}

TEST(policies_come_in_running_order_whatever_the_file_says)
{
    const struct config *config =
        kit_load("routes: { r: { match: /r, respond: {}, gate: x, mark: {} } }");
    const struct conf_route *route = kit_route(config, "r");
    WANT_INT(route->effective.policy_count, 2);
    WANT_INT(route->effective.policies[0]->kind_index, 0);
    WANT_INT(route->effective.policies[1]->kind_index, 1);
}

TEST(routes_that_add_nothing_share_the_list_of_their_service)
{
    const struct config *config =
        kit_load("services: { s: { targets: a:1, gate: x } }\n"
                 "routes: { a: { match: /a, to: s }, b: { match: /b, to: s } }");
    WANT(kit_route(config, "a")->effective.policies == kit_route(config, "b")->effective.policies);
}

TEST(times_are_replaced_as_a_whole)
{
    const struct config *config = kit_load(base);
    const struct conf_timeout *plain = &kit_route(config, "plain")->effective.timeout;
    const struct conf_timeout *own = &kit_route(config, "own")->effective.timeout;
    const struct conf_timeout *route = &kit_route(config, "route")->effective.timeout;
    WANT_INT(plain->connect_ms, 2000);
    WANT_INT(plain->total_ms, 30000);
    WANT_INT(plain->response_ms, 15000);
    WANT_INT(own->connect_ms, 1000);
    WANT_INT(own->total_ms, 0);
    WANT_INT(own->response_ms, 3000);
    WANT_INT(route->total_ms, 5000);
    WANT_INT(route->response_ms, 15000);
    WANT_INT(config->listeners.at[0].timeout.head_ms, 10000);
}

TEST(limits_and_balancing_come_down_too)
{
    const struct config *config = kit_load(base);
    WANT_INT(kit_route(config, "plain")->effective.body_limit.bytes, 1 << 20);
    WANT_INT(kit_route(config, "own")->effective.body_limit.bytes, 0);
    WANT_INT(kit_route(config, "route")->effective.body_limit.bytes, 2048);
    WANT_INT(config->services.at[0].balance.method, CONF_BALANCE_RANDOM_TWO);
    WANT_INT(config->services.at[1].balance.method, CONF_BALANCE_ROUND_ROBIN);
}

TEST(what_is_enforced_is_there_without_being_asked_for)
{
    const struct config *config = kit_load(
        "enforce: { timeout: { total: 10s, idle: 20s }, body_limit: 1KiB, balance: "
        "least_request, mark: { level: 5 } }\nlisteners: { a: { port: 1, timeout: { head: 1s } } "
        "}\nservices: { s: { targets: a:1, timeout: { connect: 1s } } }\n"
        "routes: { a: { match: /a, to: s }, b: { match: /b, to: s, mark: { level: 8 } },"
        " c: { match: /c, to: http://b:1, timeout: 3s, body_limit: 5 } }");
    WANT_STR(kit_said(), STR(""));
    WANT_INT(kit_route(config, "a")->effective.timeout.total_ms, 10000);
    WANT_INT(kit_route(config, "c")->effective.timeout.total_ms, 3000);
    WANT_INT(kit_route(config, "a")->effective.body_limit.bytes, 1024);
    WANT_INT(kit_route(config, "c")->effective.body_limit.bytes, 5);
    WANT_INT(level_of(kit_route(config, "a")), 5);
    WANT_INT(level_of(kit_route(config, "b")), 8);
    WANT_INT(policy_of(kit_route(config, "a"), "mark")->level, CONF_ENFORCE);
    WANT_INT(kit_route(config, "a")->service->balance.method, CONF_BALANCE_LEAST_REQUEST);
    WANT_INT(config->listeners.at[0].timeout.idle_ms, 20000);
    WANT_INT(config->listeners.at[0].timeout.head_ms, 1000);
}

TEST(nothing_loosens_what_is_enforced)
{
    static const char *const below[] = {
        "defaults: { mark: { level: 4 } }",
        "defaults: { gate: x }",
        "defaults: { timeout: 11s }",
        "defaults: { body_limit: off }",
        "services: { t: { targets: a:1, mark: { level: 4 } } }",
        "services: { t: { targets: a:1, use: loose } }",
        "services: { t: { targets: a:1, gate: x } }",
        "services: { t: { targets: a:1, timeout: 0s } }",
        "services: { t: { targets: a:1, balance: p2c_ewma } }",
        "listeners: { a: { port: 1, timeout: { head: 11s } } }",
    };
    for (size_t i = 0; i < COUNT_OF(below); i++) {
        char text[512];
        snprintf(
            text, sizeof text,
            "enforce: { mark: { level: 5 }, gate: north, timeout: { total: 10s, head: 10s }, "
            "body_limit: 1KiB, balance: random_two }\npolicies: { loose: { mark: { level: 1 } } }\n"
            "%s\nroutes: { r: { match: /r, to: %s } }\n",
            below[i], below[i][0] == 's' ? "t" : "http://a:1");
        WANT(kit_load(text) == NULL);
        if (!kit_said_code("E0205") || kit_diags()->errors.count != 1) {
            printf("# %s\n%.*s", below[i], STR_FMT(kit_said()));
            test_has_failed = true;
        }
    }
}

TEST(skipping_what_is_not_there_is_harmless_and_what_does_not_exist_is_not)
{
    WANT(kit_load("routes: { r: { match: /r, respond: {}, skip: mark } }") != NULL);
    WANT(kit_load("routes: { r: { match: /r, respond: {}, skip: marc } }") == NULL);
    WANT(kit_said_only("E0201"));
}
