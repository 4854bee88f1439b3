/* attempt_test.c - tries at instances: connections kept and replaced, answers that come early, late,
 * in pieces or not at all. */
#define _GNU_SOURCE
#include "fault.h"
#include "hall.h"

#include "proxy/life.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ONE_SERVICE                                                                                \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { targets: [127.0.0.1:%u] } }\n"                                              \
    "routes: { all: { match: /*, to: it } }\n"
#define ONE_ATTEMPT                                                                                \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { targets: [127.0.0.1:%u], retry: { on: stale } } }\n"                        \
    "routes: { all: { match: /*, to: it } }\n"
#define TWO_TARGETS                                                                                \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { balance: round_robin, targets: [127.0.0.1:%u, 127.0.0.1:%u] } }\n"           \
    "routes: { all: { match: /*, to: it } }\n"
#define GET_ROOT "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST_TWO "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
#define SAYS_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static struct hall hall;

static uint64_t cell(uint32_t at)
{
    return stats_read(&hall.stats, at);
}

static const struct service_cells *cells(void)
{
    return &hall.snapshot->services[0].service->cells;
}

/* The first request over a fresh connection, answered with `answer`; the peers stay open. */
static void go_once(struct peer *client, struct peer *origin, const char *answer, const char *wanted)
{
    WANT(peer_say(&hall, client, STR(GET_ROOT)));
    if (origin->fd < 0) {
        WANT(hall_accept(&hall, 0, origin));
    }
    WANT(peer_hears(&hall, origin, "\r\n\r\n"));
    WANT(peer_say(&hall, origin, str_from_c(answer)));
    WANT(peer_hears(&hall, client, wanted));
    peer_forget(client);
    peer_forget(origin);
}

TEST(a_connection_is_used_again_after_an_answer_in_one_piece)
{
    struct peer client, origin = {.fd = -1};
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    go_once(&client, &origin, SAYS_OK, "\r\n\r\nok");
    go_once(&client, &origin, SAYS_OK, "\r\n\r\nok");
    WANT_INT(cell(cells()->connects), 1);
    WANT_INT(cell(cells()->reuses), 1);
    WANT_INT(cell(cells()->attempts), 2);
    peer_close(&client, false);
    peer_close(&origin, false);
    hall_close(&hall);
}

TEST(a_connection_is_used_again_when_head_and_body_came_apart)
{
    struct peer client, origin = {.fd = -1};
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    for (int i = 0; i < 3; i++) {
        go_once(&client, &origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "\r\n\r\n");
        WANT(peer_say(&hall, &origin, STR("ok")));
        WANT(peer_hears(&hall, &client, "ok"));
        peer_forget(&client);
    }
    WANT_INT(cell(cells()->connects), 1);
    WANT_INT(cell(cells()->reuses), 2);
    peer_close(&client, false);
    peer_close(&origin, false);
    hall_close(&hall);
}

TEST(a_connection_is_used_again_after_a_large_answer)
{
    static char body[1 << 20];
    struct peer client, origin = {.fd = -1};
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    memset(body, 'x', sizeof body);
    for (int i = 0; i < 2; i++) {
        WANT(peer_say(&hall, &client, STR(GET_ROOT)));
        WANT(origin.fd >= 0 || hall_accept(&hall, 0, &origin));
        WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
        WANT(peer_say(&hall, &origin, STR("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n")));
        WANT(peer_hears(&hall, &client, "\r\n\r\n"));
        size_t head_bytes = client.heard_len;
        for (size_t at = 0; at < sizeof body; at += 65536) {
            WANT(peer_say(&hall, &origin, str_of(body + at, 65536)));
            WANT(peer_hears_bytes(&hall, &client, head_bytes + at + 65536));
        }
        hall_run_ms(&hall, 5);
        WANT_INT(client.heard_len, head_bytes + sizeof body);
        WANT(hall.core->pipes->opened_total > 0); /* it was spliced */
        peer_forget(&client);
        peer_forget(&origin);
    }
    WANT_INT(cell(cells()->connects), 1);
    WANT_INT(cell(cells()->reuses), 1);
    peer_close(&client, false);
    peer_close(&origin, false);
    hall_close(&hall);
}

TEST(bytes_behind_an_answer_end_the_connection)
{
    struct peer client, origin = {.fd = -1};
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    go_once(&client, &origin, SAYS_OK "HTTP/1.1 200 OK\r\n", "\r\n\r\nok");
    WANT(peer_ends(&hall, &origin));
    WANT_INT(cell(cells()->idle), 0);
    peer_close(&origin, false);
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(an_answer_that_is_there_before_the_request_is_read)
{
    struct peer client, origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    WANT(send(client.fd, GET_ROOT, sizeof GET_ROOT - 1, 0) == sizeof GET_ROOT - 1);
    int fd = -1;
    for (int i = 0; fd < 0 && i < 100; i++) {
        loop_turn(&hall.core->loop, 1);
        fd = accept4(hall.origin_fds[0], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    /* The connection stands and has bytes before the loop turns again. */
    WANT(fd >= 0);
    WANT(write(fd, SAYS_OK, sizeof SAYS_OK - 1) == sizeof SAYS_OK - 1);
    origin = (struct peer){.fd = fd, .heard = malloc(HALL_HEARD_MAX)};
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    peer_close(&origin, false);
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(a_head_may_come_byte_by_byte)
{
    static const char answer[] = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 "3\r\nabc\r\n0\r\n\r\n";
    struct peer client, origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR(GET_ROOT)));
    WANT(hall_accept(&hall, 0, &origin));
    WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
    for (size_t i = 0; i < sizeof answer - 1; i++) {
        WANT(peer_say(&hall, &origin, str_of(answer + i, 1)));
        hall_turn(&hall);
    }
    WANT(peer_hears(&hall, &client, "103 Early Hints\r\n"));
    WANT(peer_hears(&hall, &client, "0\r\n\r\n"));
    hall_run_ms(&hall, 5);
    WANT_INT(cell(cells()->idle), 1);
    peer_close(&origin, false);
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(answers_that_cannot_be_trusted_become_502_with_their_reason)
{
    static const struct {
        const char *answer, *code;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "origin_framing"},
        {"HTTP/1.1 20 OK\r\n\r\n", "origin_bad_head"},
        {"SSH-2.0-x\r\n\r\n", "origin_bad_head"},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
         "origin_upgrade"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer client, origin;
        hall_open(&hall, 1);
        WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[0]));
        hall_client(&hall, 0, &client);
        WANT(peer_say(&hall, &client, STR(GET_ROOT)));
        WANT(hall_accept(&hall, 0, &origin));
        WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
        WANT(peer_say(&hall, &origin, str_from_c(rows[i].answer)));
        WANT(peer_hears(&hall, &client, "502 Bad Gateway"));
        WANT(peer_hears(&hall, &client, rows[i].code));
        WANT(peer_ends(&hall, &origin));
        peer_close(&origin, false);
        peer_close(&client, false);
        hall_close(&hall);
    }
}

TEST(nine_interim_responses_are_too_many)
{
    struct peer client, origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR(GET_ROOT)));
    WANT(hall_accept(&hall, 0, &origin));
    for (int i = 0; i < 9; i++) {
        WANT(peer_say(&hall, &origin, STR("HTTP/1.1 103 Early Hints\r\n\r\n")));
    }
    WANT(peer_hears(&hall, &client, "origin_interim"));
    peer_close(&origin, false);
    peer_close(&client, false);
    hall_close(&hall);
}

/* Makes one idle connection at the origin. */
static void warm_up(struct peer *client, struct peer *origin)
{
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ONE_ATTEMPT, hall.origin_ports[0]));
    hall_client(&hall, 0, client);
    origin->fd = -1;
    go_once(client, origin, SAYS_OK, "\r\n\r\nok");
}

TEST(a_stale_connection_is_replaced_without_the_client_knowing)
{
    struct peer client, stale, origin;
    warm_up(&client, &stale);
    /* The request is on its way before the end of the connection is seen. */
    WANT(send(client.fd, GET_ROOT, sizeof GET_ROOT - 1, 0) == sizeof GET_ROOT - 1);
    peer_close(&stale, true);
    WANT(hall_accept(&hall, 0, &origin));
    WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
    WANT(peer_say(&hall, &origin, STR(SAYS_OK)));
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    peer_close(&origin, false);
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(a_get_is_replayed_once_and_a_post_that_was_received_never)
{
    struct peer client, stale, origin;
    warm_up(&client, &stale);
    WANT(peer_say(&hall, &client, STR(GET_ROOT)));
    WANT(peer_hears(&hall, &stale, "\r\n\r\n"));
    peer_close(&stale, false);
    WANT(hall_accept(&hall, 0, &origin));
    WANT_INT(cell(cells()->replays), 1);
    WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
    peer_close(&origin, false);
    WANT(peer_hears(&hall, &client, "origin_reset"));
    WANT_INT(cell(cells()->replays), 1);
    peer_close(&client, false);
    hall_close(&hall);

    warm_up(&client, &stale);
    WANT(peer_say(&hall, &client, STR(POST_TWO)));
    WANT(peer_hears(&hall, &stale, "hi"));
    hall_run_ms(&hall, 20); /* acknowledged by now */
    peer_close(&stale, false);
    WANT(peer_hears(&hall, &client, "origin_reset"));
    WANT_INT(cell(cells()->replays), 0);
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(a_refused_connection_is_tried_at_another_instance)
{
    struct peer client, origin;
    hall_open(&hall, 1);
    WANT(close(hall.origin_fds[0]) == 0);
    WANT(hall_publish(&hall, TWO_TARGETS, hall.origin_ports[0], hall.origin_ports[1]));
    for (int i = 0; i < 4; i++) {
        hall_client(&hall, 0, &client);
        WANT(peer_say(&hall, &client, STR(GET_ROOT)));
        WANT(hall_accept(&hall, 1, &origin));
        WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
        WANT(peer_say(&hall, &origin, STR("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok")));
        peer_close(&origin, false);
        WANT(peer_hears(&hall, &client, "ok"));
        peer_close(&client, false);
    }
    WANT(cell(cells()->retries) > 0);
    WANT_INT(cell(cells()->retries), cell(cells()->connect_failures));
    hall.origin_fds[0] = dup(hall.origin_fds[1]);
    hall_close(&hall);
}

TEST(when_all_refuse_the_answer_is_502)
{
    struct peer client;
    hall_open(&hall, 1);
    WANT(close(hall.origin_fds[0]) == 0);
    WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR(GET_ROOT)));
    WANT(peer_hears(&hall, &client, "502 Bad Gateway"));
    WANT(peer_hears(&hall, &client, "origin_connect"));
    peer_close(&client, false);
    hall.origin_fds[0] = dup(hall.origin_fds[1]);
    hall_close(&hall);
}

TEST(an_instance_that_does_not_answer_is_given_up_and_remembered_as_slow)
{
    static const char *const timeouts[] = {"response: 40ms", "total: 40ms"};
    for (size_t i = 0; i < COUNT_OF(timeouts); i++) {
        struct peer client, origin;
        hall_open(&hall, 1);
        WANT(hall_publish(&hall,
                          "listeners: { http: { port: 1 } }\n"
                          "services: { it: { targets: [127.0.0.1:%u] } }\n"
                          "routes: { all: { match: /*, to: it, timeout: { %s } } }\n",
                          hall.origin_ports[0], timeouts[i]));
        hall_client(&hall, 0, &client);
        WANT(peer_say(&hall, &client, STR(GET_ROOT)));
        WANT(hall_accept(&hall, 0, &origin));
        WANT(peer_hears(&hall, &client, "504 Gateway Timeout"));
        WANT(peer_ends(&hall, &origin));
        const struct balance_set *set =
            roster_set_of(&hall.roster, hall.snapshot->services[0].versions[0].cluster);
        WANT(balance_cost_ns(set->endpoints[0], hall.core->loop.now_ns) > 1000000000);
        peer_close(&origin, false);
        peer_close(&client, false);
        hall_close(&hall);
    }
}

static unsigned count_of(const struct peer *peer, const char *text)
{
    unsigned count = 0;
    const char *at = peer->heard, *end = peer->heard + peer->heard_len;
    while ((at = memmem(at, (size_t)(end - at), text, strlen(text))) != NULL) {
        count++;
        at += strlen(text);
    }
    return count;
}

TEST(a_message_that_was_cut_for_lack_of_memory_is_never_begun_again)
{
    for (uint32_t after = 0; after < 6; after++) {
        for (int side = 0; side < 2; side++) {
            struct peer client, origin;
            hall_open(&hall, 1);
            WANT(hall_publish(&hall, ONE_ATTEMPT, hall.origin_ports[0]));
            hall_client(&hall, 0, &client);
            hall.nudges = true;
            fault_set((struct fault){.bytes_max = 5});
            hall.core->blocks.fail_after = side == 0 ? after : UINT32_MAX;
            WANT(peer_say(&hall, &client, STR(GET_ROOT)));
            if (hall_accept_within(&hall, 0, &origin, 30)) {
                hall.core->blocks.fail_after = side == 1 ? after : hall.core->blocks.fail_after;
                for (int i = 0; i < 30 && !origin.has_ended; i++) {
                    (void)peer_hears_bytes(&hall, &origin, 1);
                    hall_run_ms(&hall, 1);
                }
                (void)peer_say(&hall, &origin, STR(SAYS_OK));
                WANT(count_of(&origin, "GE") <= 1);
            }
            fault_set((struct fault){0});
            (void)peer_hears(&hall, &client, "\r\n\r\nok");
            WANT(count_of(&client, "HT") <= 1);
            WANT(client.has_ended || client.heard_len > 0);
            hall.core->blocks.fail_after = UINT32_MAX;
            peer_close(&origin, false);
            peer_close(&client, false);
            hall_close(&hall);
        }
    }
}

TEST(an_answer_that_came_too_short_at_once_is_a_502_and_not_a_cut_one)
{
    static const struct {
        size_t length, sent;
        bool is_whole;
    } rows[] = {{10, 3, false}, {10, 0, false}, {10, 10, true}, {200000, 100000, false}};
    static char body[200000];
    memset(body, 'x', sizeof body);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer client, origin;
        char room[128];
        struct strbuf head = strbuf_over(room, sizeof room);
        hall_open(&hall, 1);
        WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[0]));
        hall_client(&hall, 0, &client);
        WANT(peer_say(&hall, &client, STR(GET_ROOT)));
        WANT(hall_accept(&hall, 0, &origin));
        WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
        strbuf_add_fmt(&head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", rows[i].length);
        /* No turn of the loop in between: all of it is there at once, and the end. */
        WANT(write(origin.fd, room, head.len) == (ssize_t)head.len);
        WANT(write(origin.fd, body, rows[i].sent) == (ssize_t)rows[i].sent);
        WANT_INT(shutdown(origin.fd, SHUT_WR), 0);
        if (rows[i].is_whole) {
            WANT(peer_hears(&hall, &client, "\r\n\r\nxxxxxxxxxx"));
        } else {
            WANT(peer_hears(&hall, &client, "502 Bad Gateway"));
            WANT(peer_hears(&hall, &client, "origin_truncated"));
            WANT(peer_say(&hall, &client, STR("GET /no HTTP/1.1\r\n"))); /* it goes on */
        }
        WANT(!client.is_reset);
        peer_close(&origin, false);
        peer_close(&client, false);
        hall_close(&hall);
    }
}

TEST(a_head_that_grows_on_its_way_is_refused_only_above_the_largest_room)
{
    static const struct {
        unsigned sent, added; /* fields of 1,000 bytes that the client sends, that the route adds */
        bool fits;
    } rows[] = {{20, 90, true}, {7, 110, true}, {1, 120, true}, {20, 120, false}};
    static char yaml[1 << 18], request[1 << 16];
    char value[980];
    memset(value, 'v', sizeof value);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer client, origin;
        struct strbuf file = strbuf_over(yaml, sizeof yaml);
        struct strbuf head = strbuf_over(request, sizeof request);
        hall_open(&hall, 1);
        strbuf_add_fmt(&file, ONE_SERVICE, hall.origin_ports[0]);
        file.len -= 4; /* inside of the route */
        strbuf_add(&file, STR(", headers: { request: { set: {"));
        for (unsigned j = 0; j < rows[i].added; j++) {
            strbuf_add_fmt(&file, "%s X-A-%u: %.*s", j > 0 ? "," : "", j, (int)sizeof value, value);
        }
        strbuf_add(&file, STR("} } } } }\n"));
        WANT(hall_publish(&hall, "%.*s", STR_FMT(strbuf_str(&file))));
        strbuf_add(&head, STR("GET / HTTP/1.1\r\nHost: a\r\n"));
        for (unsigned j = 0; j < rows[i].sent; j++) {
            strbuf_add_fmt(&head, "X-C-%u: %.*s\r\n", j, (int)sizeof value, value);
        }
        strbuf_add(&head, STR("\r\n"));
        hall_client(&hall, 0, &client);
        WANT(peer_say(&hall, &client, strbuf_str(&head)));
        if (rows[i].fits) {
            WANT(hall_accept(&hall, 0, &origin));
            WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
            WANT(origin.heard_len > (rows[i].sent + rows[i].added) * sizeof value);
            peer_close(&origin, false);
        } else {
            WANT(peer_hears(&hall, &client, "431 "));
        }
        peer_close(&client, false);
        hall_close(&hall);
    }
}
