#include "base/check.h"
#include "base/limits.h"
#include "net/socket.h"
#include "observe/ops_server.h"
#include "observe/prometheus.h"
#include "test.h"

enum { ANSWER_BYTES = 16 << 20 };

struct world {
    struct loop loop;
    struct stats stats;
    struct registry registry;
    struct ops_server *server;
    struct addr addr;
    bool is_healthy, is_ready;
    int collects;
};

static struct world world;
static char answer_bytes[ANSWER_BYTES];

static void collect(void *owner)
{
    ((struct world *)owner)->collects++;
}

static bool is_healthy(void *owner, const char **why)
{
    *why = "broken";
    return ((struct world *)owner)->is_healthy;
}

static bool is_ready(void *owner, const char **why)
{
    *why = "draining";
    return ((struct world *)owner)->is_ready;
}

static void begin(void)
{
    struct addr any = {.family = ADDR_V4, .ip = {127, 0, 0, 1}};
    int fd = -1;
    world.is_healthy = world.is_ready = true;
    world.collects = 0;
    CHECK(loop_init(&world.loop) == OK);
    CHECK(stats_init(&world.stats, 2) == OK);
    CHECK(registry_init(&world.registry, &world.stats, &world.stats.blocks[1]) == OK);
    CHECK(socket_listen(&any, 64, false, &fd) == OK);
    CHECK(socket_local(fd, &world.addr) == OK);
    const struct ops_conf conf = {.loop = &world.loop,
                                  .registry = &world.registry,
                                  .listen_fd = fd,
                                  .collect = collect,
                                  .is_healthy = is_healthy,
                                  .is_ready = is_ready,
                                  .owner = &world};
    CHECK(ops_server_open(&conf, &world.server) == OK);
}

static void finish(void)
{
    ops_server_close(&world.server);
    WANT(world.server == NULL);
    ops_server_close(&world.server);
    loop_turn(&world.loop, 0);
    loop_drop(&world.loop);
    registry_drop(&world.registry);
    stats_drop(&world.stats);
}

static int client(void)
{
    int fd = -1;
    CHECK(socket_connect(&world.addr, NULL, &fd) == OK);
    return fd;
}

static void turns(int count)
{
    for (int i = 0; i < count; i++) {
        loop_turn(&world.loop, 1);
    }
}

static bool send_all(int fd, struct str bytes)
{
    for (int i = 0; i < 1000 && bytes.len > 0; i++) {
        size_t sent = 0;
        enum err e = socket_send_str(fd, bytes, &sent);
        if (e != OK && e != ERR_AGAIN) {
            return false;
        }
        bytes = str_skip(bytes, sent);
        loop_turn(&world.loop, 0);
    }
    return bytes.len == 0;
}

/* What arrives until the server closes or, for a while, nothing more comes. */
static struct str receive(int fd, bool *is_closed)
{
    size_t len = 0;
    int quiet = 0;
    *is_closed = false;
    while (quiet < 20) {
        size_t got;
        enum err e = socket_recv(fd, answer_bytes + len, ANSWER_BYTES - len, &got);
        if (e == OK) {
            len += got;
            quiet = 0;
        } else if (e == ERR_AGAIN) {
            quiet++;
        } else {
            *is_closed = true;
            break;
        }
        loop_turn(&world.loop, e == OK ? 0 : 1);
    }
    return str_of(answer_bytes, len);
}

/* One request on a connection of its own. */
static struct str ask(struct str request, bool *is_closed)
{
    int fd = client();
    CHECK(send_all(fd, request));
    struct str answer = receive(fd, is_closed);
    socket_close(&fd);
    turns(2);
    return answer;
}

static struct str status_of(struct str answer)
{
    return str_cut(answer, '\r').head;
}

static struct str body_of(struct str answer)
{
    return str_skip(answer, str_find_str(answer, STR("\r\n\r\n")) + 4);
}

static bool has(struct str text, struct str part)
{
    return str_find_str(text, part) < text.len;
}

TEST(health_and_readiness_are_told_with_their_reason)
{
    begin();
    bool is_closed;
    struct str answer = ask(STR("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"), &is_closed);
    WANT_STR(status_of(answer), STR("HTTP/1.1 200 OK"));
    WANT_STR(body_of(answer), STR("ok\n"));
    WANT(!is_closed);
    world.is_ready = false;
    answer = ask(STR("GET /readyz?verbose HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
                 &is_closed);
    WANT_STR(status_of(answer), STR("HTTP/1.1 503 Service Unavailable"));
    WANT_STR(body_of(answer), STR("draining\n"));
    WANT(is_closed && has(answer, STR("Connection: close\r\n")));
    world.is_healthy = false;
    answer = ask(STR("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"), &is_closed);
    WANT_STR(body_of(answer), STR("broken\n"));
    WANT(has(answer, STR("\r\nDate: ")) && has(answer, STR("\r\nCache-Control: no-store\r\n")));
    finish();
}

TEST(requests_that_are_not_for_here_are_refused_each_with_its_status)
{
    static const struct {
        const char *request, *status;
        bool is_closed;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found", false},
        {"GET /metrics/x HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found", false},
        {"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
         "HTTP/1.1 405 Method Not Allowed", false},
        {"BREW /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 Method Not Allowed", false},
        {"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
         "HTTP/1.1 413 Content Too Large", true},
        {"GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "HTTP/1.1 413 Content Too Large", true},
        {"GET /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request", true},
        {"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 Bad Request", true},
        {"GET /metrics HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400 Bad Request", true},
        {"GET /../metrics HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request", true},
        {"GET /metrics HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported",
         true},
        {"\x16\x03\x01\x02\x00\x01\r\n\r\n", "HTTP/1.1 400 Bad Request", true},
    };
    begin();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool is_closed;
        struct str answer = ask(str_from_c(rows[i].request), &is_closed);
        WANT_STR(status_of(answer), str_from_c(rows[i].status));
        WANT(is_closed == rows[i].is_closed);
        WANT(has(answer, STR("Allow: GET, HEAD\r\n")) == has(answer, STR(" 405 ")));
    }
    WANT_INT(world.collects, 0);
    finish();
}

/* The bytes inside the chunks, moved together; empty when the coding is broken. */
static struct str unchunked(struct str body)
{
    static char whole[ANSWER_BYTES];
    size_t len = 0;
    for (;;) {
        struct str_pair cut = str_cut(body, '\r');
        uint64_t bytes;
        if (!cut.is_cut || !str_hex_to_u64(cut.head, &bytes) || bytes + 3 > cut.tail.len) {
            return STR("");
        }
        body = str_skip(cut.tail, 1);
        if (bytes == 0) {
            return str_eq(body, STR("\r\n")) ? str_of(whole, len) : STR("");
        }
        memcpy(whole + len, body.at, bytes);
        len += bytes;
        body = str_skip(body, bytes);
        if (!str_starts(body, STR("\r\n"))) {
            return STR("");
        }
        body = str_skip(body, 2);
    }
}

TEST(metrics_come_in_chunks_in_the_format_asked_for)
{
    begin();
    bool is_closed;
    struct str answer = ask(STR("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), &is_closed);
    WANT_STR(status_of(answer), STR("HTTP/1.1 200 OK"));
    WANT(has(answer, STR("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n")));
    WANT(has(answer, STR("Transfer-Encoding: chunked\r\n")) && !is_closed);
    struct str page = unchunked(body_of(answer));
    WANT(has(page, STR("sluice_requests_in_flight 0\n")) && str_starts(page, STR("# HELP ")));
    WANT_INT(world.collects, 1);
    answer =
        ask(STR("GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: application/openmetrics-text\r\n\r\n"),
            &is_closed);
    WANT(has(answer,
             STR("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n")));
    WANT(str_ends(unchunked(body_of(answer)), STR("\n# EOF\n")));
    finish();
}

TEST(a_head_request_gets_no_body_and_the_connection_goes_on)
{
    begin();
    bool is_closed;
    struct str answer = ask(STR("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
                                "HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
                                "GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
                            &is_closed);
    WANT(is_closed && str_ends(answer, STR("\r\n\r\nok\n")));
    WANT_STR(str_sub(body_of(answer), 0, 15), STR("HTTP/1.1 200 OK"));
    WANT_STR(str_sub(body_of(body_of(answer)), 0, 15), STR("HTTP/1.1 200 OK"));
    WANT(has(answer, STR("Content-Length: 3\r\n")));
    finish();
}

TEST(old_clients_get_the_page_until_the_connection_ends)
{
    begin();
    bool is_closed;
    struct str answer = ask(STR("GET /metrics HTTP/1.0\r\n\r\n"), &is_closed);
    WANT(is_closed && !has(answer, STR("Transfer-Encoding")));
    WANT(str_starts(body_of(answer), STR("# HELP ")));
    answer = ask(STR("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), &is_closed);
    WANT(!is_closed && has(answer, STR("Connection: keep-alive\r\n")));
    finish();
}

TEST(any_split_of_the_bytes_gives_the_same_answers)
{
    begin();
    struct str request = STR("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: "
                             "a\r\nConnection: close\r\n\r\n");
    for (size_t split = 0; split <= request.len; split++) {
        bool is_closed;
        int fd = client();
        CHECK(send_all(fd, str_sub(request, 0, split)));
        turns(2);
        CHECK(send_all(fd, str_skip(request, split)));
        struct str answer = receive(fd, &is_closed);
        WANT_STR(status_of(answer), STR("HTTP/1.1 200 OK"));
        WANT(is_closed && has(answer, STR("ok\nHTTP/1.1 404 Not Found\r\n")));
        socket_close(&fd);
    }
    int fd = client();
    bool is_closed;
    for (size_t i = 0; i < request.len; i++) {
        CHECK(send_all(fd, str_sub(request, i, 1)));
    }
    WANT(has(receive(fd, &is_closed), STR("ok\nHTTP/1.1 404 Not Found\r\n")));
    socket_close(&fd);
    finish();
}

static void add_routes(int count)
{
    char name[32];
    for (int i = 0; i < count; i++) {
        struct strbuf text = strbuf_over(name, sizeof name);
        strbuf_add_fmt(&text, "route-number-%d", i);
        struct str value = strbuf_str(&text);
        stats_observe(&world.stats.blocks[0],
                      registry_series(&world.registry, METRIC_request_duration, &value), i);
    }
}

TEST(a_page_of_many_pieces_arrives_whole_at_a_reader_that_stops_in_between)
{
    begin();
    add_routes(3000);
    int fd = client();
    CHECK(send_all(fd, STR("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")));
    turns(100); /* the socket buffers fill up, and the server holds one piece */
    bool is_closed;
    struct str page = unchunked(body_of(receive(fd, &is_closed)));
    WANT(is_closed && page.len > 3000 * 23 * 50);
    WANT(has(page, STR("route-number-2999")) && has(page, STR("process_max_fds")));
    socket_close(&fd);
    finish();
}

TEST(a_page_is_cut_off_when_a_series_was_renamed_meanwhile)
{
    begin();
    add_routes(6000);
    int fd = client();
    CHECK(send_all(fd, STR("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")));
    turns(100);
    world.registry.epoch++;
    bool is_closed;
    struct str answer = receive(fd, &is_closed);
    WANT(is_closed && unchunked(body_of(answer)).len == 0);
    socket_close(&fd);
    finish();
}

TEST(a_head_that_is_too_long_or_has_too_many_fields_is_refused)
{
    static char request[LIMIT_VALUE(ops_head_bytes) * 2];
    begin();
    bool is_closed;
    struct strbuf text = strbuf_over(request, sizeof request);
    strbuf_add_c(&text, "GET /metrics HTTP/1.1\r\nHost: a\r\nX: ");
    while (text.len < LIMIT_VALUE(ops_head_bytes)) {
        strbuf_add_char(&text, 'x');
    }
    WANT(has(ask(strbuf_str(&text), &is_closed), STR("HTTP/1.1 431 ")));
    WANT(is_closed);
    text.len = 0;
    strbuf_add_c(&text, "GET /metrics HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 100; i++) {
        strbuf_add_c(&text, "a: b\r\n");
    }
    strbuf_add_c(&text, "\r\n");
    WANT(has(ask(strbuf_str(&text), &is_closed), STR("HTTP/1.1 431 ")));
    finish();
}

TEST(connections_are_bounded_and_an_idle_one_makes_room)
{
    enum { MAX = LIMIT_VALUE(ops_connections) };
    begin();
    int fds[MAX + 1];
    bool is_closed;
    for (int i = 0; i < MAX; i++) {
        fds[i] = client();
        turns(1);
        if (i > 0) {
            CHECK(send_all(fds[i], STR("G"))); /* at work, all but the first */
        }
    }
    turns(3);
    fds[MAX] = client();
    CHECK(send_all(fds[MAX], STR("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")));
    WANT(has(receive(fds[MAX], &is_closed), STR("200 OK")));
    (void)receive(fds[0], &is_closed);
    WANT(is_closed);
    CHECK(send_all(fds[MAX], STR("G")));
    turns(3);
    int refused = client();
    turns(3);
    (void)receive(refused, &is_closed);
    WANT(is_closed);
    socket_close(&refused);
    for (int i = 0; i <= MAX; i++) {
        socket_close(&fds[i]);
    }
    finish();
}

/* The only timer of the loop: there is one connection. */
static struct timer *only_timer(void)
{
    struct timer *found = NULL;
    for (int level = 0; level < WHEEL_LEVELS; level++) {
        for (int slot = 0; slot < WHEEL_SLOTS; slot++) {
            LIST_EACH(node, &world.loop.wheel[level][slot])
            {
                CHECK(found == NULL);
                found = CONTAINER_OF(node, struct timer, node);
            }
        }
    }
    CHECK(found != NULL);
    return found;
}

static int64_t left_ms(void)
{
    return only_timer()->at_ms - world.loop.now_ms;
}

/* As if the time were over. */
static void fire(void)
{
    struct timer *timer = only_timer();
    timer_stop(timer);
    timer->fire(&world.loop, timer);
    turns(1);
}

TEST(a_client_that_trickles_has_a_time_for_its_whole_head)
{
    begin();
    int fd = client();
    turns(2);
    WANT(left_ms() > LIMIT_VALUE(idle_timeout_ms) - 1000);
    CHECK(send_all(fd, STR("GET")));
    turns(2);
    int64_t deadline_ms = only_timer()->at_ms;
    WANT(left_ms() <= LIMIT_VALUE(ops_timeout_ms));
    turns(5);
    CHECK(send_all(fd, STR(" /metrics")));
    turns(2);
    WANT_INT(only_timer()->at_ms, deadline_ms);
    bool is_closed;
    fire();
    (void)receive(fd, &is_closed);
    WANT(is_closed);
    socket_close(&fd);
    finish();
}

TEST(a_reader_that_never_reads_is_closed)
{
    begin();
    add_routes(6000);
    int fd = client();
    CHECK(send_all(fd, STR("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")));
    turns(200);
    WANT(left_ms() <= LIMIT_VALUE(ops_timeout_ms));
    fire();
    bool is_closed;
    struct str answer = receive(fd, &is_closed);
    WANT(is_closed && unchunked(body_of(answer)).len == 0);
    socket_close(&fd);
    finish();
}

TEST(after_a_refusal_what_still_comes_is_read_for_a_moment)
{
    begin();
    int fd = client();
    bool is_closed;
    CHECK(
        send_all(fd, STR("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")));
    turns(2);
    static char body[4096];
    for (int i = 0; i < 20; i++) {
        CHECK(send_all(fd, str_of(body, sizeof body)));
    }
    WANT(has(receive(fd, &is_closed), STR("HTTP/1.1 413 ")));
    fire();
    WANT(!send_all(fd, str_of(body, sizeof body)) || !send_all(fd, str_of(body, sizeof body)));
    socket_close(&fd);
    finish();
}

TEST(closing_the_server_ends_every_connection)
{
    begin();
    int fd = client();
    bool is_closed;
    CHECK(send_all(fd, STR("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")));
    (void)receive(fd, &is_closed);
    WANT(!is_closed);
    ops_server_close(&world.server);
    (void)receive(fd, &is_closed);
    WANT(is_closed);
    socket_close(&fd);
    finish();
}
