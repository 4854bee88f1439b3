#include "base/limits.h"
#include "kit.h"

static const struct conf_health *health_of(const char *written)
{
    static const struct conf_health none;
    char text[1024];
    snprintf(text, sizeof text, "services: { s: { targets: [\"a:1\"], health: %s } }\nroutes: { \"/*\": s }", written);
    const struct config *config = kit_load(text);
    return config == NULL ? &none : &config->services.at[0].health;
}

TEST(nothing_written_is_no_check)
{
    const struct config *config = kit_load("services: { s: a:1 }\nroutes: { \"/*\": s }");
    WANT_INT(config->services.at[0].health.kind, CONF_HEALTH_NONE);
}

TEST(the_defaults_are_those_of_the_page)
{
    const struct conf_health *health = health_of("tcp");
    WANT_INT(health->interval_ms, 2000);
    WANT_INT(health->timeout_ms, 1000);
    WANT_INT(health->rise, 2);
    WANT_INT(health->fall, 3);
    WANT_INT(health->fast_interval_ms, 500);
    WANT_INT(health->down_interval_ms, 1000);
    WANT_INT(health->down_interval_max_ms, 30000);
    WANT_INT(health->jitter_percent, 10);
    WANT_INT(health->initial, 0);
}

TEST(what_makes_no_sense_is_refused_with_a_way_out)
{
    static const struct {
        const char *written, *code;
    } bad[] = {
        {"{}", "E0108"},
        {"{tcp: false}", "E0108"},
        {"{http: /a, grpc: {}}", "E0113"},
        {"{tcp: true, http: /a}", "E0113"},
        {"{tcp: true, rise: 0}", "E0104"},
        {"{tcp: true, port: 65536}", "E0104"},
        {"{tcp: true, jitter: 51}", "E0104"},
        {"{tcp: true, interval: 0s}", "E0104"},
        {"{tcp: true, initial: maybe}", "E0109"},
        {"{tcp: true, down_interval: 1m}", "E0150"},
        {"{postgres: {role: primary}}", "E0108"},
        {"{postgres: {user: a, role: primary, lag: 1s}}", "E0150"},
        {"{mysql: {password: a}}", "E0108"},
        {"{mysql: {user: a, lag: 1s}}", "E0150"},
        {"{redis: {lag: 1s}}", "E0150"},
        {"{redis: {role: master}}", "E0109"},
        {"{script: []}", "E0114"},
        {"{script: [{}]}", "E0108"},
        {"{script: [{expect: a}, {send: b}]}", "E0150"},
        {"{script: [{send: a, expect: b}]}", "E0113"},
        {"{http: {path: /a, header: {\"a b\": c}}}", "E0117"},
        {"{http: {path: /a, host: \"a\\r\\nb\"}}", "E0117"},
        {"{htp: /a}", "E0107"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        (void)health_of(bad[i].written);
        WANT(kit_said_code(bad[i].code));
        if (!kit_said_code(bad[i].code)) {
            printf("# %s: %.*s\n", bad[i].written, STR_FMT(kit_said()));
        }
    }
    char steps[1024] = "{script: [{send: a}";
    for (int i = 0; i < CONF_HEALTH_STEPS_MAX; i++) {
        strncat(steps, ", {send: a}", sizeof steps - strlen(steps) - 1);
    }
    strncat(steps, "]}", sizeof steps - strlen(steps) - 1);
    (void)health_of(steps);
    WANT(kit_said_code("E0104"));
}

TEST(a_check_longer_than_its_interval_is_warned_of)
{
    WANT_INT(health_of("{tcp: true, timeout: 3s}")->kind, CONF_HEALTH_TCP);
    WANT(kit_said_only("W0210"));
}

TEST(the_long_form_means_the_same)
{
    static const char *const checks[] = {
        "GET /h every 5s", "tcp", "tls", "grpc", "redis", "postgres", "mysql every 1s",
        "{http: {path: /h, status: [200, 204-206], drain_on: 404, header: {a: b}, body: \"x y\"}, tls: {verify: true}}",
        "{grpc: {service: a.B}, port: 81}", "{postgres: {user: a, password: b, role: replica, lag: 10s}}",
        "{script: [{expect: \"220 \"}, {send: \"QUIT\\r\\n\"}, {send_hex: \"00 ff\"}, {expect: b}]}"};
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        WANT(health_of(checks[i])->kind != CONF_HEALTH_NONE);
        char text[1024];
        snprintf(text, sizeof text, "services: { s: { targets: [\"a:1\"], health: %s } }\nroutes: { \"/*\": s }",
                 checks[i]);
        const struct config *config = kit_load(text);
        uint64_t hash = config_hash(config);
        if (strstr(checks[i], "password") != NULL) {
            WANT(str_find_str(kit_yaml(config), STR("<secret>")) < kit_yaml(config).len);
            continue;
        }
        char yaml[8192];
        snprintf(yaml, sizeof yaml, "%.*s", STR_FMT(kit_yaml(config)));
        const struct config *again = kit_load(yaml);
        WANT(again != NULL && config_hash(again) == hash);
        if (again == NULL) {
            printf("# %s: %.*s\n%s\n", checks[i], STR_FMT(kit_said()), yaml);
        }
    }
}
