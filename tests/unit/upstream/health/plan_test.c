#include "base/limits.h"
#include "talk_kit.h"
#include "test.h"

static struct talk_kit kit;

/* Whether two ways to write a check are one. */
static bool is_same(const char *left, const char *right)
{
    struct arena arena;
    arena_init_heap(&arena, 1 << 20);
    struct str first = health_plan_spec(talk_kit_conf(&kit, left), &arena);
    config_free(kit.config);
    struct str second = health_plan_spec(talk_kit_conf(&kit, right), &arena);
    config_free(kit.config);
    bool same = str_eq(first, second);
    arena_reset(&arena);
    return same;
}

TEST(the_same_check_is_one_plan_however_it_is_written)
{
    WANT(is_same("GET /h every 5s", "{http: {path: /h}, interval: 5000ms}"));
    WANT(is_same("tcp", "{tcp: true}"));
    WANT(is_same("redis", "{redis: {role: any}}"));
}

TEST(every_word_of_a_check_makes_another_plan)
{
    static const char *const checks[] = {
        "GET /h", "GET /i", "HEAD /h", "tcp", "tls", "grpc", "redis", "postgres", "mysql",
        "{http: /h, rise: 3}", "{http: /h, fall: 2}", "{http: /h, timeout: 2s}", "{http: /h, port: 81}",
        "{http: /h, interval: 3s}", "{http: /h, fast_interval: 1s}", "{http: /h, down_interval: 2s}",
        "{http: /h, down_interval_max: 5s}", "{http: /h, jitter: 0}", "{http: /h, initial: down}",
        "{http: {path: /h, host: a}}", "{http: {path: /h, body: a}}", "{http: {path: /h, status: 200}}",
        "{http: {path: /h, drain_on: 404}}", "{http: {path: /h, header: {a: b}}}",
        "{http: {path: /h, send_headers: {a: b}}}", "{http: {path: /h, send_headers: {ab: \"\"}}}",
        "{http: /h, tls: {}}", "{http: /h, tls: {verify: true}}", "{http: /h, tls: {name: a}}",
        "{http: /h, tls: {ca: a}}", "{grpc: {service: a}}", "{grpc: {host: a}}", "{grpc: {unimplemented: pass}}",
        "{postgres: {user: a}}", "{postgres: {user: a, password: b}}", "{postgres: {user: a, database: b}}",
        "{postgres: {user: a, role: primary}}", "{postgres: {user: a, role: replica, lag: 1s}}",
        "{mysql: {user: a}}", "{redis: {role: primary}}", "{redis: {role: replica, lag: 1s}}",
        "{redis: {user: a, password: b}}", "{script: [{send: a}, {expect: b}]}", "{script: [{expect: a}]}",
        "{script: [{send_hex: \"61\"}, {expect: b}]}", "{script: [{expect_hex: \"61\"}]}"};
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        for (size_t j = i + 1; j < COUNT_OF(checks); j++) {
            WANT(!is_same(checks[i], checks[j]));
        }
    }
}

TEST(a_plan_outlives_its_configuration)
{
    const struct conf_health *conf =
        talk_kit_conf(&kit, "{http: {path: /h, body: well, header: {x: y}, send_headers: {a: b}}}");
    struct health_plan *plan = health_plan_new(conf);
    config_free(kit.config);
    WANT_STR(plan->conf.http.path, STR("/h"));
    WANT_STR(plan->conf.http.header.at[0].value, STR("y"));
    WANT_STR(plan->conf.http.send_headers.at[0].name, STR("a"));
    WANT_STR(str_from_c(plan->kind), STR("http"));
    WANT(plan->has_target_name);
    WANT_INT(plan->rules.fall, 3);
    health_plan_free(plan);
    conf = talk_kit_conf(&kit, "{script: [{send: ping}, {expect: pong}]}");
    plan = health_plan_new(conf);
    config_free(kit.config);
    WANT_STR(plan->conf.script.at[1].expect, STR("pong"));
    WANT(!plan->has_target_name);
    health_plan_free(plan);
}

TEST(a_plan_larger_than_its_memory_is_none)
{
    struct conf_health conf = *talk_kit_conf(&kit, "GET /h");
    char *large = heap_new(LIMIT_VALUE(health_plan_bytes));
    memset(large, 'x', LIMIT_VALUE(health_plan_bytes));
    conf.http.path = str_of(large, LIMIT_VALUE(health_plan_bytes));
    WANT(health_plan_new(&conf) == NULL);
    heap_free(large);
    config_free(kit.config);
}
