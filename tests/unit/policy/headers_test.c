#include "exchange/reply.h"
#include "policy_kit.h"

static struct policy_kit kit;

#define WANT_REFUSED(policies, said)                                                               \
    WANT_STR(str_from_c(policy_kit_refusal(&kit, policies)), STR(said))
#define REQUEST(fields) STR("GET /a/b HTTP/1.1\r\nHost: api.example.com\r\n" fields "\r\n")
#define RESPONSE(fields) STR("HTTP/1.1 200 OK\r\n" fields "\r\n")

/* What the origin would be sent. */
static struct str sent(const char *policies, struct str request)
{
    static char text[EXCHANGE_KIT_SHOWN_MAX];
    struct strbuf out = strbuf_over(text, sizeof text);
    policy_kit_open(&kit, policies);
    WANT_INT(policy_kit_request(&kit, request), VERDICT_NEXT);
    strbuf_add(&out, exchange_kit_show(&kit.exchange, &kit.exchange.ex->request.fields));
    policy_kit_close(&kit);
    return strbuf_str(&out);
}

/* What the client would get. */
static struct str received(const char *policies, struct str response)
{
    static char text[EXCHANGE_KIT_SHOWN_MAX];
    struct strbuf out = strbuf_over(text, sizeof text);
    policy_kit_open(&kit, policies);
    strbuf_add(&out, policy_kit_run(&kit, REQUEST(""), response));
    policy_kit_close(&kit);
    return strbuf_str(&out);
}

#define HOST "Host: api.example.com|"

TEST(fields_are_removed_whatever_their_case_and_number)
{
    WANT_STR(sent("headers: {request: {remove: [x-debug, Cookie]}}",
                  REQUEST("X-Debug: 1\r\nA: b\r\nX-DEBUG: 2\r\nCookie: c\r\n")),
             STR(HOST "A: b|"));
    WANT_STR(received("headers: {response: {remove: Server}}", RESPONSE("Server: x\r\nA: b\r\n")),
             STR("A: b|"));
}

TEST(setting_replaces_and_adding_does_not)
{
    WANT_STR(sent("headers: {request: {set: {X-A: new}}}", REQUEST("x-a: 1\r\nB: c\r\nX-A: 2\r\n")),
             STR(HOST "B: c|X-A: new|"));
    WANT_STR(sent("headers: {request: {add: {X-A: new}}}", REQUEST("x-a: 1\r\n")),
             STR(HOST "x-a: 1|X-A: new|"));
    WANT_STR(received("headers: {response: {set: {Cache-Control: no-store}, add: {Vary: X-A}}}",
                      RESPONSE("Cache-Control: public\r\nVary: Accept\r\n")),
             STR("Vary: Accept|Cache-Control: no-store|Vary: X-A|"));
}

TEST(renaming_keeps_every_value_in_order_and_replaces_the_new_name)
{
    static const char rename[] = "headers: {request: {rename: {X-Old: X-New}}}";
    WANT_STR(sent(rename, REQUEST("x-old: 1\r\nX-New: forged\r\nB: c\r\nX-Old: 2\r\n")),
             STR(HOST "B: c|X-New: 1|X-New: 2|"));
    WANT_STR(sent(rename, REQUEST("X-New: kept\r\n")), STR(HOST "X-New: kept|"));
    WANT_STR(sent("headers: {request: {rename: {A: B, B: C}}}", REQUEST("A: 1\r\nB: 2\r\n")),
             STR(HOST "C: 1|"));
}

TEST(the_order_is_remove_rename_set_add)
{
    WANT_STR(
        sent(
            "headers: {request: {add: {X-A: c}, set: {X-A: b}, rename: {X-B: X-A}, remove: [X-A]}}",
            REQUEST("X-A: 0\r\nX-B: 1\r\n")),
        STR(HOST "X-A: b|X-A: c|"));
    WANT_STR(sent("headers: {request: {add: {X-A: c}, rename: {X-B: X-A}, remove: [X-A]}}",
                  REQUEST("X-A: 0\r\nX-B: 1\r\n")),
             STR(HOST "X-A: 1|X-A: c|"));
}

TEST(values_have_variables)
{
    WANT_STR(
        sent("headers: {request: {set: {X-Real-IP: \"{client_ip}\", X-Path: \"{method} {path}\"}}}",
             REQUEST("X-Path: forged\r\n")),
        STR(HOST "X-Real-IP: 203.0.113.7|X-Path: GET /a/b|"));
    WANT_STR(received("headers: {response: {set: {X-Request-Id: \"{request_id}\"}}}", RESPONSE("")),
             STR("X-Request-Id: id-1|"));
    WANT_STR(received("headers: {response: {set: {X-Json: \"{{\\\"host\\\": \\\"{host}\\\"}\"}}}",
                      RESPONSE("")),
             STR("X-Json: {\"host\": \"api.example.com\"}|"));
}

TEST(the_long_form_means_the_same)
{
    policy_kit_round_trip(&kit, "headers: {}");
    policy_kit_round_trip(
        &kit, "headers: {request: {remove: A, rename: {B: C}, set: {D: \"\", E: \"{host}\"}}, "
              "response: {add: {F: '{{\"g\": \"$${{h}\"}'}, set: {I: \"1\"}}}");
}

TEST(an_empty_policy_changes_nothing)
{
    WANT_STR(sent("headers: {}", REQUEST("A: b\r\n")), STR(HOST "A: b|"));
    WANT_STR(received("headers: {request: {}, response: {}}", RESPONSE("A: b\r\n")), STR("A: b|"));
}

TEST(replies_of_our_own_are_changed_too)
{
    policy_kit_open(&kit, "headers: {response: {set: {X-A: b}}}");
    WANT_INT(policy_kit_request(&kit, REQUEST("")), VERDICT_NEXT);
    reply_error(kit.exchange.ex, ERR_ORIGIN_RESET);
    WANT_STR(policy_kit_answer(&kit), STR("Content-Type: application/problem+json|X-A: b|"));
    policy_kit_close(&kit);
}

TEST(well_known_names_are_changed_like_all_others)
{
    WANT_STR(received("headers: {response: {rename: {ETag: X-ETag}, set: {location: /b}}}",
                      RESPONSE("etag: \"1\"\r\nLocation: /a\r\n")),
             STR("X-ETag: \"1\"|location: /b|"));
}

/* No variable can hold a line end today; should one ever, the exchange ends and nothing is split. */
TEST(a_value_that_would_end_a_line_is_an_error_of_the_policy)
{
    policy_kit_open(&kit, "headers: {request: {set: {X-A: \"{request_id}\"}}}");
    struct exchange *ex = exchange_kit_request(&kit.exchange, REQUEST(""));
    ex->request_id_text = STR("a\r\nX-Evil: b");
    WANT_INT(chain_bind(ex, &kit.chain), OK);
    WANT_INT(chain_run_request(ex), VERDICT_REPLIED);
    WANT_INT(ex->error, ERR_POLICY);
    WANT_INT(ex->response.status, 500);
    WANT_STR(exchange_kit_show(&kit.exchange, &ex->request.fields), STR(HOST));
    policy_kit_close(&kit);

    policy_kit_open(&kit, "headers: {response: {add: {X-A: \"{request_id}\"}}}");
    WANT_INT(policy_kit_request(&kit, REQUEST("")), VERDICT_NEXT);
    exchange_kit_response(&kit.exchange, RESPONSE("A: b\r\n"));
    ex = kit.exchange.ex;
    ex->request_id_text = STR("a\nb");
    WANT_INT(chain_run_response(ex), ERR_POLICY);
    WANT_STR(exchange_kit_show(&kit.exchange, &ex->response.fields), STR("A: b|"));
    reply_error(ex, ERR_POLICY);
    WANT_INT(chain_run_response(ex), OK);
    WANT(fields_find_name(&ex->response.fields, STR("X-A")) == NULL);
    policy_kit_close(&kit);
}

TEST(no_memory_for_a_value_is_503)
{
    static const char *const policies[] = {
        "headers: {request: {set: {X-A: \"{host}{path}\"}}}",
        "headers: {request: {rename: {A: B}}}",
        "headers: {request: {add: {X-A: b}}}",
    };
    for (size_t i = 0; i < COUNT_OF(policies); i++) {
        policy_kit_open(&kit, policies[i]);
        struct exchange *ex = exchange_kit_request(&kit.exchange, REQUEST("A: b\r\n"));
        ex->request.fields.cap = ex->request.fields.count;
        ex->arena.end = ex->arena.at;
        ex->arena.limit_bytes = ex->arena.used_bytes;
        WANT_INT(chain_bind(ex, &kit.chain), OK);
        WANT_INT(chain_run_request(ex), VERDICT_REPLIED);
        WANT_INT(ex->error, ERR_MEMORY);
        WANT_INT(ex->response.status, 503);
        WANT_STR(exchange_kit_show(&kit.exchange, &ex->request.fields), STR(HOST "A: b|"));
        policy_kit_close(&kit);
    }
}

TEST(compiling_without_memory_is_an_error)
{
    policy_kit_open(&kit, "headers: {request: {remove: a, rename: {b: c}, set: {d: \"{host}\"}}, "
                          "response: {add: {e: f}}}");
    const void *conf = kit.config->routes.at[0].effective.policies[0]->conf;
    enum err e = ERR_MEMORY;
    for (size_t bytes = 0; e == ERR_MEMORY && bytes < 65536; bytes += 64) {
        struct arena arena;
        struct policy_compile ctx = {.arena = &arena};
        const void *compiled = NULL;
        arena_init_heap(&arena, bytes);
        e = headers_policy.compile(&ctx, conf, &compiled);
        arena_reset(&arena);
    }
    WANT_INT(e, OK);
    policy_kit_close(&kit);
}

TEST(fields_that_are_not_for_policies_are_refused_with_the_reason)
{
    WANT_REFUSED("headers: {request: {set: {Host: a}}}",
                 "E0132 5:31 routes.r.headers.request: Host is not for policies to change (the "
                 "Host that origins see is said by `host` of the service)");
    WANT_REFUSED("headers: {request: {remove: [A, content-length]}}",
                 "E0132 5:37 routes.r.headers.request: content-length is not for policies to "
                 "change (Sluice states the length of each message itself)");
    WANT_REFUSED("headers: {response: {add: {Transfer-Encoding: chunked}}}",
                 "E0132 5:32 routes.r.headers.response: Transfer-Encoding is not for policies to "
                 "change (Sluice states the length of each message itself)");
    WANT_REFUSED("headers: {request: {remove: Expect}}",
                 "E0132 5:33 routes.r.headers.request: Expect is not for policies to change "
                 "(Sluice answers expectations itself)");
    WANT_REFUSED("headers: {response: {rename: {X-A: Trailer}}}",
                 "E0132 5:40 routes.r.headers.response: Trailer is not for policies to change "
                 "(Sluice needs it as it is to forward the message)");
    WANT_REFUSED("headers: {request: {rename: {Max-Forwards: X-A}}}",
                 "E0132 5:34 routes.r.headers.request: Max-Forwards is not for policies to change "
                 "(Sluice needs it as it is to forward the message)");
    WANT_REFUSED(
        "headers: {request: {set: {X-Forwarded-For: a}}}",
        "E0132 5:31 routes.r.headers.request: X-Forwarded-For is not for policies to change "
        "(Sluice writes it after all policies; see `trusted_proxies` of the listener)");
    static const char *const hop_by_hop[] = {
        "Connection", "Keep-Alive",     "Proxy-Connection",    "TE",
        "Upgrade",    "HTTP2-Settings", "Proxy-Authorization", "Proxy-Authenticate"};
    for (size_t i = 0; i < COUNT_OF(hop_by_hop); i++) {
        char policies[128];
        struct strbuf text = strbuf_over(policies, sizeof policies);
        strbuf_add_fmt(&text, "headers: {response: {remove: [%s]}}%c", hop_by_hop[i], '\0');
        WANT(str_starts(str_from_c(policy_kit_refusal(&kit, policies)), STR("E0132 5:35 ")));
    }
    static const char *const written_later[] = {"X-Forwarded-Proto", "x-forwarded-host",
                                                "Forwarded", "Via"};
    for (size_t i = 0; i < COUNT_OF(written_later); i++) {
        char policies[128];
        struct strbuf text = strbuf_over(policies, sizeof policies);
        strbuf_add_fmt(&text, "headers: {request: {remove: [%s]}}%c", written_later[i], '\0');
        WANT(str_starts(str_from_c(policy_kit_refusal(&kit, policies)), STR("E0132 5:34 ")));
    }
    WANT_STR(
        str_from_c(policy_kit_refusal(&kit, "headers: {response: {remove: [Via, Forwarded]}}")),
        STR(""));
}

TEST(every_wrong_line_is_named)
{
    WANT_REFUSED("headers: {request: {set: {Host: \"{hots}\", X-A: \"{a\"}, remove: [TE]}}",
                 "E0132 5:31 routes.r.headers.request: Host is not for policies to change (the "
                 "Host that origins see is said by `host` of the service)\n"
                 "E0133 5:37 routes.r.headers.request: the value of Host cannot be filled in (did "
                 "you mean {host}?)\n"
                 "E0133 5:52 routes.r.headers.request: the value of X-A cannot be filled in (close "
                 "the variable with }, or write {{ for a brace)\n"
                 "E0132 5:68 routes.r.headers.request: TE is not for policies to change (it "
                 "belongs to one connection, and Sluice has its own on each side)");
}

TEST(values_and_names_are_checked)
{
    WANT_REFUSED("headers: {request: {rename: {X-A: \"X B\"}}}",
                 "E0117 5:39 routes.r.headers.request: \"X B\" is not a field name");
    WANT_REFUSED("headers: {request: {rename: {X-A: x-a}}}",
                 "E0209 5:39 routes.r.headers.request: X-A is renamed to itself (names of fields "
                 "are compared without case)");
    WANT_REFUSED("headers: {response: {add: {X-A: \"{client}\"}}}",
                 "E0133 5:37 routes.r.headers.response: the value of X-A cannot be filled in (did "
                 "you mean {client_ip}?)");
    static const char *const bad[] = {
        "headers: {request: {set: {\"X A\": b}}}",
        "headers: {request: {set: {X-A: \"b\\nc\"}}}",
        "headers: {request: {add: {X-A: \"b\\rc\"}}}",
        "headers: {request: {add: {X-A: \"b\\0c\"}}}",
        "headers: {request: {remove: [\"\"]}}",
        "headers: {request: {set: {X-A: 1}}}",
        "headers: {request: {rename: {\"\": X-A}}}",
        "headers: {requests: {}}",
        "headers: {request: {replace: {X-A: b}}}",
        "headers: [X-A]",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        WANT(policy_kit_refusal(&kit, bad[i])[0] == 'E');
    }
}
