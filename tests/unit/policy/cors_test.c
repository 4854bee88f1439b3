#include "exchange/reply.h"
#include "policy_kit.h"

static struct policy_kit kit;

#define HEAD(line, fields) STR(line " HTTP/1.1\r\nHost: api.example.com\r\n" fields "\r\n")
#define GET(fields) HEAD("GET /a", fields)
#define PREFLIGHT(fields) HEAD("OPTIONS /a", fields)
#define FROM(origin) "Origin: " origin "\r\n"
#define ASK(method) "Access-Control-Request-Method: " method "\r\n"
#define SEND(names) "Access-Control-Request-Headers: " names "\r\n"
#define OK_(fields) STR("HTTP/1.1 200 OK\r\n" fields "\r\n")
#define OWN_VARY "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"

#define ONE "cors: {origins: https://a.example}"
#define FULL                                                                                       \
    "cors: {origins: [https://a.example, \"https://*.b.example\"], methods: [GET, PUT, PURGE], "   \
    "request_headers: [X-One, Authorization], expose: [X-Request-Id, Link], credentials: true, "   \
    "max_age: 1h, private_network: true, preflight: strict}"

/* The answer to a preflight: status, then fields. */
static struct str preflight(struct str request)
{
    static char text[EXCHANGE_KIT_SHOWN_MAX];
    struct strbuf out = strbuf_over(text, sizeof text);
    WANT_INT(policy_kit_request(&kit, request), VERDICT_REPLIED);
    struct exchange *ex = kit.exchange.ex;
    strbuf_add_u64(&out, ex->response.status);
    strbuf_add_char(&out, ' ');
    strbuf_add(&out, policy_kit_answer(&kit));
    return strbuf_str(&out);
}

TEST(a_request_without_origin_is_left_alone_but_its_response_varies)
{
    policy_kit_open(&kit, ONE);
    WANT_STR(policy_kit_run(&kit, GET(""), OK_("A: b\r\n")), STR("A: b|Vary: Origin|"));
    WANT_STR(policy_kit_run(&kit, PREFLIGHT(ASK("GET")), OK_("")), STR("Vary: Origin|"));
    policy_kit_close(&kit);
}

TEST(an_origin_that_is_allowed_comes_back_byte_by_byte)
{
    policy_kit_open(&kit, ONE);
    WANT_STR(policy_kit_run(&kit, GET(FROM("https://a.example")), OK_("A: b\r\n")),
             STR("A: b|Vary: Origin|Access-Control-Allow-Origin: https://a.example|"));
    policy_kit_close(&kit);
    policy_kit_open(&kit, FULL);
    WANT_STR(policy_kit_run(&kit, GET(FROM("https://x.b.example")), OK_("")),
             STR("Vary: Origin|Access-Control-Allow-Origin: https://x.b.example|"
                 "Access-Control-Allow-Credentials: true|"
                 "Access-Control-Expose-Headers: X-Request-Id, Link|"));
    policy_kit_close(&kit);
}

TEST(an_origin_that_is_not_allowed_gets_the_response_without_the_fields)
{
    static const char *const origins[] = {"https://b.example",
                                          "https://A.example",
                                          "http://a.example",
                                          "https://a.example:443",
                                          "null",
                                          "https://a.example.evil.example",
                                          "*",
                                          ""};
    policy_kit_open(&kit, ONE);
    for (size_t i = 0; i < COUNT_OF(origins); i++) {
        char text[256];
        struct strbuf request = strbuf_over(text, sizeof text);
        strbuf_add_fmt(&request, "GET / HTTP/1.1\r\nHost: a\r\nOrigin: %s\r\n\r\n", origins[i]);
        WANT_STR(policy_kit_run(&kit, strbuf_str(&request), OK_("")), STR("Vary: Origin|"));
    }
    policy_kit_close(&kit);
}

TEST(two_origins_are_none)
{
    policy_kit_open(&kit, ONE);
    WANT_STR(
        policy_kit_run(&kit, GET(FROM("https://a.example") FROM("https://a.example")), OK_("")),
        STR("Vary: Origin|"));
    WANT_STR(preflight(PREFLIGHT(FROM("https://a.example") FROM("https://a.example") ASK("GET"))),
             STR("204 Vary: " OWN_VARY "|"));
    policy_kit_close(&kit);
}

TEST(null_is_allowed_only_when_it_is_listed)
{
    policy_kit_open(&kit, "cors: {origins: [https://a.example, \"null\"]}");
    WANT_STR(policy_kit_run(&kit, GET(FROM("null")), OK_("")),
             STR("Vary: Origin|Access-Control-Allow-Origin: null|"));
    policy_kit_close(&kit);
    policy_kit_open(&kit, "cors: {origins: [{pattern: '.*'}]}");
    WANT_STR(policy_kit_run(&kit, GET(FROM("null")), OK_("")), STR("Vary: Origin|"));
    WANT_STR(policy_kit_run(&kit, GET(FROM("https://z.example")), OK_("")),
             STR("Vary: Origin|Access-Control-Allow-Origin: https://z.example|"));
    policy_kit_close(&kit);
}

TEST(for_all_origins_the_answer_is_the_same_with_and_without_origin)
{
    policy_kit_open(&kit, "cors: {origins: \"*\", expose: \"*\"}");
    const struct str wanted =
        STR("Access-Control-Allow-Origin: *|Access-Control-Expose-Headers: *|");
    WANT_STR(policy_kit_run(&kit, GET(""), OK_("")), wanted);
    WANT_STR(policy_kit_run(&kit, GET(FROM("https://a.example")), OK_("")), wanted);
    WANT_STR(policy_kit_run(&kit, GET(FROM("null")), OK_("Vary: Accept\r\n")),
             STR("Vary: Accept|Access-Control-Allow-Origin: *|Access-Control-Expose-Headers: *|"));
    WANT_STR(preflight(PREFLIGHT(FROM("null") ASK("POST"))),
             STR("204 Vary: Access-Control-Request-Method, Access-Control-Request-Headers|"
                 "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: GET, HEAD, POST|"
                 "Access-Control-Max-Age: 600|"));
    policy_kit_close(&kit);
}

TEST(what_an_origin_says_of_sharing_is_taken_off)
{
    policy_kit_open(&kit, ONE);
    WANT_STR(policy_kit_run(
                 &kit, GET(FROM("https://evil.example")),
                 OK_("access-control-allow-origin: *\r\nA: b\r\n"
                     "Access-Control-Allow-Credentials: true\r\n"
                     "Access-Control-Allow-Methods: PUT\r\nAccess-Control-Allow-Headers: *\r\n"
                     "Access-Control-Expose-Headers: *\r\nAccess-Control-Max-Age: 9\r\n"
                     "Access-Control-Allow-Origin: https://evil.example\r\n")),
             STR("A: b|Vary: Origin|"));
    WANT_STR(policy_kit_run(&kit, GET(FROM("https://a.example")),
                            OK_("Access-Control-Allow-Origin: https://a.example\r\n")),
             STR("Vary: Origin|Access-Control-Allow-Origin: https://a.example|"));
    policy_kit_close(&kit);
}

TEST(vary_of_the_origin_is_kept_and_extended)
{
    static const struct {
        const char *from, *to;
    } rows[] = {
        {"Vary: Accept\r\n", "Vary: Accept, Origin|"},
        {"vary: Accept, Cookie\r\nVary: X-A\r\n", "Vary: Accept, Cookie, X-A, Origin|"},
        {"Vary: accept, ORIGIN\r\n", "Vary: accept, ORIGIN|"},
        {"Vary: *\r\n", "Vary: *|"},
        {"Vary: Origin-Agent-Cluster\r\n", "Vary: Origin-Agent-Cluster, Origin|"},
    };
    policy_kit_open(&kit, ONE);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256];
        struct strbuf response = strbuf_over(text, sizeof text);
        strbuf_add_fmt(&response, "HTTP/1.1 200 OK\r\n%s\r\n", rows[i].from);
        WANT_STR(policy_kit_run(&kit, GET(""), strbuf_str(&response)), str_from_c(rows[i].to));
    }
    policy_kit_close(&kit);
}

TEST(a_preflight_is_answered_here)
{
    policy_kit_open(&kit, ONE);
    WANT_STR(preflight(PREFLIGHT(FROM("https://a.example") ASK("DELETE") SEND("x-a"))),
             STR("204 Vary: " OWN_VARY "|Access-Control-Allow-Origin: https://a.example|"
                 "Access-Control-Allow-Methods: GET, HEAD, POST|Access-Control-Max-Age: 600|"));
    WANT_STR(preflight(PREFLIGHT(FROM("https://b.example") ASK("GET"))),
             STR("204 Vary: " OWN_VARY "|"));
    WANT_STR(kit.exchange.ex->own_body, STR(""));
    WANT_INT(kit.exchange.ex->error, OK);
    policy_kit_close(&kit);
}

TEST(what_is_no_preflight_goes_on)
{
    policy_kit_open(&kit, ONE);
    WANT_INT(policy_kit_request(&kit, PREFLIGHT(FROM("https://a.example"))), VERDICT_NEXT);
    WANT_INT(policy_kit_request(&kit, PREFLIGHT(ASK("GET"))), VERDICT_NEXT);
    WANT_INT(policy_kit_request(&kit, GET(FROM("https://a.example") ASK("GET"))), VERDICT_NEXT);
    WANT_INT(policy_kit_request(&kit, HEAD("options /a", FROM("https://a.example") ASK("GET"))),
             VERDICT_NEXT);
    policy_kit_close(&kit);
}

TEST(everything_that_is_configured_is_in_the_answer)
{
    policy_kit_open(&kit, FULL);
    WANT_STR(preflight(PREFLIGHT(FROM("https://a.example") ASK("PUT") SEND(
                 "authorization,x-one") "Access-Control-Request-Private-Network: true\r\n")),
             STR("204 Vary: " OWN_VARY "|Access-Control-Allow-Origin: https://a.example|"
                 "Access-Control-Allow-Credentials: true|"
                 "Access-Control-Allow-Methods: GET, PUT, PURGE|"
                 "Access-Control-Allow-Headers: X-One, Authorization|"
                 "Access-Control-Max-Age: 3600|Access-Control-Allow-Private-Network: true|"));
    policy_kit_close(&kit);
}

TEST(private_networks_are_opened_only_when_asked_and_configured)
{
    policy_kit_open(&kit, ONE);
    WANT_STR(preflight(PREFLIGHT(FROM("https://a.example") ASK(
                 "GET") "Access-Control-Request-Private-Network: true\r\n")),
             STR("204 Vary: " OWN_VARY "|Access-Control-Allow-Origin: https://a.example|"
                 "Access-Control-Allow-Methods: GET, HEAD, POST|Access-Control-Max-Age: 600|"));
    policy_kit_close(&kit);
    policy_kit_open(&kit, "cors: {origins: https://a.example, private_network: true}");
    WANT_STR(preflight(PREFLIGHT(FROM("https://a.example") ASK(
                 "GET") "Access-Control-Request-Private-Network: false\r\n")),
             STR("204 Vary: " OWN_VARY "|Access-Control-Allow-Origin: https://a.example|"
                 "Access-Control-Allow-Methods: GET, HEAD, POST|Access-Control-Max-Age: 600|"));
    policy_kit_close(&kit);
}

TEST(strict_refuses_what_the_lists_do_not_have)
{
    static const struct {
        const char *asks;
        bool is_allowed;
    } rows[] = {
        {FROM("https://a.example") ASK("GET"), true},
        {FROM("https://y.x.b.example") ASK("PURGE"), true},
        {FROM("https://a.example") ASK("PUT") SEND("x-ONE"), true},
        {FROM("https://a.example") ASK("PUT") SEND(" x-one , authorization,"), true},
        {FROM("https://a.example") ASK("PUT") SEND("x-one") SEND("authorization"), true},
        {FROM("https://a.example") ASK("PUT") SEND(""), true},
        {FROM("https://c.example") ASK("GET"), false},
        {FROM("https://b.example") ASK("GET"), false},
        {FROM("https://a.example") ASK("POST"), false},
        {FROM("https://a.example") ASK("put"), false},
        {FROM("https://a.example") ASK("GET, PUT"), false},
        {FROM("https://a.example") ASK(""), false},
        {FROM("https://a.example") ASK("GET") ASK("GET"), false},
        {FROM("https://a.example") ASK("PUT") SEND("x-two"), false},
        {FROM("https://a.example") ASK("PUT") SEND("x-one") SEND("x-two"), false},
        {FROM("https://a.example") ASK("PUT") SEND("*"), false},
    };
    policy_kit_open(&kit, FULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        struct strbuf request = strbuf_over(text, sizeof text);
        strbuf_add_fmt(&request, "OPTIONS / HTTP/1.1\r\nHost: a\r\n%s\r\n", rows[i].asks);
        (void)preflight(strbuf_str(&request));
        WANT_INT(kit.exchange.ex->response.status, rows[i].is_allowed ? 204 : 403);
        WANT_INT(kit.exchange.ex->error, rows[i].is_allowed ? OK : ERR_CORS_REFUSED);
    }
    policy_kit_close(&kit);
}

/* The origin is fine, so the page may read why it was refused. */
TEST(a_strict_refusal_says_so)
{
    policy_kit_open(&kit, FULL);
    WANT_STR(preflight(PREFLIGHT(FROM("https://c.example") ASK("GET"))),
             STR("403 Content-Type: application/problem+json|Vary: " OWN_VARY "|"));
    WANT(str_find_str(kit.exchange.ex->own_body, STR("\"cors_refused\"")) <
         kit.exchange.ex->own_body.len);
    policy_kit_close(&kit);
}

TEST(a_star_for_fields_leaves_authorization_out)
{
    policy_kit_open(
        &kit, "cors: {origins: \"*\", methods: \"*\", request_headers: \"*\", preflight: strict}");
    WANT_STR(preflight(PREFLIGHT(FROM("https://a.example") ASK("ANYTHING") SEND("x-a, x-b"))),
             STR("204 Vary: Access-Control-Request-Method, Access-Control-Request-Headers|"
                 "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: *|"
                 "Access-Control-Allow-Headers: *|Access-Control-Max-Age: 600|"));
    (void)preflight(PREFLIGHT(FROM("https://a.example") ASK("GET") SEND("authorization")));
    WANT_INT(kit.exchange.ex->response.status, 403);
    policy_kit_close(&kit);
    policy_kit_open(
        &kit, "cors: {origins: \"*\", request_headers: [\"*\", Authorization], preflight: strict}");
    WANT_STR(preflight(PREFLIGHT(FROM("https://a.example") ASK("GET") SEND("authorization, x-a"))),
             STR("204 Vary: Access-Control-Request-Method, Access-Control-Request-Headers|"
                 "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: GET, HEAD, POST|"
                 "Access-Control-Allow-Headers: *, Authorization|Access-Control-Max-Age: 600|"));
    policy_kit_close(&kit);
}

TEST(more_fields_than_LIMIT_cors_request_headers_are_refused)
{
    char text[2048];
    policy_kit_open(&kit, "cors: {origins: \"*\", request_headers: \"*\", preflight: strict}");
    for (uint32_t more = 0; more < 2; more++) {
        struct strbuf request = strbuf_over(text, sizeof text);
        strbuf_add(&request,
                   STR("OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\n" ASK(
                       "GET") "Access-Control-Request-Headers: a"));
        for (uint32_t i = 1; i < LIMIT_VALUE(cors_request_headers) + more; i++) {
            strbuf_add(&request, STR(",b"));
        }
        strbuf_add(&request, STR("\r\n\r\n"));
        (void)preflight(strbuf_str(&request));
        WANT_INT(kit.exchange.ex->response.status, more == 0 ? 204 : 403);
    }
    policy_kit_close(&kit);
}

TEST(a_forwarded_preflight_is_answered_by_the_origin_but_for_whom)
{
    policy_kit_open(&kit, "cors: {origins: https://a.example, preflight: forward, expose: X-A}");
    WANT_STR(
        policy_kit_run(&kit, PREFLIGHT(FROM("https://a.example") ASK("PUT")),
                       OK_("Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: PUT\r\n"
                           "Access-Control-Allow-Headers: x-a\r\nAccess-Control-Max-Age: 5\r\n")),
        STR("Access-Control-Allow-Methods: PUT|Access-Control-Allow-Headers: x-a|"
            "Access-Control-Max-Age: 5|Vary: " OWN_VARY "|"
            "Access-Control-Allow-Origin: https://a.example|"));
    WANT_STR(policy_kit_run(&kit, PREFLIGHT(FROM("https://b.example") ASK("PUT")),
                            OK_("Vary: Origin\r\nAccess-Control-Allow-Origin: *\r\n")),
             STR("Vary: " OWN_VARY "|"));
    policy_kit_close(&kit);
}

TEST(errors_of_our_own_can_be_read_by_the_page_too)
{
    policy_kit_open(&kit, ONE);
    WANT_INT(policy_kit_request(&kit, GET(FROM("https://a.example"))), VERDICT_NEXT);
    reply_error(kit.exchange.ex, ERR_QUEUE_FULL);
    WANT_STR(policy_kit_answer(&kit),
             STR("Retry-After: 1|Content-Type: application/problem+json|Vary: Origin|"
                 "Access-Control-Allow-Origin: https://a.example|"));
    policy_kit_close(&kit);
}

TEST(a_request_refused_before_the_policies_ran_is_looked_at_for_its_response)
{
    policy_kit_open(&kit, ONE);
    struct exchange *ex = exchange_kit_request(&kit.exchange, GET(FROM("https://a.example")));
    WANT_INT(chain_bind(ex, &kit.chain), OK);
    reply_error(ex, ERR_BODY_BYTES);
    WANT_STR(policy_kit_answer(&kit), STR("Content-Type: application/problem+json|Vary: Origin|"
                                          "Access-Control-Allow-Origin: https://a.example|"));
    policy_kit_close(&kit);
}

TEST(no_other_policy_changes_what_is_said)
{
    policy_kit_open(&kit, "cors: https://a.example\n"
                          "    headers: {request: {remove: [Origin]}, response: {set: "
                          "{Access-Control-Allow-Origin: \"*\", Vary: Accept}}}");
    WANT_INT(kit.chain.count, 2);
    WANT_STR(policy_kit_run(&kit, GET(FROM("https://a.example")), OK_("")),
             STR("Vary: Accept, Origin|Access-Control-Allow-Origin: https://a.example|"));
    WANT(fields_find(&kit.exchange.ex->request.fields, FIELD_ORIGIN) == NULL);
    policy_kit_close(&kit);
}

/* Whatever is missing, no response names an origin without saying that it varies by it. */
TEST(without_memory_nothing_is_shared_by_mistake)
{
    policy_kit_open(&kit, FULL);
    for (size_t spare = 0; spare < 4096; spare += 8) {
        WANT_INT(policy_kit_request(&kit, GET(FROM("https://a.example"))), VERDICT_NEXT);
        exchange_kit_response(&kit.exchange, OK_("Vary: Accept\r\n"));
        struct exchange *ex = kit.exchange.ex;
        struct field few[1] = {ex->response.fields.at[0]};
        ex->response.fields.at = few;
        ex->response.fields.cap = 1;
        size_t room = (size_t)(ex->arena.end - ex->arena.at);
        ex->arena.end = ex->arena.at + (spare < room ? spare : room);
        ex->arena.limit_bytes = ex->arena.used_bytes + spare;
        enum err e = chain_run_response(ex);
        WANT(e == OK || e == ERR_MEMORY);
        bool names = fields_find(&ex->response.fields, FIELD_ACCESS_CONTROL_ALLOW_ORIGIN) != NULL;
        const struct field *vary = fields_find(&ex->response.fields, FIELD_VARY);
        WANT(!names || str_eq(vary->value, STR("Accept, Origin")));
        WANT(e != OK || names);
        if (e == OK) {
            break;
        }
        WANT(spare < 2048);
    }
    policy_kit_close(&kit);
}

TEST(compiling_without_memory_is_an_error)
{
    const struct policy_type *type = &cors_policy;
    policy_kit_open(&kit, FULL);
    const void *conf = kit.config->routes.at[0].effective.policies[0]->conf;
    enum err e = ERR_MEMORY;
    for (size_t bytes = 0; e == ERR_MEMORY && bytes < 65536; bytes += 64) {
        struct arena arena;
        struct policy_compile ctx = {.arena = &arena};
        const void *compiled = NULL;
        arena_init_heap(&arena, bytes);
        e = type->compile(&ctx, conf, &compiled);
        WANT((e == OK) == (compiled != NULL));
        if (e == OK) {
            type->drop(compiled);
        }
        arena_reset(&arena);
    }
    WANT_INT(e, OK);
    policy_kit_close(&kit);
}
