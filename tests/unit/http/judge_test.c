#include "http/judge.h"

#include "heads.h"
#include "test.h"

static const struct judge_rules strict = {.default_port = 80};
static const struct judge_rules upgrading = {.default_port = 80, .allows_upgrade = true};
static const struct judge_rules over_tls = {.default_port = 443};
static const struct judge_rules keeping = {.default_port = 80, .keeps_underscores = true};

/* Parses and judges; the head must be well-formed. */
static enum err judge(struct heads *h, const struct judge_rules *rules, struct str text)
{
    *h = (struct heads){0};
    WANT_INT(heads_parse(h, H1_REQUEST, text), OK);
    h->error = judge_request(&h->head, &h->arena, rules);
    return h->error;
}

static enum err judge_answer(struct heads *h, enum method method, bool asked, struct str text)
{
    *h = (struct heads){0};
    WANT_INT(heads_parse(h, H1_RESPONSE, text), OK);
    h->error = judge_response(&h->head, method, asked);
    return h->error;
}

/* The names that are still there. */
static struct str names(const struct heads *h)
{
    static char room[1024];
    struct strbuf out = strbuf_over(room, sizeof room);
    for (uint32_t i = 0; i < h->head.fields.count; i++) {
        const struct field *field = &h->head.fields.at[i];
        if ((field->flags & FIELD_IS_DROPPED) == 0) {
            strbuf_add(&out, field->name);
            strbuf_add(&out, STR(" "));
        }
    }
    return strbuf_str(&out);
}

struct row {
    const char *text;
    enum err error;
};

#define G "GET / HTTP/1.1\r\n"
#define P "POST / HTTP/1.1\r\nHost: a\r\n"
#define H "Host: a\r\n"
#define E "\r\n"

static const struct row verdicts[] = {
    {G H E, OK},
    /* Host. */
    {G E, ERR_BAD_HOST},
    {G "Host:\r\n" E, ERR_BAD_HOST},
    {G H H E, ERR_BAD_HOST},
    {G H "host: b\r\n" E, ERR_BAD_HOST},
    {G "Host: a b\r\n" E, ERR_BAD_HOST},
    {G "Host: a,b\r\n" E, ERR_BAD_HOST},
    {G "Host: u@a\r\n" E, ERR_BAD_HOST},
    {G "Host: a:0\r\n" E, ERR_BAD_HOST},
    {G "Host: http://a\r\n" E, ERR_BAD_HOST},
    {"GET / HTTP/1.0\r\n" E, OK},
    {"GET / HTTP/1.0\r\n" H H E, ERR_BAD_HOST},
    {"GET / HTTP/1.0\r\nHost: a/b\r\n" E, ERR_BAD_HOST},
    /* Target. */
    {"CONNECT a:443 HTTP/1.1\r\n" H E, ERR_CONNECT_REFUSED},
    {"CONNECT / HTTP/1.1\r\n" H E, ERR_CONNECT_REFUSED},
    {"GET * HTTP/1.1\r\n" H E, ERR_BAD_TARGET},
    {"OPTIONS * HTTP/1.1\r\n" H E, OK},
    {"OPTIONS *a HTTP/1.1\r\n" H E, ERR_BAD_TARGET},
    {"GET a HTTP/1.1\r\n" H E, ERR_BAD_TARGET},
    {"GET ?a HTTP/1.1\r\n" H E, ERR_BAD_TARGET},
    {"GET a:80 HTTP/1.1\r\n" H E, ERR_BAD_TARGET},
    {"GET ftp://a/ HTTP/1.1\r\n" H E, ERR_BAD_TARGET},
    {"GET https://a/ HTTP/1.1\r\n" H E, ERR_BAD_TARGET},
    {"GET http:/a HTTP/1.1\r\n" H E, ERR_BAD_TARGET},
    {"GET http:// HTTP/1.1\r\n" H E, ERR_BAD_HOST},
    {"GET http:///x HTTP/1.1\r\n" H E, ERR_BAD_HOST},
    {"GET http://a/ HTTP/1.1\r\n" H E, OK},
    {"GET HTTP://A:80/ HTTP/1.1\r\n" H E, OK},
    {"GET http://a HTTP/1.1\r\n" H E, OK},
    {"GET http://a/ HTTP/1.1\r\n" E, ERR_BAD_HOST},
    {"GET http://a/ HTTP/1.0\r\n" E, OK},
    {"GET http://b/ HTTP/1.1\r\n" H E, ERR_BAD_HOST},
    {"GET http://a:81/ HTTP/1.1\r\n" H E, ERR_BAD_HOST},
    {"GET http://u@a/ HTTP/1.1\r\n" H E, ERR_BAD_HOST},
    {"GET http://a@b/ HTTP/1.1\r\nHost: b\r\n" E, ERR_BAD_HOST},
    {"GET http://a\\@b/ HTTP/1.1\r\n" H E, ERR_BAD_HOST},
    {"GET /../a HTTP/1.1\r\n" H E, ERR_BAD_PATH},
    {"GET /%2f HTTP/1.1\r\n" H E, ERR_BAD_PATH},
    {"GET /%00 HTTP/1.1\r\n" H E, ERR_BAD_PATH},
    {"GET http://a/.. HTTP/1.1\r\n" H E, ERR_BAD_PATH},
    /* Length. */
    {P "Content-Length: 5\r\n" E, OK},
    {P "Content-Length: 0\r\n" E, OK},
    {P "Content-Length: 9223372036854775807\r\n" E, OK},
    {P "Content-Length: 9223372036854775808\r\n" E, ERR_FRAMING},
    {P "Content-Length: 18446744073709551616\r\n" E, ERR_FRAMING},
    {P "Content-Length: 99999999999999999999999\r\n" E, ERR_FRAMING},
    {P "Content-Length: 00000000000000000005\r\n" E, ERR_FRAMING},
    {P "Content-Length:\r\n" E, ERR_FRAMING},
    {P "Content-Length: +5\r\n" E, ERR_FRAMING},
    {P "Content-Length: -5\r\n" E, ERR_FRAMING},
    {P "Content-Length: 0x5\r\n" E, ERR_FRAMING},
    {P "Content-Length: 5,5\r\n" E, ERR_FRAMING},
    {P "Content-Length: 5 5\r\n" E, ERR_FRAMING},
    {P "Content-Length: 5.0\r\n" E, ERR_FRAMING},
    {P "Content-Length: five\r\n" E, ERR_FRAMING},
    {P "Content-Length: 5\r\nContent-Length: 5\r\n" E, ERR_FRAMING},
    {P "Content-Length: 5\r\ncontent-length: 6\r\n" E, ERR_FRAMING},
    {P "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" E, ERR_FRAMING},
    {P "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n" E, ERR_FRAMING},
    {P "Transfer-Encoding: identity\r\nContent-Length: 5\r\n" E, ERR_FRAMING},
    {P "Transfer-Encoding: chunked\r\n" E, OK},
    {P "transfer-encoding: CHUNKED\r\n" E, OK},
    {P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" E, ERR_FRAMING},
    {P "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n" E, ERR_FRAMING},
    {P "Transfer-Encoding: xchunked\r\n" E, ERR_TRANSFER_CODING},
    {P "Transfer-Encoding: chunked, chunked\r\n" E, ERR_TRANSFER_CODING},
    {P "Transfer-Encoding: gzip, chunked\r\n" E, ERR_TRANSFER_CODING},
    {P "Transfer-Encoding: chunked, identity\r\n" E, ERR_TRANSFER_CODING},
    {P "Transfer-Encoding: ,chunked\r\n" E, ERR_TRANSFER_CODING},
    {P "Transfer-Encoding: chunked,\r\n" E, ERR_TRANSFER_CODING},
    {P "Transfer-Encoding: chunked;a=b\r\n" E, ERR_TRANSFER_CODING},
    {P "Transfer-Encoding: \"chunked\"\r\n" E, ERR_TRANSFER_CODING},
    {P "Transfer-Encoding: identity\r\n" E, ERR_TRANSFER_CODING},
    {P "Transfer-Encoding:\r\n" E, ERR_TRANSFER_CODING},
    {P "Transfer-Encoding: c\thunked\r\n" E, ERR_TRANSFER_CODING},
    {P "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n" E, OK},
    {"POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n" E, ERR_FRAMING},
    {"POST / HTTP/1.0\r\n" H "Transfer-Encoding: identity\r\n" E, ERR_FRAMING},
    {"POST / HTTP/1.0\r\n" H "Content-Length: 5\r\n" E, OK},
    {P "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n" E, OK},
    /* Expect. */
    {P "Content-Length: 5\r\nExpect: 100-continue\r\n" E, OK},
    {P "Content-Length: 5\r\nExpect: 100-Continue\r\n" E, OK},
    {P "Content-Length: 5\r\nExpect: 100-continue, x\r\n" E, ERR_EXPECTATION},
    {P "Content-Length: 5\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n" E, ERR_EXPECTATION},
    {P "Content-Length: 5\r\nExpect: y 100-continue\r\n" E, ERR_EXPECTATION},
    {P "Content-Length: 5\r\nExpect:\r\n" E, ERR_EXPECTATION},
    /* Connection. */
    {G H "Connection: close, a b\r\n" E, ERR_BAD_FIELD},
    {G H "Connection: \"close\"\r\n" E, ERR_BAD_FIELD},
    {G H "Connection: ,\r\n" E, OK},
    {G H "Connection:\r\n" E, OK},
};

TEST(requests_with_two_meanings_are_refused)
{
    for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
        struct heads h;
        enum err e = judge(&h, &strict, str_from_c(verdicts[i].text));
        WANT_INT(e, verdicts[i].error);
        if (e != verdicts[i].error) {
            printf("# %s\n", verdicts[i].text);
        }
        heads_drop(&h);
    }
}

TEST(host_and_port_are_what_every_later_room_sees)
{
    struct heads h;
    WANT_INT(judge(&h, &strict, STR(G "Host: a.example:8080\r\n" E)), OK);
    WANT_STR(h.head.host, STR("a.example"));
    WANT_INT(h.head.host_port, 8080);
    WANT_STR(h.head.authority, STR("a.example:8080"));
    WANT_INT(h.arena.used_bytes, sizeof(struct field) * 16);
    heads_drop(&h);
    WANT_INT(judge(&h, &strict, STR(G "Host: A.Example.:80\r\n" E)), OK);
    WANT_STR(h.head.host, STR("a.example"));
    WANT_INT(h.head.host_port, 80);
    WANT_STR(h.head.authority, STR("a.example"));
    heads_drop(&h);
    WANT_INT(judge(&h, &over_tls, STR(G "Host: A.Example.:80\r\n" E)), OK);
    WANT_STR(h.head.authority, STR("a.example:80"));
    heads_drop(&h);
    WANT_INT(judge(&h, &over_tls, STR("GET https://[::1]:443/x?y HTTP/1.1\r\nHost: [0::1]\r\n" E)),
             OK);
    WANT_STR(h.head.host, STR("[::1]"));
    WANT_STR(h.head.authority, STR("[::1]"));
    WANT_STR(h.head.path, STR("/x"));
    WANT_STR(h.head.query, STR("y"));
    heads_drop(&h);
    WANT_INT(judge(&h, &over_tls, STR("GET http://a/ HTTP/1.1\r\n" H E)), ERR_BAD_TARGET);
    heads_drop(&h);
    WANT_INT(judge(&h, &strict, STR("GET http://B:81 HTTP/1.0\r\n" E)), OK);
    WANT_STR(h.head.authority, STR("b:81"));
    heads_drop(&h);
    WANT_INT(judge(&h, &strict, STR("GET / HTTP/1.0\r\n" E)), OK);
    WANT_STR(h.head.host, STR(""));
    heads_drop(&h);
}

TEST(path_and_query_are_cut_and_only_the_path_is_changed)
{
    struct heads h;
    WANT_INT(judge(&h, &strict, STR("GET /a/./%62?c=%2e/../?d HTTP/1.1\r\n" H E)), OK);
    WANT_STR(h.head.path, STR("/a/b"));
    WANT_STR(h.head.query, STR("c=%2e/../?d"));
    WANT(h.head.has_query);
    heads_drop(&h);
    WANT_INT(judge(&h, &strict, STR("GET /a? HTTP/1.1\r\n" H E)), OK);
    WANT_STR(h.head.query, STR(""));
    WANT(h.head.has_query);
    heads_drop(&h);
    WANT_INT(judge(&h, &strict, STR("GET http://a?b=c HTTP/1.1\r\n" H E)), OK);
    WANT_STR(h.head.path, STR("/"));
    WANT_STR(h.head.query, STR("b=c"));
    heads_drop(&h);
    WANT_INT(judge(&h, &strict, STR("OPTIONS http://a HTTP/1.1\r\n" H E)), OK);
    WANT_STR(h.head.path, STR("*"));
    heads_drop(&h);
    WANT_INT(judge(&h, &strict, STR("OPTIONS http://a/ HTTP/1.1\r\n" H E)), OK);
    WANT_STR(h.head.path, STR("/"));
    WANT(!h.head.has_query);
    heads_drop(&h);
}

TEST(the_body_is_decided_once)
{
    struct heads h;
    WANT_INT(judge(&h, &strict, STR(P "Content-Length: 17\r\n" E)), OK);
    WANT_INT(h.head.body, BODY_LENGTH);
    WANT_INT(h.head.content_length, 17);
    WANT(h.head.has_content_length);
    heads_drop(&h);
    WANT_INT(judge(&h, &strict, STR(P "Content-Length: 0\r\n" E)), OK);
    WANT_INT(h.head.body, BODY_NONE);
    WANT(h.head.has_content_length);
    heads_drop(&h);
    WANT_INT(judge(&h, &strict, STR(P "Transfer-Encoding: chunked\r\n" E)), OK);
    WANT_INT(h.head.body, BODY_CHUNKED);
    WANT(!h.head.has_content_length);
    heads_drop(&h);
    WANT_INT(judge(&h, &strict, STR(P E)), OK);
    WANT_INT(h.head.body, BODY_NONE);
    WANT(!h.head.has_content_length);
    heads_drop(&h);
}

TEST(persistence_follows_version_and_connection)
{
    static const struct {
        const char *text;
        bool is_persistent;
    } rows[] = {
        {G H E, true},
        {G H "Connection: close\r\n" E, false},
        {G H "Connection: x, CLOSE\r\n" E, false},
        {G H "Connection: keep-alive\r\nConnection: close\r\n" E, false},
        {G H "Connection: keep-alive\r\n" E, true},
        {"GET / HTTP/1.0\r\n" E, false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n" E, true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n" E, false},
        {"GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n" E, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct heads h;
        WANT_INT(judge(&h, &strict, str_from_c(rows[i].text)), OK);
        WANT_INT(h.head.is_persistent, rows[i].is_persistent);
        heads_drop(&h);
    }
}

TEST(what_belongs_to_one_connection_goes_no_further)
{
    struct heads h;
    WANT_INT(
        judge(&h, &strict,
              STR(G H "Connection: x-hop, X-Request-Id, te\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
                      "Upgrade: h2c\r\nHTTP2-Settings: x\r\nProxy-Connection: close\r\n"
                      "Proxy-Authorization: x\r\nProxy-Foo: x\r\nProxy: x\r\nProxyish: x\r\n"
                      "X-Hop: x\r\nX-Request-Id: x\r\nAccept: x\r\nPro: x\r\n" E)),
        OK);
    WANT_STR(names(&h), STR("Host Proxyish Accept Pro "));
    WANT(h.head.has_te_trailers);
    WANT(!h.head.wants_upgrade);
    heads_drop(&h);
}

TEST(connection_cannot_take_away_what_the_gateway_relies_on)
{
    struct heads h;
    WANT_INT(judge(&h, &strict,
                   STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nAuthorization: x\r\n"
                       "Cookie: x\r\nX-Forwarded-For: x\r\nForwarded: x\r\nContent-Type: x\r\n"
                       "Connection: host, content-length, authorization, cookie, "
                       "x-forwarded-for, forwarded, content-type\r\n" E)),
             OK);
    WANT_STR(names(&h), STR("Host Content-Length Authorization Cookie X-Forwarded-For Forwarded "
                            "Content-Type "));
    WANT_INT(h.head.content_length, 1);
    heads_drop(&h);
}

TEST(te_counts_only_when_connection_names_it)
{
    struct heads h;
    WANT_INT(judge(&h, &strict, STR(G H "TE: trailers\r\n" E)), OK);
    WANT(!h.head.has_te_trailers);
    WANT_STR(names(&h), STR("Host "));
    heads_drop(&h);
}

TEST(connection_options_are_bounded)
{
    for (size_t more = 0; more < 2; more++) {
        char text[1024];
        struct strbuf out = strbuf_over(text, sizeof text);
        struct heads h;
        strbuf_add(&out, STR(G H "Connection: a"));
        for (size_t i = 1; i < LIMIT_VALUE(connection_options) + more; i++) {
            strbuf_add_fmt(&out, ",x-%zu", i);
        }
        strbuf_add(&out, STR("\r\nA: x\r\nX-31: x\r\n" E));
        WANT_INT(judge(&h, &strict, strbuf_str(&out)), more > 0 ? ERR_BAD_FIELD : OK);
        WANT(more > 0 || str_eq(names(&h), STR("Host ")));
        heads_drop(&h);
    }
}

TEST(names_with_underscore_are_dropped_unless_kept_by_rule)
{
    struct str text = STR(G H "X_User: x\r\nX_Forwarded_For: x\r\nx_forwarded-host: x\r\n"
                              "Content_Length: 5\r\n_: x\r\nTransfer_Encoding: chunked\r\n" E);
    struct heads h;
    WANT_INT(judge(&h, &strict, text), OK);
    WANT_STR(names(&h), STR("Host "));
    WANT_INT(h.head.body, BODY_NONE);
    heads_drop(&h);
    WANT_INT(judge(&h, &keeping, text), OK);
    WANT_STR(names(&h), STR("Host X_User _ "));
    heads_drop(&h);
}

TEST(names_with_underscore_are_refused_by_rule)
{
    static const struct judge_rules refusing = {.default_port = 80, .refuses_underscores = true};
    static const char *const bad[] = {"a_", "_aaaaaaa", "aaaaaaa_a", "aaaaaaaaaaaa_aaa",
                                      "aaaaaaaa_"};
    struct heads h;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char text[256];
        struct strbuf out = strbuf_over(text, sizeof text);
        strbuf_add_fmt(&out, G H "%s: x\r\n\r\n", bad[i]);
        WANT_INT(judge(&h, &refusing, strbuf_str(&out)), ERR_BAD_FIELD_NAME);
        heads_drop(&h);
    }
    WANT_INT(judge(&h, &refusing, STR(G H "No-Underscore-In-This-Name: a_b\r\n" E)), OK);
    WANT_STR(names(&h), STR("Host No-Underscore-In-This-Name "));
    heads_drop(&h);
}

TEST(expectations_are_kept_only_where_a_body_waits)
{
    struct heads h;
    WANT_INT(judge(&h, &strict, STR(P "Content-Length: 5\r\nExpect: 100-continue\r\n" E)), OK);
    WANT(h.head.expects_continue);
    WANT_STR(names(&h), STR("Host Content-Length Expect "));
    heads_drop(&h);
    WANT_INT(judge(&h, &strict, STR(P "Expect: 100-continue\r\n" E)), OK);
    WANT(!h.head.expects_continue);
    WANT_STR(names(&h), STR("Host "));
    heads_drop(&h);
    WANT_INT(judge(&h, &strict,
                   STR("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n" E)),
             OK);
    WANT(!h.head.expects_continue);
    WANT_STR(names(&h), STR("Content-Length "));
    heads_drop(&h);
}

#define U "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n"

TEST(only_websocket_is_an_upgrade_and_only_by_rule)
{
    static const struct {
        const char *text;
        const struct judge_rules *rules;
        enum err error;
        bool wants_upgrade;
    } rows[] = {
        {G H U E, &upgrading, OK, true},
        {G H U E, &strict, OK, false},
        {G H "Connection: upgrade\r\nUpgrade: h2c\r\n" E, &upgrading, OK, false},
        {G H "Connection: upgrade\r\nUpgrade: h2c, WebSocket\r\n" E, &upgrading, OK, true},
        {G H "Upgrade: websocket\r\n" E, &upgrading, OK, false},
        {G H "Connection: upgrade\r\n" E, &upgrading, OK, false},
        {"GET / HTTP/1.0\r\n" H U E, &upgrading, OK, false},
        {P U E, &upgrading, ERR_UPGRADE_REFUSED, false},
        {G H U "Content-Length: 5\r\n" E, &upgrading, ERR_UPGRADE_REFUSED, false},
        {G H U "Transfer-Encoding: chunked\r\n" E, &upgrading, ERR_UPGRADE_REFUSED, false},
        {G H U "Content-Length: 5\r\n" E, &strict, OK, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct heads h;
        WANT_INT(judge(&h, rows[i].rules, str_from_c(rows[i].text)), rows[i].error);
        WANT_INT(h.head.wants_upgrade, rows[i].wants_upgrade);
        WANT(h.error != OK || fields_find(&h.head.fields, FIELD_UPGRADE) == NULL);
        heads_drop(&h);
    }
}

TEST(want_of_memory_is_an_error)
{
    static const char *const texts[] = {G "Host: A\r\n" E, "GET /%41 HTTP/1.1\r\n" H E,
                                        G "Host: a.:81\r\n" E};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct field room[4];
        struct head head = {.fields = {.at = room, .cap = 4}};
        struct h1_parser parser;
        struct arena arena;
        arena_init_heap(&arena, 0);
        h1_parser_init(&parser, H1_REQUEST, &head, &arena, &heads_limits);
        WANT_INT(h1_parse(&parser, str_from_c(texts[i])), OK);
        enum err e = judge_request(&head, &arena, &strict);
        WANT(e == ERR_MEMORY);
        arena_reset(&arena);
    }
}

#define S "HTTP/1.1 200 OK\r\n"
#define CL "Content-Length: 5\r\n"
#define TE "Transfer-Encoding: chunked\r\n"

struct answer_row {
    const char *text;
    enum method method;
    enum err error;
    enum body_kind body;
    bool is_persistent;
    int length; /* -1: none */
};

static const struct answer_row answers[] = {
    {S CL E, METHOD_GET, OK, BODY_LENGTH, true, 5},
    {S "Content-Length: 0\r\n" E, METHOD_GET, OK, BODY_NONE, true, 0},
    {S TE E, METHOD_GET, OK, BODY_CHUNKED, true, -1},
    {S E, METHOD_GET, OK, BODY_UNTIL_CLOSE, false, -1},
    {S "Connection: close\r\n" CL E, METHOD_GET, OK, BODY_LENGTH, false, 5},
    {"HTTP/1.0 200 OK\r\n" CL E, METHOD_GET, OK, BODY_LENGTH, false, 5},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" CL E, METHOD_GET, OK, BODY_LENGTH, true, 5},
    {"HTTP/1.0 200 OK\r\n" TE E, METHOD_GET, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
    {S CL TE E, METHOD_GET, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
    {S CL CL E, METHOD_GET, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
    {S "Content-Length: 5,5\r\n" E, METHOD_GET, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
    {S "Content-Length: -1\r\n" E, METHOD_GET, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
    {S "Content-Length:\r\n" E, METHOD_GET, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
    {S "Transfer-Encoding: gzip, chunked\r\n" E, METHOD_GET, ERR_ORIGIN_FRAMING, BODY_NONE, false,
     -1},
    {S "Transfer-Encoding: identity\r\n" E, METHOD_GET, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
    {S TE TE E, METHOD_GET, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
    {S "Connection: a b\r\n" E, METHOD_GET, ERR_ORIGIN_BAD_HEAD, BODY_NONE, false, -1},
    {S CL E, METHOD_HEAD, OK, BODY_NONE, true, 5},
    {S TE E, METHOD_HEAD, OK, BODY_NONE, true, -1},
    {S E, METHOD_HEAD, OK, BODY_NONE, true, -1},
    {S CL TE E, METHOD_HEAD, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
    {"HTTP/1.1 204 No\r\n" E, METHOD_GET, OK, BODY_NONE, true, -1},
    {"HTTP/1.1 204 No\r\nContent-Length: 0\r\n" E, METHOD_GET, OK, BODY_NONE, true, -1},
    {"HTTP/1.1 204 No\r\n" CL E, METHOD_GET, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
    {"HTTP/1.1 204 No\r\n" TE E, METHOD_GET, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
    {"HTTP/1.1 204 No\r\n" CL E, METHOD_HEAD, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
    {"HTTP/1.1 304 Same\r\n" CL E, METHOD_GET, OK, BODY_NONE, true, 5},
    {"HTTP/1.1 304 Same\r\n" E, METHOD_GET, OK, BODY_NONE, true, -1},
    {"HTTP/1.1 304 Same\r\n" TE E, METHOD_GET, OK, BODY_NONE, true, -1},
    {"HTTP/1.1 100 Go\r\n" E, METHOD_POST, OK, BODY_NONE, true, -1},
    {"HTTP/1.1 103 Hints\r\nLink: x\r\n" E, METHOD_GET, OK, BODY_NONE, true, -1},
    {"HTTP/1.1 100 Go\r\n" CL E, METHOD_POST, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
    {"HTTP/1.1 100 Go\r\n" TE E, METHOD_POST, ERR_ORIGIN_FRAMING, BODY_NONE, false, -1},
};

TEST(answers_are_judged_as_strictly_as_requests)
{
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        const struct answer_row *row = &answers[i];
        struct heads h;
        enum err e = judge_answer(&h, row->method, false, str_from_c(row->text));
        WANT_INT(e, row->error);
        if (e == OK) {
            WANT_INT(h.head.body, row->body);
            WANT_INT(h.head.is_persistent, row->is_persistent);
            WANT_INT(h.head.has_content_length ? (int)h.head.content_length : -1, row->length);
        }
        if (e != row->error) {
            printf("# %s\n", row->text);
        }
        heads_drop(&h);
    }
}

TEST(protocols_are_switched_only_when_asked_and_only_to_websocket)
{
    struct str good = STR("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                          "Upgrade: WebSocket\r\nSec-WebSocket-Accept: x\r\n" E);
    struct heads h;
    WANT_INT(judge_answer(&h, METHOD_GET, true, good), OK);
    WANT(h.head.wants_upgrade);
    WANT(!h.head.is_persistent);
    WANT_STR(names(&h), STR("Sec-WebSocket-Accept "));
    heads_drop(&h);
    WANT_INT(judge_answer(&h, METHOD_GET, false, good), ERR_ORIGIN_UPGRADE);
    heads_drop(&h);
    WANT_INT(judge_answer(&h, METHOD_GET, true, STR("HTTP/1.1 101 x\r\n" E)), ERR_ORIGIN_UPGRADE);
    heads_drop(&h);
    WANT_INT(judge_answer(&h, METHOD_GET, true,
                          STR("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n" E)),
             ERR_ORIGIN_UPGRADE);
    heads_drop(&h);
    WANT_INT(judge_answer(&h, METHOD_GET, true, STR("HTTP/1.1 200 OK\r\n" CL E)), OK);
    WANT(!h.head.wants_upgrade);
    heads_drop(&h);
}

TEST(an_answer_loses_its_hop_by_hop_fields)
{
    struct heads h;
    WANT_INT(judge_answer(&h, METHOD_GET, false,
                          STR(S CL "Connection: x-a, set-cookie\r\nKeep-Alive: x\r\nX-A: 1\r\n"
                                   "Set-Cookie: a=b\r\nProxy-Authenticate: x\r\nX_B: 1\r\n"
                                   "Upgrade: h2\r\nProxy-Status: x\r\n" E)),
             OK);
    WANT_STR(names(&h), STR("Content-Length Set-Cookie X_B Proxy-Status "));
    heads_drop(&h);
}
