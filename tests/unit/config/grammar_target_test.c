/* grammar_target_test.c - targets, and the other small grammars of a service. */
#include "kit.h"

static const struct conf_service *service_of(const char *written)
{
    static const struct conf_service none;
    char text[512];
    snprintf(text, sizeof text, "services: { s: %s }\nroutes: { \"/*\": s }", written);
    const struct config *config = kit_load(text);
    return config == NULL ? &none : &config->services.at[0];
}

static const struct {
    const char *written;
    enum conf_target_kind kind;
    const char *text, *host;
    uint16_t port;
} good[] = {
    {"10.0.0.1:8080", CONF_TARGET_ADDRESS, "10.0.0.1:8080", "10.0.0.1", 8080},
    {"\"[::1]:80\"", CONF_TARGET_ADDRESS, "[::1]:80", "[::1]", 80},
    {"http://10.0.0.1:8080", CONF_TARGET_ADDRESS, "10.0.0.1:8080", "10.0.0.1", 8080},
    {"http://10.0.0.1", CONF_TARGET_ADDRESS, "10.0.0.1:80", "10.0.0.1", 80},
    {"http://api.internal/", CONF_TARGET_NAME, "api.internal:80", "api.internal", 80},
    {"\"http://[::1]\"", CONF_TARGET_ADDRESS, "[::1]:80", "[::1]", 80},
    {"localhost:3000", CONF_TARGET_NAME, "localhost:3000", "localhost", 3000},
    {"API.Internal:1", CONF_TARGET_NAME, "API.Internal:1", "api.internal", 1},
    {"my_service:65535", CONF_TARGET_NAME, "my_service:65535", "my_service", 65535},
    {"dns://users.svc:80", CONF_TARGET_DNS, "users.svc:80", "users.svc", 80},
};

TEST(a_target_is_an_address_a_name_or_all_addresses_of_a_name)
{
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        const struct conf_service *service = service_of(good[i].written);
        WANT_INT(service->versions.count, 1);
        if (service->versions.count == 0) {
            printf("# %s: %.*s\n", good[i].written, STR_FMT(kit_said()));
            continue;
        }
        const struct conf_target *target = &service->versions.at[0].targets.at[0];
        WANT_INT(target->kind, good[i].kind);
        WANT_STR(target->text, str_from_c(good[i].text));
        WANT_STR(target->host, str_from_c(good[i].host));
        WANT_INT(target->port, good[i].port);
        WANT_INT(target->weight, 1);
        WANT_INT(target->addr.port, good[i].kind == CONF_TARGET_ADDRESS ? good[i].port : 0);
    }
}

TEST(what_is_no_target_is_refused)
{
    static const char *const bad[] = {"\"\"",      "a",          "10.0.0.1",        "\"a:\"",
                                      "\":80\"",   "a:0",        "a:65536",         "a:080x",
                                      "a:-1",      "\"a b:1\"",  "\"::1:80\"",      "http://",
                                      "http:///",  "http://a/b", "\"http://a?b\"",  "ftp://a:1",
                                      "dns://",    "dns://a",    "dns://1.2.3.4:5", "a..b:1",
                                      "\".a:1\"",  "\"-a:1\"",   "\"a,b:1\"",       "http://a:1//",
                                      "\"u@a:1\"", "\"[::1]\"",  "\"[x]:1\"",       "\"ü:1\""};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (service_of(bad[i])->versions.count > 0 || !kit_said_only("E0115")) {
            printf("# %s\n", bad[i]);
            test_has_failed = true;
        }
    }
}

TEST(any_cut_of_a_target_is_read_or_refused)
{
    static const char text[] = "dns://users.svc.internal:8080";
    for (size_t i = 0; i < sizeof text; i++) {
        char written[64];
        snprintf(written, sizeof written, "\"%.*s\"", (int)i, text);
        (void)service_of(written);
    }
    WANT_INT(service_of("dns://users.svc.internal:8080")->versions.count, 1);
}

TEST(a_target_may_have_a_weight)
{
    const struct conf_service *service =
        service_of("[a:1, { address: b:1, weight: 0 }, { address: c:1, weight: 1000000 }]");
    WANT_INT(service->versions.at[0].targets.count, 3);
    WANT_INT(service->versions.at[0].targets.at[1].weight, 0);
    WANT_INT(service->versions.at[0].targets.at[2].weight, 1000000);
    WANT_INT(service_of("[{ address: a:1, weight: 1000001 }]")->versions.count, 0);
    WANT_INT(service_of("[{ address: a:1, weight: -1 }]")->versions.count, 0);
}

TEST(a_cohort_is_kept_together_by_one_thing)
{
    static const struct {
        const char *written;
        enum conf_cohort_by by;
        const char *name, *seed;
    } cases[] = {
        {"header X-User", CONF_COHORT_HEADER, "X-User", "s"},
        {"cookie session", CONF_COHORT_COOKIE, "session", "s"},
        {"address", CONF_COHORT_ADDRESS, "", "s"},
        {"consumer", CONF_COHORT_CONSUMER, "", "s"},
        {"{ by: header X-User, seed: shop }", CONF_COHORT_HEADER, "X-User", "shop"},
        {"{ by: address, seed: shop }", CONF_COHORT_ADDRESS, "", "shop"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[128];
        snprintf(text, sizeof text, "{ targets: a:1, cohort: %s }", cases[i].written);
        const struct conf_cohort *cohort = &service_of(text)->cohort;
        WANT_INT(cohort->by, cases[i].by);
        WANT_STR(cohort->name, str_from_c(cases[i].name));
        WANT_STR(cohort->seed, str_from_c(cases[i].seed));
    }
    static const char *const bad[] = {"header",    "header \"\"", "\"header \"", "\"header a b\"",
                                      "address x", "session",     "\"\"",        "Header X"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char text[128];
        snprintf(text, sizeof text, "{ targets: a:1, cohort: %s }", bad[i]);
        WANT_INT(service_of(text)->cohort.by, CONF_COHORT_NONE);
    }
}

TEST(the_host_that_an_origin_gets_is_a_choice)
{
    static const struct {
        const char *written;
        enum conf_host_mode mode;
        const char *literal;
    } cases[] = {
        {"client", CONF_HOST_CLIENT, ""},
        {"target", CONF_HOST_TARGET, ""},
        {"api.example.com", CONF_HOST_LITERAL, "api.example.com"},
        {"api.example.com:81", CONF_HOST_LITERAL, "api.example.com:81"},
        {"10.0.0.1", CONF_HOST_LITERAL, "10.0.0.1"},
        {"\"[::1]:80\"", CONF_HOST_LITERAL, "[::1]:80"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[128];
        snprintf(text, sizeof text, "{ targets: a:1, host: %s }", cases[i].written);
        const struct conf_host_rule *rule = &service_of(text)->host;
        WANT_INT(rule->mode, cases[i].mode);
        WANT_STR(rule->literal, str_from_c(cases[i].literal));
    }
    static const char *const bad[] = {"\"a b\"", "\"a/b\"", "\"\"", "a:x", "\"a\\r\\nb\"", "u@a"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char text[128];
        snprintf(text, sizeof text, "{ targets: a:1, host: %s }", bad[i]);
        WANT_INT(service_of(text)->versions.count, 0);
        WANT(kit_said_only("E0117"));
    }
}

TEST(a_service_is_a_target_a_list_or_a_map)
{
    WANT_INT(service_of("a:1")->versions.at[0].targets.count, 1);
    WANT_INT(service_of("[a:1, b:1]")->versions.at[0].targets.count, 2);
    WANT_INT(service_of("{ targets: a:1 }")->versions.at[0].targets.count, 1);
    WANT_INT(
        service_of("{ versions: { v1: { targets: a:1 }, v2: { targets: b:1 } } }")->versions.count,
        2);
    WANT_INT(service_of("a:1")->versions.at[0].name.len, 0);
}

TEST(a_target_in_its_long_form_has_a_place_and_a_name)
{
    const struct conf_service *service =
        service_of("[{ address: a:1, priority: 1, zone: eu-1, name: first }, b:1]");
    const struct conf_target *target = &service->versions.at[0].targets.at[0];
    WANT_INT(target->priority, 1);
    WANT_STR(target->zone, STR("eu-1"));
    WANT_STR(target->name, STR("first"));
    WANT_INT(service->versions.at[0].targets.at[1].weight, 1);
    WANT_INT(service_of("[{ address: a:1, priority: 16 }]")->versions.count, 0);
}
