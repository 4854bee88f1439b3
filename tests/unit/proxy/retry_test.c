#include "proxy/retry.h"

#include "hall.h"
#include "proxy/life.h"

#include <stdlib.h>
#include <unistd.h>

#define SERVICE                                                                                    \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { balance: round_robin, targets: [127.0.0.1:%u, 127.0.0.1:%u], %s } }\n"      \
    "routes: { all: { match: /*, to: it } }\n"
#define GET_ROOT "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST_TWO "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
#define POST_KEY                                                                                   \
    "POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k1\r\nContent-Length: 2\r\n\r\nhi"
#define SAYS_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define SAYS_503 "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"

static struct hall hall;

static const struct service_cells *cells(void)
{
    return &hall.snapshot->services[0].service->cells;
}

static uint64_t cell(uint32_t at)
{
    return stats_read(&hall.stats, at);
}

/* Whichever of the two is asked next. */
static void accept_any(struct peer *origin)
{
    for (int i = 0; i < 200; i++) {
        if (hall_accept_within(&hall, 0, origin, 5) || hall_accept_within(&hall, 1, origin, 5)) {
            return;
        }
    }
    WANT(false); /* nobody was asked */
}

/* `says` is what the service has besides its targets. */
static void ask(struct peer *client, const char *says, const char *request)
{
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, SERVICE, hall.origin_ports[0], hall.origin_ports[1], says));
    hall_client(&hall, 0, client);
    WANT(peer_say(&hall, client, str_from_c(request)));
}

static void close_all(struct peer *client, struct peer *a, struct peer *b)
{
    peer_close(a, false);
    peer_close(b, false);
    peer_close(client, false);
    hall_close(&hall);
}

TEST(a_status_that_is_listed_goes_to_the_other_instance_and_the_connection_is_kept)
{
    struct peer client, first, second;
    ask(&client, "retry: { on: 503, backoff: 1ms }", GET_ROOT);
    accept_any(&first);
    WANT(peer_hears(&hall, &first, "\r\n\r\n"));
    WANT(peer_say(&hall, &first, STR(SAYS_503)));
    accept_any(&second);
    WANT(peer_hears(&hall, &second, "\r\n\r\n"));
    WANT(peer_say(&hall, &second, STR(SAYS_OK)));
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    WANT_INT(cell(cells()->retries), 1);
    WANT_INT(cell(cells()->attempts), 2);
    WANT_INT(cell(cells()->idle), 2); /* the answer that nobody wanted was read to its end */
    close_all(&client, &first, &second);
}

TEST(an_answer_that_is_dropped_half_way_closes_its_connection)
{
    struct peer client, first, second;
    ask(&client, "retry: { on: 503, backoff: 1ms }", GET_ROOT);
    accept_any(&first);
    WANT(peer_hears(&hall, &first, "\r\n\r\n"));
    WANT(peer_say(&hall, &first, STR("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbu")));
    accept_any(&second);
    WANT(peer_ends(&hall, &first));
    WANT(peer_hears(&hall, &second, "\r\n\r\n"));
    WANT(peer_say(&hall, &second, STR(SAYS_OK)));
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    close_all(&client, &first, &second);
}

TEST(the_last_answer_is_passed_on_as_it_is)
{
    struct peer client, first, second;
    ask(&client, "retry: { on: 503, tries: 1, backoff: 1ms }", GET_ROOT);
    accept_any(&first);
    WANT(peer_hears(&hall, &first, "\r\n\r\n"));
    WANT(peer_say(&hall, &first, STR(SAYS_503)));
    accept_any(&second);
    WANT(peer_hears(&hall, &second, "\r\n\r\n"));
    WANT(peer_say(&hall, &second, STR("HTTP/1.1 503 Last\r\nContent-Length: 4\r\nX: y\r\n\r\nlast")));
    WANT(peer_hears(&hall, &client, "X: y"));
    WANT(peer_hears(&hall, &client, "\r\n\r\nlast"));
    close_all(&client, &first, &second);
}

TEST(a_post_that_was_sent_is_not_sent_again_but_with_a_key_it_is)
{
    struct peer client, first, second = {.fd = -1};
    ask(&client, "retry: 2", POST_TWO);
    accept_any(&first);
    WANT(peer_hears(&hall, &first, "hi"));
    hall_run_ms(&hall, 20); /* acknowledged by now */
    peer_close(&first, false);
    WANT(peer_hears(&hall, &client, "origin_reset"));
    WANT_INT(cell(cells()->retries), 0);
    close_all(&client, &first, &second);

    ask(&client, "retry: 2", POST_KEY);
    accept_any(&first);
    WANT(peer_hears(&hall, &first, "hi"));
    hall_run_ms(&hall, 20);
    peer_close(&first, false);
    accept_any(&second);
    WANT(peer_hears(&hall, &second, "\r\n\r\nhi"));
    WANT(peer_say(&hall, &second, STR(SAYS_OK)));
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    close_all(&client, &first, &second);
}

TEST(without_budget_the_failure_is_told)
{
    struct peer client, first, second = {.fd = -1};
    ask(&client, "retry: { budget: 0%, budget_floor: 0 }", GET_ROOT);
    accept_any(&first);
    WANT(peer_hears(&hall, &first, "\r\n\r\n"));
    hall_run_ms(&hall, 20);
    peer_close(&first, false);
    WANT(peer_hears(&hall, &client, "origin_reset"));
    WANT_INT(cell(cells()->retries_over_budget), 1);
    close_all(&client, &first, &second);
}

TEST(when_all_were_tried_they_are_tried_again_after_a_pause)
{
    struct peer client, peers[3];
    ask(&client, "retry: { on: 503, tries: 2, backoff: 1ms }", GET_ROOT);
    for (int i = 0; i < 3; i++) {
        accept_any(&peers[i]);
        WANT(peer_hears(&hall, &peers[i], "\r\n\r\n"));
        WANT(peer_say(&hall, &peers[i],
                      str_from_c(i == 2 ? SAYS_OK
                                        : "HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n")));
    }
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    peer_close(&peers[2], false);
    close_all(&client, &peers[0], &peers[1]);
}

TEST(an_attempt_has_half_of_the_whole_time_and_then_another_one_comes)
{
    struct peer client, first, second;
    ask(&client, "timeout: { total: 400ms }", GET_ROOT);
    accept_any(&first);
    WANT(peer_hears(&hall, &first, "\r\n\r\n"));
    accept_any(&second);
    WANT(peer_ends(&hall, &first));
    WANT(peer_hears(&hall, &second, "\r\n\r\n"));
    WANT(peer_say(&hall, &second, STR(SAYS_OK)));
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    close_all(&client, &first, &second);
}

TEST(what_may_not_be_sent_twice_has_the_whole_time)
{
    struct peer client, first, second = {.fd = -1};
    ask(&client, "timeout: { total: 300ms }", POST_TWO);
    accept_any(&first);
    WANT(peer_hears(&hall, &first, "hi"));
    hall_run_ms(&hall, 200);
    WANT(peer_say(&hall, &first, STR(SAYS_OK)));
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    close_all(&client, &first, &second);
}

TEST(a_client_that_goes_during_a_pause_takes_everything_with_it)
{
    struct peer client, first, second = {.fd = -1};
    ask(&client, "retry: { on: 503, backoff: 1m }", GET_ROOT);
    accept_any(&first);
    WANT(peer_hears(&hall, &first, "\r\n\r\n"));
    WANT(peer_say(&hall, &first, STR("HTTP/1.1 503 Busy\r\nRetry-After: 2\r\n\r\n")));
    hall_run_ms(&hall, 20);
    WANT_INT(hall_session(&hall)->ex->state, EX_PICKING);
    WANT_INT(hall_session(&hall)->ex->error, ERR_ORIGIN_STATUS);
    WANT(!hall_session(&hall)->ex->holds_slot);
    peer_close(&client, true);
    hall_run_ms(&hall, 20);
    peer_close(&first, false);
    hall_want_idle(&hall);
    close_all(&client, &first, &second);
}

TEST(an_interim_response_that_was_passed_on_binds_the_exchange_to_its_instance)
{
    struct peer client, first, second = {.fd = -1};
    ask(&client, "retry: 2", GET_ROOT);
    accept_any(&first);
    WANT(peer_hears(&hall, &first, "\r\n\r\n"));
    WANT(peer_say(&hall, &first, STR("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")));
    WANT(peer_hears(&hall, &client, "103"));
    peer_close(&first, false);
    WANT(peer_hears(&hall, &client, "origin_reset"));
    close_all(&client, &first, &second);
}
