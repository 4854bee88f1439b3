/* respond_test.c - what a client gets: the framing it can read, interim responses, answers before
 * the request has ended, and replies of our own that it takes slowly. */
#define _GNU_SOURCE
#include "hall.h"

#include "edge/session.h"

#include <sys/socket.h>

#define ONE_SERVICE                                                                                \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { targets: [127.0.0.1:%u], retry: off } }\n"                                              \
    "routes: { all: { match: /*, to: it } }\n"
#define GET_ROOT "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define SAYS_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define CHUNKED_OK "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n"

static struct hall hall;

static void open_hall(void)
{
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[0]));
}

static bool has(const struct peer *peer, const char *text)
{
    return memmem(peer->heard, peer->heard_len, text, strlen(text)) != NULL;
}

TEST(every_client_gets_the_framing_that_it_can_read)
{
    static const struct {
        const char *request, *answer, *wanted, *unwanted;
        bool ends;
    } rows[] = {
        {GET_ROOT, CHUNKED_OK, "2\r\nok\r\n0\r\n\r\n", "X-T", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n", CHUNKED_OK,
         "0\r\nX-T: 1\r\n\r\n", "content-length", false},
        {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", CHUNKED_OK, "\r\n\r\nok", "chunked", true},
        {"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", SAYS_OK, "keep-alive", "chunked",
         false},
        {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
         "Content-Length: 5", "chunked", false},
        {GET_ROOT, "HTTP/1.1 204 No Content\r\n\r\n", "204", "ength", false},
        {GET_ROOT, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", "304", "chunked", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", SAYS_OK, "Connection: close",
         "keep-alive", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer client, origin;
        open_hall();
        hall_client(&hall, 0, &client);
        WANT(peer_say(&hall, &client, str_from_c(rows[i].request)));
        WANT(hall_accept(&hall, 0, &origin));
        WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
        WANT(peer_say(&hall, &origin, str_from_c(rows[i].answer)));
        WANT(peer_hears(&hall, &client, rows[i].wanted));
        hall_run_ms(&hall, 3);
        WANT(has(&client, "Date: "));
        WANT(!has(&client, rows[i].unwanted));
        if (rows[i].ends) {
            WANT(peer_ends(&hall, &client));
        } else {
            WANT_INT(hall_session(&hall)->state, SESSION_IDLE);
        }
        peer_close(&origin, false);
        peer_close(&client, false);
        hall_close(&hall);
    }
}

TEST(an_interim_response_that_had_to_wait_is_sent_when_the_client_reads)
{
    struct peer client, origin;
    open_hall();
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client,
                  STR("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                      "Content-Length: 2\r\n\r\n")));
    WANT(hall_accept(&hall, 0, &origin));
    WANT(peer_hears(&hall, &origin, "100-continue"));
    struct session *session = hall_session(&hall);
    session->stream.can_write = false;
    WANT(peer_say(&hall, &origin, STR("HTTP/1.1 100 Continue\r\n\r\n")));
    hall_run_ms(&hall, 3);
    WANT(session->stream.queued_bytes > 0);
    hall_unclog(session);
    WANT(peer_hears(&hall, &client, "HTTP/1.1 100 Continue\r\n\r\n"));
    WANT(peer_say(&hall, &client, STR("hi")));
    WANT(peer_hears(&hall, &origin, "\r\n\r\nhi"));
    WANT(peer_say(&hall, &origin, STR(SAYS_OK)));
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    peer_close(&origin, false);
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(an_answer_before_the_upload_has_ended_drains_a_short_rest_and_closes_on_a_long_one)
{
    static const struct {
        const char *request, *rest;
        bool ends;
    } rows[] = {
        {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", "defghij", false},
        {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\nabc", "def", true},
        {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "0\r\n\r\n",
         true},
        {"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", "", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer client, origin;
        open_hall();
        hall_client(&hall, 0, &client);
        WANT(peer_say(&hall, &client, str_from_c(rows[i].request)));
        WANT(hall_accept(&hall, 0, &origin));
        WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
        WANT(peer_say(&hall, &origin, STR("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")));
        WANT(peer_hears(&hall, &client, "\r\n\r\nno"));
        WANT(has(&client, "Connection: close") == rows[i].ends);
        peer_forget(&client);
        (void)peer_say(&hall, &client, str_from_c(rows[i].rest));
        if (rows[i].ends) {
            WANT(peer_ends(&hall, &client));
            WANT(!client.is_reset);
        } else {
            peer_close(&origin, false);
            WANT(peer_say(&hall, &client, STR(GET_ROOT)));
            WANT(hall_accept(&hall, 0, &origin));
            WANT(peer_say(&hall, &origin, STR(SAYS_OK)));
            WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
        }
        peer_close(&origin, false);
        peer_close(&client, false);
        hall_close(&hall);
    }
}

TEST(a_reply_that_is_taken_slowly_outlives_the_instance_that_it_is_about)
{
    struct peer client, origin;
    open_hall();
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR(GET_ROOT)));
    WANT(hall_accept(&hall, 0, &origin));
    WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
    struct session *session = hall_session(&hall);
    session->stream.can_write = false;
    peer_close(&origin, true);
    hall_run_ms(&hall, 5);
    WANT_INT(session->ex->state, EX_REPLYING);
    /* Discovery takes the instance away meanwhile. */
    WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[1]));
    roster_sweep(&hall.roster);
    roster_sweep(&hall.roster);
    roster_sweep(&hall.roster);
    hall_unclog(session);
    WANT(peer_hears(&hall, &client, "origin_reset"));
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(an_upload_that_fails_in_the_middle_is_told_apart_from_one_of_the_origin)
{
    struct peer client, origin;
    open_hall();
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client,
                  STR("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")));
    WANT(hall_accept(&hall, 0, &origin));
    WANT(peer_hears(&hall, &origin, "abc"));
    WANT(peer_say(&hall, &client, STR("xyz\r\n")));
    WANT(peer_hears(&hall, &client, "400 Bad Request"));
    WANT(peer_hears(&hall, &client, "bad_chunk"));
    WANT(peer_ends(&hall, &origin)); /* it may not take the upload for whole */
    WANT(!has(&origin, "0\r\n\r\n"));
    WANT(peer_ends(&hall, &client));
    peer_close(&origin, false);
    peer_close(&client, false);
    hall_close(&hall);
}
