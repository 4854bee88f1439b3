#include "config/grammar_health.h"

#include "kit.h"

static const struct conf_health *health_of(const char *written)
{
    static const struct conf_health none;
    char text[1024];
    snprintf(text, sizeof text, "services: { s: { targets: [\"a:1\"], health: %s } }\nroutes: { \"/*\": s }", written);
    const struct config *config = kit_load(text);
    return config == NULL ? &none : &config->services.at[0].health;
}

static const struct {
    const char *written;
    enum conf_health_kind kind;
    int64_t interval_ms;
    const char *method, *path;
} good[] = {
    {"GET /healthz every 5s", CONF_HEALTH_HTTP, 5000, "GET", "/healthz"},
    {"/", CONF_HEALTH_HTTP, 2000, "GET", "/"},
    {"HEAD  /a?b=c  every  1m30s", CONF_HEALTH_HTTP, 90000, "HEAD", "/a?b=c"},
    {"tcp", CONF_HEALTH_TCP, 2000, "GET", "/"},
    {"tcp every 10ms", CONF_HEALTH_TCP, 10, "GET", "/"},
    {"tls every 3s", CONF_HEALTH_TLS, 3000, "GET", "/"},
    {"grpc", CONF_HEALTH_GRPC, 2000, "GET", "/"},
    {"postgres every 1s", CONF_HEALTH_POSTGRES, 1000, "GET", "/"},
    {"mysql", CONF_HEALTH_MYSQL, 2000, "GET", "/"},
    {"redis every 24h", CONF_HEALTH_REDIS, 86400000, "GET", "/"},
    {"{http: POST /a}", CONF_HEALTH_HTTP, 2000, "POST", "/a"},
    {"{http: {path: /b, method: PUT}}", CONF_HEALTH_HTTP, 2000, "PUT", "/b"},
};

TEST(a_check_is_written_in_one_line_or_in_a_map)
{
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        const struct conf_health *health = health_of(good[i].written);
        WANT_INT(health->kind, good[i].kind);
        WANT_INT(health->interval_ms, good[i].interval_ms);
        WANT_STR(health->http.method, str_from_c(good[i].method));
        WANT_STR(health->http.path, str_from_c(good[i].path));
        WANT_INT(health->timeout_ms, 1000);
    }
}

TEST(what_is_no_check_is_refused)
{
    static const char *const bad[] = {
        "\"\"",  "get",  "GET",  "GET healthz",  "\"G@T /h\"",  "/h every",  "/h every 5",  "/h every day",
        "/h every 5s 6s",  "CONNECT /h",  "\"/a\\tb\"",  "\"/a#b\"",  "\"/ä\"",  "every 5s",  "{http: h}",
        "{http: {path: h}}",  "{http: {path: \"/a b\"}}",  "{http: {status: 99}}",  "{http: {status: 600}}",
        "{http: {status: 300-200}}",  "{http: {status: ok}}",  "{http: {status: []}, tcp: false}",
        "{http: {status: [200,201,202,203,204,205,206,207,208]}}",  "{script: [{send_hex: 0x}]}",
        "{script: [{send_hex: \"0\"}]}",  "{script: [{expect_hex: \"\"}]}"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        bool is_refused = health_of(bad[i])->kind == CONF_HEALTH_NONE && kit_said_code("E0150");
        /* An empty list names no status, so none passes: it is read, and means that. */
        bool is_empty_list = strstr(bad[i], "[]") != NULL;
        WANT(is_refused || is_empty_list);
        if (!is_refused && !is_empty_list) {
            printf("# %s: %.*s\n", bad[i], STR_FMT(kit_said()));
        }
    }
    (void)health_of("tcp every 1ms");
    WANT(kit_said_only("E0104"));
}

TEST(statuses_are_ranges)
{
    const struct conf_statuses *statuses = &health_of("{http: {status: [200, \"204-206, 301\"]}}")->http.status;
    WANT_INT(statuses->count, 3);
    static const uint16_t in[] = {200, 204, 205, 206, 301}, out[] = {199, 201, 203, 207, 300, 302};
    for (size_t i = 0; i < COUNT_OF(in); i++) {
        WANT(conf_statuses_have(statuses, in[i]));
    }
    for (size_t i = 0; i < COUNT_OF(out); i++) {
        WANT(!conf_statuses_have(statuses, out[i]));
    }
}

TEST(bytes_are_written_in_pairs_of_digits)
{
    const struct conf_health *health = health_of("{script: [{send_hex: \"0d0A ff 00\"}, {expect_hex: 41}]}");
    WANT_INT(health->script.count, 2);
    WANT_STR(health->script.at[0].send_hex, str_of("\r\n\xff\0", 4));
    WANT_STR(health->script.at[1].expect_hex, STR("A"));
}
