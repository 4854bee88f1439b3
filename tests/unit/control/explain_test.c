/* explain_test.c - decisions in words, word for word. */
#include "control/explain.h"

#include "control/process.h"
#include "test.h"
#include "text/sink.h"

static const char file[] =
    "listeners: { http: { port: 8080 } }\n"
    "services:\n"
    "  orders:\n"
    "    versions:\n"
    "      v1: { weight: 95, targets: [127.0.0.1:9101, 127.0.0.1:9102] }\n"
    "      v2: { weight: 5, targets: [127.0.0.1:9103] }\n"
    "  users: { balance: round_robin, targets: 127.0.0.1:9104 }\n"
    "routes:\n"
    "  orders: { match: api.example.com/orders/*, to: orders }\n"
    "  beta:\n"
    "    match: { path: /users/*, header: { X-Beta: \"1\" } }\n"
    "    to: users\n"
    "  users: { match: \"GET /users/*\", to: users, timeout: { total: 5s } }\n";

static void want_told(const char *method, const char *url, const char *wanted)
{
    struct config *config = NULL;
    struct decider decider;
    struct diags diags;
    struct arena arena;
    struct sink sink;
    const struct config_opts opts = process_config_opts();
    const struct decide_request request = {.method = str_from_c(method), .url = str_from_c(url)};
    diags_init(&diags);
    arena_init_heap(&arena, 1 << 20);
    sink_to_memory(&sink, &arena);
    WANT_INT(config_load_text("s.yaml", str_from_c(file), &opts, &diags, &config), OK);
    WANT_INT(decider_init(&decider, config, NULL), OK);
    WANT_INT(explain_write(&decider, &request, &sink), OK);
    WANT_STR(sink_str(&sink), str_from_c(wanted));
    decider_drop(&decider);
    config_free(config);
    diags_drop(&diags);
    arena_reset(&arena);
}

TEST(a_split_is_told_with_its_shares)
{
    want_told("POST", "http://api.example.com/orders/7?x=1",
              "listener  http              s.yaml:1\n"
              "route     orders            s.yaml:9                    host api.example.com, path "
              "prefix /orders\n"
              "          beta              s.yaml:10                   no: the path differs\n"
              "          users             s.yaml:13                   no: the path differs\n"
              "timeout                     built-in default            connect 1s, response 15s, "
              "body 30s, total none\n"
              "service   orders            s.yaml:3                    is asked for /orders/7?x=1\n"
              "version   v1                s.yaml:5                    95 % by weight\n"
              "instance  127.0.0.1:9101    s.yaml:5                    the better of two by "
              "p2c_ewma\n"
              "          127.0.0.1:9102    s.yaml:5                    the better of two by "
              "p2c_ewma\n"
              "version   v2                s.yaml:6                    5 % by weight\n"
              "instance  127.0.0.1:9103    s.yaml:6                    the only one\n");
}

TEST(the_nearest_miss_comes_first)
{
    want_told(
        "GET", "/users/1",
        "listener  http              s.yaml:1\n"
        "route     users             s.yaml:13                   GET, any host, path prefix "
        "/users\n"
        "          beta              s.yaml:10                   no: header X-Beta is missing\n"
        "          orders            s.yaml:9                    no: the host differs\n"
        "timeout                     s.yaml:13                   connect 1s, response 15s, "
        "body 30s, total 5s\n"
        "service   users             s.yaml:7                    is asked for /users/1\n"
        "instance  127.0.0.1:9104    s.yaml:7                    the only one\n");
}

TEST(a_refusal_is_told_with_its_answer)
{
    want_told(
        "PUT", "/users/1",
        "listener  http              s.yaml:1\n"
        "route     beta              s.yaml:10                   no: header X-Beta is missing\n"
        "          users             s.yaml:13                   no: the method differs\n"
        "          orders            s.yaml:9                    no: the host differs\n"
        "answer    405 method_not_allowed: the path exists, but not for this method\n"
        "          Content-Type: application/problem+json\n"
        "          Allow: GET, HEAD\n");
    want_told("GET", "/users/%2e%2e/%2e%2e/",
              "listener  http              s.yaml:1\n"
              "answer    400 bad_path: the path cannot be brought to one unambiguous form\n"
              "          Content-Type: application/problem+json\n");
}
