/* relay_test.c - bodies on their way through: every framing in both directions, in pieces of every
 * size, large ones through pipes, ends that come too early, and memory that runs out on the way. */
#define _GNU_SOURCE
#include "hall.h"

#include "edge/session.h"
#include "fault.h"
#include "net/socket.h"
#include "upstream/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#define ONE_SERVICE                                                                                \
    "listeners: { http: { port: 1, timeout: { body: 2s } } }\n"                                    \
    "services: { it: { targets: [127.0.0.1:%u] } }\n"                                              \
    "routes: { all: { match: /*, to: it } }\n"
#define GET_ROOT "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define SAYS_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define CHUNKED_POST                                                                               \
    "POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"                        \
    "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: no\r\n\r\n"

enum { LARGE_BYTES = 1 << 20 };

static struct hall hall;
static char large[LARGE_BYTES];

static void open_hall(void)
{
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[0]));
    memset(large, 'x', sizeof large);
}

static uint64_t received_bytes(void)
{
    return stats_read(&hall.stats, hall.snapshot->listeners[0]->cell_received_bytes);
}

static const struct service_cells *cells(void)
{
    return &hall.snapshot->services[0].service->cells;
}

static bool ends_with(const struct peer *peer, const char *end)
{
    size_t len = strlen(end);
    return peer->heard_len >= len && memcmp(peer->heard + peer->heard_len - len, end, len) == 0;
}

TEST(a_chunked_upload_and_the_request_behind_it_both_arrive_whole)
{
    static const char both[] = CHUNKED_POST "GET /second HTTP/1.1\r\nHost: a\r\n\r\n";
    /* Cut in two everywhere: where the body ends, where the next request begins. */
    for (size_t cut = 0; cut < sizeof both - 1; cut += 3) {
        struct peer client, origin;
        open_hall();
        hall_client(&hall, 0, &client);
        WANT(peer_say(&hall, &client, str_of(both, cut)));
        hall_run_ms(&hall, 0);
        WANT(peer_say(&hall, &client, str_of(both + cut, sizeof both - 1 - cut)));
        WANT(hall_accept(&hall, 0, &origin));
        WANT(peer_hears(&hall, &origin, "0\r\n\r\n"));
        WANT(memmem(origin.heard, origin.heard_len, "X-Trailer", 9) == NULL);
        WANT(memmem(origin.heard, origin.heard_len, "/second", 7) == NULL);
        peer_forget(&origin);
        WANT(peer_say(&hall, &origin, STR(SAYS_OK)));
        WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
        peer_forget(&client);
        WANT(peer_hears(&hall, &origin, "GET /second HTTP/1.1\r\n"));
        WANT(peer_say(&hall, &origin, STR(SAYS_OK)));
        WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
        WANT_INT(received_bytes(), sizeof both - 1); /* each byte counted once */
        peer_close(&origin, false);
        peer_close(&client, false);
        hall_close(&hall);
    }
}

TEST(every_framing_survives_short_reads_and_writes)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz",
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "a\r\nabcdefghij\r\n10\r\nklmnopqrstuvwxyz\r\n0\r\n\r\n"),
        "HTTP/1.1 200 OK\r\n\r\nabcdefghijklmnopqrstuvwxyz",
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        for (size_t bytes = 1; bytes < 40; bytes += bytes < 4 ? 1 : 7) {
            struct peer client, origin;
            open_hall();
            hall.nudges = true;
            hall_client(&hall, 0, &client);
            fault_set((struct fault){.bytes_max = bytes});
            WANT(peer_say(&hall, &client, STR(CHUNKED_POST)));
            WANT(hall_accept(&hall, 0, &origin));
            fault_set((struct fault){.bytes_max = bytes, .every = 5});
            WANT(peer_hears(&hall, &origin, "0\r\n\r\n"));
            WANT(peer_say(&hall, &origin, str_from_c(answers[i])));
            bool is_until_close = i == 2;
            if (is_until_close) {
                socket_shutdown_send(origin.fd);
            }
            WANT(peer_hears(&hall, &client, i == 0 ? "xyz" : "0\r\n\r\n"));
            WANT(memmem(client.heard, client.heard_len, "\r\n\r\n", 4) != NULL);
            fault_set((struct fault){0});
            peer_close(&origin, false);
            peer_close(&client, false);
            hall_close(&hall);
        }
    }
}

/* A large body through both sockets, whatever the pieces. */
TEST(large_bodies_pass_in_both_directions)
{
    struct peer client, origin;
    open_hall();
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n")));
    WANT(hall_accept(&hall, 0, &origin));
    WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
    peer_forget(&origin);
    for (size_t at = 0; at < LARGE_BYTES; at += 65536) {
        WANT(peer_say(&hall, &client, str_of(large + at, 65536)));
        WANT(peer_hears_bytes(&hall, &origin, at + 65536));
    }
    WANT(peer_say(&hall, &origin, STR("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n")));
    WANT(peer_hears(&hall, &client, "\r\n\r\n"));
    peer_forget(&client);
    for (size_t at = 0; at < LARGE_BYTES; at += 65536) {
        WANT(peer_say(&hall, &origin, str_of(large + at, 65536)));
        WANT(peer_hears_bytes(&hall, &client, at + 65536));
    }
    hall_run_ms(&hall, 5);
    WANT_INT(stats_read(&hall.stats, cells()->idle), 1);
    peer_close(&origin, false);
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(an_origin_that_stops_reading_holds_the_client_back)
{
    struct peer client, origin;
    int small = 4096;
    open_hall();
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000000\r\n\r\n")));
    WANT(hall_accept(&hall, 0, &origin));
    (void)setsockopt(origin.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    size_t sent = 0;
    for (int i = 0; i < 3000; i++) {
        ssize_t n = send(client.fd, large, sizeof large, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        hall_turn(&hall);
    }
    WANT(sent < 60000000);
    WANT(hall.core->blocks.used_count <= 8);
    peer_close(&client, true);
    hall_run_ms(&hall, 10);
    peer_close(&origin, false);
    hall_close(&hall);
}

TEST(an_upload_whose_end_stood_in_a_pipe_leaves_a_usable_connection)
{
    struct peer client, origin;
    open_hall();
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 80000\r\n\r\n")));
    WANT(hall_accept(&hall, 0, &origin));
    WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
    WANT(send(client.fd, large, 80000, MSG_NOSIGNAL) == 80000);
    /* One call moves all of it into the pipe; the origin's socket is full. */
    fault_set((struct fault){.error = EAGAIN, .after = 1});
    loop_turn(&hall.core->loop, 10);
    fault_set((struct fault){0});
    WANT_INT(hall_session(&hall)->ex->request_body.left, 0);
    WANT(!hall_session(&hall)->ex->is_request_sent);
    WANT(send(origin.fd, SAYS_OK, sizeof SAYS_OK - 1, MSG_NOSIGNAL) > 0);
    hall_session(&hall)->ex->conn->stream.can_write = false;
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    /* Nothing is left to be drained. */
    WANT_INT(hall_session(&hall)->state, SESSION_IDLE);
    peer_close(&origin, false);
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(a_pipe_that_holds_bytes_goes_with_its_exchange)
{
    struct peer client, origin;
    int small = 4096;
    open_hall();
    hall_client(&hall, 0, &client);
    (void)setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    WANT(peer_say(&hall, &client, STR(GET_ROOT)));
    WANT(hall_accept(&hall, 0, &origin));
    WANT(peer_say(&hall, &origin, STR("HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n")));
    WANT(peer_hears(&hall, &client, "\r\n\r\n"));
    for (int i = 0; i < 400; i++) {
        (void)!send(origin.fd, large, sizeof large, MSG_NOSIGNAL);
        hall_turn(&hall);
    }
    WANT_INT(hall.core->pipes->taken_count, 1);
    peer_close(&client, true);
    hall_run_ms(&hall, 10);
    WANT_INT(hall.core->pipes->taken_count, 0);
    WANT_INT(hall.core->pipes->idle_count, 0);
    peer_close(&origin, false);
    hall_close(&hall);
}

TEST(what_cannot_be_spliced_is_copied_and_what_stands_in_a_pipe_is_never_left_out)
{
    static const struct {
        unsigned after;
        bool is_whole;
    } rows[] = {{0, true}, {1, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer client, origin;
        open_hall();
        hall_client(&hall, 0, &client);
        WANT(peer_say(&hall, &client, STR(GET_ROOT)));
        WANT(hall_accept(&hall, 0, &origin));
        WANT(peer_say(&hall, &origin, STR("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n")));
        WANT(peer_hears(&hall, &client, "\r\n\r\n"));
        peer_forget(&client);
        /* Two calls: into the pipe, out of it. Only splice is called by the gateway here; the sends
         * of the test come before. */
        WANT(send(origin.fd, large, 100000, 0) == 100000);
        fault_set((struct fault){.error = EINVAL, .after = rows[i].after, .times = 1});
        loop_turn(&hall.core->loop, 10);
        fault_set((struct fault){0});
        (void)peer_say(&hall, &origin, str_of(large, 100000));
        if (rows[i].is_whole) {
            WANT(peer_hears_bytes(&hall, &client, 200000));
        } else {
            WANT(peer_ends(&hall, &client));
            WANT(client.is_reset);
        }
        peer_close(&origin, false);
        peer_close(&client, false);
        hall_close(&hall);
    }
}

TEST(an_answer_that_ends_too_early_is_seen_as_cut_by_the_client)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX",
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct peer client, origin;
        open_hall();
        hall_client(&hall, 0, &client);
        WANT(peer_say(&hall, &client, STR(GET_ROOT)));
        WANT(hall_accept(&hall, 0, &origin));
        WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
        WANT(peer_say(&hall, &origin, str_from_c(answers[i])));
        peer_close(&origin, false);
        WANT(peer_ends(&hall, &client));
        WANT(!ends_with(&client, "0\r\n\r\n"));
        peer_close(&client, false);
        hall_close(&hall);
    }
}

TEST(a_body_that_stands_still_ends_the_exchange)
{
    static const struct {
        const char *request, *code;
    } rows[] = {
        {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", "body_timeout"},
        {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", "body_timeout"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer client;
        hall_open(&hall, 1);
        WANT(hall_publish(&hall,
                          "listeners: { http: { port: 1, timeout: { body: 50ms } } }\n"
                          "services: { it: { targets: [127.0.0.1:%u] } }\n"
                          "routes: { all: { match: /*, to: it, timeout: { body: 50ms } } }\n",
                          hall.origin_ports[0]));
        hall_client(&hall, 0, &client);
        WANT(peer_say(&hall, &client, str_from_c(rows[i].request)));
        WANT(peer_hears(&hall, &client, rows[i].code));
        WANT(peer_ends(&hall, &client));
        peer_close(&client, false);
        hall_close(&hall);
    }
}

/* One exchange with a body each way and a client that is slow to read, whatever becomes of it. */
static void go_with_little_memory(void)
{
    struct peer client, origin = {.fd = -1};
    hall_client(&hall, 0, &client);
    hall_turn(&hall);
    if (!list_is_empty(&hall.core->session_list)) {
        hall_session(&hall)->stream.can_write = false;
    }
    (void)peer_say(&hall, &client, STR(CHUNKED_POST));
    if (hall_accept_within(&hall, 0, &origin, 4)) {
        (void)peer_say(&hall, &origin, STR("HTTP/1.1 200 OK\r\nTransfer-Enc"));
        (void)peer_say(&hall, &origin, STR("oding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"));
    }
    hall_run_ms(&hall, 1);
    if (!list_is_empty(&hall.core->session_list)) {
        hall_unclog(hall_session(&hall));
    }
    hall_run_ms(&hall, 2);
    peer_close(&client, true);
    peer_close(&origin, false);
    hall_run_ms(&hall, 1);
    hall_hang_up(&hall);
    hall_want_idle(&hall);
}

TEST(memory_may_run_out_at_any_point_and_everything_is_given_back)
{
    open_hall();
    struct slab *slabs[] = {&hall.core->exchanges, &hall.core->blocks, &hall.core->large_chunks,
                            &hall.core->sessions, &hall.core->conns};
    for (size_t i = 0; i < COUNT_OF(slabs); i++) {
        uint32_t failures = 0;
        for (uint32_t after = 0; after <= 64; after++) {
            uint64_t refused = slabs[i]->refused_total;
            slabs[i]->fail_after = after;
            go_with_little_memory();
            failures += slabs[i]->refused_total > refused;
            bool has_passed = slabs[i]->fail_after != UINT32_MAX;
            slabs[i]->fail_after = UINT32_MAX;
            if (has_passed) {
                break; /* nothing more is taken in one exchange */
            }
        }
        WANT(failures > 0 || slabs[i] == &hall.core->large_chunks);
    }
    hall_close(&hall);
}
