/* life_test.c - the way of an exchange to an instance: policies that wait or reply, versions, the
 * line of those who wait for a free instance, and every end before an answer. */
#include "hall.h"

#include "edge/session.h"
#include "exchange/policy.h"

#include <sys/socket.h>

#define GET_ROOT "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define SAYS_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define PAUSED                                                                                     \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { targets: [127.0.0.1:%u] } }\n"                                              \
    "routes: { all: { match: /*, to: it, timeout: { %s }, pause: { count: 1 } } }\n"
/* One request at a time at each instance. */
#define NARROW                                                                                     \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { targets: [127.0.0.1:%u], connections: { max: %u },\n"                       \
    "  queue: { size: %u, wait: %s } } }\n"                                                        \
    "routes: { all: { match: /*, to: it } }\n"

static struct hall hall;

static void ask(struct peer *client)
{
    hall_client(&hall, 0, client);
    WANT(peer_say(&hall, client, STR(GET_ROOT)));
    hall_turn(&hall);
}

/* Reads a request at the origin and answers it; the connection stays open. */
static void answer(struct peer *origin)
{
    WANT(peer_hears(&hall, origin, "\r\n\r\n"));
    peer_forget(origin);
    WANT(peer_say(&hall, origin, STR(SAYS_OK)));
}

static const struct service *service_at(uint32_t at)
{
    return hall.snapshot->services[at].service;
}

TEST(requests_that_no_origin_sees_are_answered_here)
{
    static const struct {
        const char *request, *answer;
    } rows[] = {
        {"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "404 Not Found"},
        {"POST /only-get HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "Allow: GET"},
        {"GET /moved/x?q HTTP/1.1\r\nHost: a\r\n\r\n", "Location: http://a/new/x?q"},
        {"GET /teapot HTTP/1.1\r\nHost: a\r\n\r\n", "short and stout"},
        {"HEAD /teapot HTTP/1.1\r\nHost: a\r\n\r\n", "418"},
        {"GET /old HTTP/1.1\r\nHost: a\r\n\r\n", "no_version"},
        {"PUT /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n12345678901", "body_bytes"},
        {"GET / HTTP/1.1\r\n\r\n", "bad_host"},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
    };
    struct peer client;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall,
                      "listeners: { http: { port: 1 } }\n"
                      "services:\n"
                      "  it: { targets: [127.0.0.1:%u] }\n"
                      "  old: { versions: { v1: { weight: 0, targets: [127.0.0.1:%u] } } }\n"
                      "routes:\n"
                      "  get: { match: GET /only-get, to: it }\n"
                      "  old: { match: /old, to: old }\n"
                      "  small: { match: /small, to: it, body_limit: 10B }\n"
                      "  moved: { match: /moved/*, redirect: { path: \"/new/*\" } }\n"
                      "  tea: { match: /teapot, respond: { status: 418, body: short and stout,"
                      " headers: { X-Kind: pot } } }\n",
                      hall.origin_ports[0], hall.origin_ports[1]));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        hall_client(&hall, 0, &client);
        WANT(peer_say(&hall, &client, str_from_c(rows[i].request)));
        WANT(peer_hears(&hall, &client, rows[i].answer));
        peer_close(&client, false);
    }
    hall_close(&hall);
}

TEST(a_policy_that_waits_goes_on_when_it_resumes)
{
    struct peer client, origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, PAUSED, hall.origin_ports[0], "total: 5s"));
    hall_pause.waits = true;
    ask(&client);
    WANT(hall_pause.held != NULL);
    exchange_resume(hall_pause.held);
    WANT(hall_accept(&hall, 0, &origin));
    answer(&origin);
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    WANT_INT(hall_pause.ends, 1);
    peer_forget(&client);
    hall_pause.replies = true;
    WANT(peer_say(&hall, &client, STR(GET_ROOT)));
    hall_turn(&hall);
    WANT(hall_pause.held != NULL);
    exchange_resume(hall_pause.held);
    WANT(peer_hears(&hall, &client, "429 Too Many"));
    WANT_INT(hall_pause.ends, 2);
    peer_close(&origin, false);
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(a_policy_that_waits_is_told_when_the_client_has_gone)
{
    struct peer client;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, PAUSED, hall.origin_ports[0], "total: 5s"));
    hall_pause.waits = true;
    ask(&client);
    WANT(hall_pause.held != NULL);
    peer_close(&client, true);
    hall_run_ms(&hall, 20);
    WANT(hall_pause.held == NULL);
    WANT_INT(hall_pause.ends, 1);
    hall_want_idle(&hall);
    hall_close(&hall);
}

/* Fills the way to a client that reads nothing, so that the next answer waits in our queue. */
static struct session *fill_up(struct peer *client)
{
    hall_client(&hall, 0, client);
    hall_turn(&hall);
    struct session *session =
        CONTAINER_OF(hall.core->session_list.next, struct session, node);
    session->stream.can_write = false;
    return session;
}

TEST(a_policy_may_resume_after_its_time_was_over)
{
    struct peer client;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, PAUSED, hall.origin_ports[0], "total: 30ms"));
    hall_pause.waits = true;
    struct session *session = fill_up(&client);
    WANT(send(client.fd, GET_ROOT, sizeof GET_ROOT - 1, 0) > 0);
    for (int i = 0; i < 50 && hall_pause.held == NULL; i++) {
        hall_run_ms(&hall, 1);
        session->stream.can_write = false;
    }
    hall_run_ms(&hall, 60);
    WANT(hall_pause.held != NULL); /* the answer stands in the queue: not over yet */
    WANT_INT(session->ex->state, EX_REPLYING);
    exchange_resume(hall_pause.held);
    session->stream.can_write = true;
    hall.core->conductor->on_client_ready(session->ex, READY_WRITE);
    WANT(peer_hears(&hall, &client, "exchange_timeout"));
    WANT_INT(hall_pause.ends, 1);
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(a_response_that_a_policy_refuses_becomes_an_error)
{
    struct peer client, origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, PAUSED, hall.origin_ports[0], "total: 5s"));
    hall_pause.response_e = ERR_POLICY;
    ask(&client);
    WANT(hall_accept(&hall, 0, &origin));
    answer(&origin);
    WANT(peer_hears(&hall, &client, "500 Internal"));
    WANT_INT(hall_pause.responses, 2); /* the answer, then the error in its place */
    WANT_INT(hall_pause.ends, 1);
    peer_close(&origin, false);
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(who_finds_all_instances_busy_waits_for_one)
{
    struct peer clients[3], origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, NARROW, hall.origin_ports[0], 1U, 8U, "5s"));
    for (int i = 0; i < 3; i++) {
        ask(&clients[i]);
    }
    WANT(hall_accept(&hall, 0, &origin));
    WANT_INT(stats_read(&hall.stats, service_at(0)->cells.queue_depth), 2);
    for (int i = 0; i < 3; i++) {
        answer(&origin);
        WANT(peer_hears(&hall, &clients[i], "\r\n\r\nok"));
    }
    WANT_INT(stats_read(&hall.stats, service_at(0)->cells.connects), 1);
    for (int i = 0; i < 3; i++) {
        peer_close(&clients[i], false);
    }
    peer_close(&origin, false);
    hall_close(&hall);
}

TEST(who_leaves_the_line_lets_the_next_one_go)
{
    struct peer clients[3], origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, NARROW, hall.origin_ports[0], 1U, 8U, "5s"));
    for (int i = 0; i < 3; i++) {
        ask(&clients[i]);
    }
    WANT(hall_accept(&hall, 0, &origin));
    peer_close(&clients[1], true);
    hall_run_ms(&hall, 5);
    answer(&origin);
    answer(&origin);
    WANT(peer_hears(&hall, &clients[2], "\r\n\r\nok"));
    peer_close(&clients[0], false);
    peer_close(&clients[2], false);
    peer_close(&origin, false);
    hall_close(&hall);
}

TEST(waiting_has_a_limit_in_time_and_in_number)
{
    struct peer clients[3], origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, NARROW, hall.origin_ports[0], 1U, 1U, "40ms"));
    for (int i = 0; i < 3; i++) {
        ask(&clients[i]);
    }
    WANT(peer_hears(&hall, &clients[2], "queue_full"));
    WANT(peer_hears(&hall, &clients[1], "queue_timeout"));
    WANT(peer_hears(&hall, &clients[1], "Retry-After: 1"));
    WANT(hall_accept(&hall, 0, &origin));
    answer(&origin);
    WANT(peer_hears(&hall, &clients[0], "\r\n\r\nok"));
    for (int i = 0; i < 3; i++) {
        peer_close(&clients[i], false);
    }
    peer_close(&origin, false);
    hall_close(&hall);
}

TEST(a_version_that_is_full_holds_no_other_version_back)
{
    struct peer stuck, waits, goes, v1, v2;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall,
                      "listeners: { http: { port: 1 } }\n"
                      "services: { it: { cohort: header X-User, connections: { max: 1 },\n"
                      "  queue: { size: 8, wait: 1s }, versions: {\n"
                      "  v1: { weight: 50, targets: [127.0.0.1:%u] },\n"
                      "  v2: { weight: 50, targets: [127.0.0.1:%u] } } } }\n"
                      "routes: { all: { match: /*, to: it } }\n",
                      hall.origin_ports[0], hall.origin_ports[1]));
    /* Users of each version are found by trying. */
    char users[2][64];
    bool has_user[2] = {false, false};
    for (unsigned n = 0; n < 64 && !(has_user[0] && has_user[1]); n++) {
        char text[64];
        struct peer client, origin;
        (void)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\nX-User: %u\r\n\r\n", n);
        hall_client(&hall, 0, &client);
        WANT(peer_say(&hall, &client, str_from_c(text)));
        unsigned at = hall_accept_within(&hall, 0, &origin, 20) ? 0 : 1;
        WANT(at == 0 || hall_accept(&hall, 1, &origin));
        memcpy(users[at], text, sizeof text);
        has_user[at] = true;
        WANT(peer_say(&hall, &origin, STR("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")));
        WANT(peer_hears(&hall, &client, "204"));
        peer_close(&origin, false);
        peer_close(&client, false);
        hall_run_ms(&hall, 5);
    }
    WANT(has_user[0] && has_user[1]);
    hall_client(&hall, 0, &stuck);
    WANT(peer_say(&hall, &stuck, str_from_c(users[0])));
    WANT(hall_accept(&hall, 0, &v1));
    hall_client(&hall, 0, &waits);
    WANT(peer_say(&hall, &waits, str_from_c(users[0])));
    hall_client(&hall, 0, &goes);
    WANT(peer_say(&hall, &goes, str_from_c(users[1])));
    WANT(hall_accept_within(&hall, 1, &v2, 300));
    peer_close(&goes, true);
    peer_close(&waits, true);
    peer_close(&stuck, true);
    peer_close(&v1, false);
    peer_close(&v2, false);
    hall_run_ms(&hall, 20);
    hall_close(&hall);
}

TEST(a_raised_ceiling_lets_everybody_in_who_waits)
{
    struct peer clients[4], origins[4];
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, NARROW, hall.origin_ports[0], 1U, 8U, "5s"));
    for (int i = 0; i < 4; i++) {
        ask(&clients[i]);
    }
    WANT(hall_accept(&hall, 0, &origins[0]));
    WANT(hall_publish(&hall, NARROW, hall.origin_ports[0], 4U, 8U, "5s"));
    WANT(peer_hears(&hall, &origins[0], "\r\n\r\n"));
    peer_forget(&origins[0]);
    WANT(peer_say(&hall, &origins[0], STR(SAYS_OK)));
    for (int i = 1; i < 3; i++) {
        WANT(hall_accept_within(&hall, 0, &origins[i], 200));
    }
    for (int i = 0; i < 4; i++) {
        peer_close(&clients[i], true);
    }
    hall_run_ms(&hall, 20);
    for (int i = 0; i < 3; i++) {
        peer_close(&origins[i], false);
    }
    hall_close(&hall);
}

TEST(who_waits_on_another_core_is_called_too)
{
    struct peer clients[2], origin;
    hall_open(&hall, 2);
    WANT(hall_publish(&hall, NARROW, hall.origin_ports[0], 1U, 8U, "5s"));
    for (uint32_t i = 0; i < 2; i++) {
        hall_client(&hall, i, &clients[i]);
        WANT(peer_say(&hall, &clients[i], STR(GET_ROOT)));
        hall_run_ms(&hall, 5);
    }
    WANT(hall_accept(&hall, 0, &origin));
    answer(&origin);
    WANT(peer_hears(&hall, &clients[0], "\r\n\r\nok"));
    peer_close(&origin, false);
    WANT(hall_accept(&hall, 0, &origin)); /* each core has its own connections */
    answer(&origin);
    WANT(peer_hears(&hall, &clients[1], "\r\n\r\nok"));
    peer_close(&clients[0], false);
    peer_close(&clients[1], false);
    peer_close(&origin, false);
    hall_close(&hall);
}
