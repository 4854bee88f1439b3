/* session_test.c - client connections: kept, retired, timed out, drained and ended without losing
 * what the client has yet to read. */
#include "door.h"

#include "base/check.h"
#include "base/limits.h"

#include <sys/socket.h>
#include <unistd.h>

#define GET_ROOT "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct door door;

static bool has_ended(struct pair *pair)
{
    char byte;
    return pair_wait(pair->far, 1 /* POLLIN */, 100) && recv(pair->far, &byte, 1, MSG_PEEK) <= 0;
}

TEST(an_idle_connection_owns_nothing_and_ends_after_its_time)
{
    struct pair pair;
    door_open(&door);
    door_client(&door, &pair);
    door_run_ms(&door, 5);
    WANT_INT(door.core.exchanges.used_count, 0);
    WANT_INT(door.core.sessions.used_count, 1);
    door_say(&door, &pair, GET_ROOT);
    door_answer(&door, "one");
    WANT_STR(pair_hear(&pair, 100), STR("one"));
    door_run_ms(&door, 5);
    WANT_INT(door.core.exchanges.used_count, 0);
    door_run_ms(&door, DOOR_IDLE_MS + 30);
    WANT_INT(door.core.sessions.used_count, 0);
    WANT(has_ended(&pair));
    pair_close(&pair);
    door_close(&door);
}

TEST(a_connection_carries_as_many_requests_as_it_may)
{
    struct pair pair;
    door_open(&door);
    door.conf.keepalive_requests_max = 2;
    door_client(&door, &pair);
    door_say(&door, &pair, GET_ROOT);
    WANT(session_can_persist(door_session(&door)));
    door_answer(&door, "1");
    door_say(&door, &pair, GET_ROOT);
    WANT(!session_can_persist(door_session(&door)));
    door_answer(&door, "2");
    door_run_ms(&door, 2);
    WANT_STR(pair_hear(&pair, 100), STR("12"));
    WANT(has_ended(&pair));
    pair_close(&pair);
    door_close(&door);
}

TEST(a_retired_connection_ends_with_the_exchange_that_runs)
{
    struct pair idle, busy, reading;
    door_open(&door);
    door_client(&door, &idle);
    session_retire(door_session(&door));
    WANT(has_ended(&idle));
    door_client(&door, &reading);
    door_say(&door, &reading, "GET / HT");
    session_retire(door_session(&door));
    door_say(&door, &reading, "TP/1.1\r\nHost: a\r\n\r\n");
    WANT_INT(door.heads, 1);
    WANT(!session_can_persist(door_session(&door)));
    door_answer(&door, "read");
    WANT_STR(pair_hear(&reading, 100), STR("read"));
    WANT(has_ended(&reading));
    door_client(&door, &busy);
    door_say(&door, &busy, GET_ROOT);
    session_retire(door_session(&door));
    WANT(!session_can_persist(door_session(&door)));
    door_answer(&door, "busy");
    WANT_STR(pair_hear(&busy, 100), STR("busy"));
    WANT(has_ended(&busy));
    pair_close(&idle);
    pair_close(&reading);
    pair_close(&busy);
    door_close(&door);
}

TEST(a_head_that_does_not_come_to_its_end_is_refused_in_time)
{
    struct pair pair;
    door_open(&door);
    door_client(&door, &pair);
    door_say(&door, &pair, "GET / HT");
    door_run_ms(&door, DOOR_HEAD_MS / 2);
    door_say(&door, &pair, "TP/1.1\r\n"); /* a byte now and then is not enough */
    door_run_ms(&door, DOOR_HEAD_MS);
    WANT_INT(door.heads, 1);
    WANT_INT(door.e, ERR_HEAD_TIMEOUT);
    WANT(door.ex->closes_client);
    door_answer(&door, "408");
    WANT_STR(pair_hear(&pair, 100), STR("408"));
    WANT(has_ended(&pair));
    pair_close(&pair);
    door_close(&door);
}

TEST(while_busy_the_conductor_says_when_the_timer_rings)
{
    struct pair pair;
    door_open(&door);
    door.timer_ms = 10;
    door_client(&door, &pair);
    door_say(&door, &pair, GET_ROOT);
    session_ring_at(door_session(&door), door.core.loop.now_ms + 10);
    session_ring_at(door_session(&door), door.core.loop.now_ms + 5000); /* no later than asked */
    door_run_ms(&door, 60);
    WANT(door.timers >= 3);
    WANT(door.timers <= 8);
    WANT_INT(door_session(&door)->state, SESSION_BUSY);
    door_answer(&door, "ok");
    pair_close(&pair);
    door_close(&door);
}

TEST(a_reset_ends_the_exchange_and_an_orderly_end_does_not)
{
    struct pair pair;
    door_open(&door);
    door_client(&door, &pair);
    door_say(&door, &pair, GET_ROOT);
    (void)shutdown(pair.far, SHUT_WR);
    door_run_ms(&door, 5);
    WANT_INT(door.lost, 0);
    WANT(door.client_ready > 0);
    door_answer(&door, "half");
    WANT_STR(pair_hear(&pair, 100), STR("half"));
    pair_close(&pair);
    door_run_ms(&door, 5);
    WANT_INT(door.core.sessions.used_count, 0);
    door_client(&door, &pair);
    door_say(&door, &pair, GET_ROOT);
    pair_reset(&pair);
    door_run_ms(&door, 5);
    WANT_INT(door.lost, 1);
    WANT_INT(door.e, ERR_CLIENT_GONE);
    pair_close(&pair);
    door_close(&door);
}

TEST(what_is_left_of_an_upload_is_drained_up_to_a_time)
{
    struct pair pair;
    door_open(&door);
    door_client(&door, &pair);
    door_say(&door, &pair, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    door_answer(&door, "no");
    WANT_INT(door_session(&door)->state, SESSION_DRAINING);
    door_say(&door, &pair, "defg");
    WANT_INT(door_session(&door)->state, SESSION_DRAINING);
    door_say(&door, &pair, "hij" GET_ROOT);
    WANT_INT(door.heads, 2);
    door_answer(&door, "yes");
    WANT_STR(pair_hear(&pair, 100), STR("noyes"));
    door_say(&door, &pair, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    door_answer(&door, "no");
    door_session(&door)->deadline_ms = door.core.loop.now_ms; /* instead of two seconds */
    timer_set(&door.core.loop, &door_session(&door)->timer, door.core.loop.now_ms);
    static_assert(LIMIT_VALUE_linger_timeout_ms == 2000, "what was set aside above");
    door_run_ms(&door, 5);
    WANT_INT(door.core.sessions.used_count, 0);
    pair_close(&pair);
    door_close(&door);
}

TEST(an_answer_is_not_reset_away_by_bytes_that_nobody_reads)
{
    struct pair pair;
    static char more[20000];
    door_open(&door);
    memset(more, 'x', sizeof more);
    door_client(&door, &pair);
    door_say(&door, &pair, "GET / HTTP/1.1\r\n\r\n"); /* no Host */
    WANT_INT(door.e, ERR_BAD_HOST);
    WANT(pair_say(&pair, str_of(more, sizeof more)));
    door_answer(&door, "400");
    door_run_ms(&door, 5);
    WANT(pair_say(&pair, str_of(more, sizeof more)));
    door_run_ms(&door, 5);
    WANT_STR(pair_hear(&pair, 100), STR("400"));
    WANT(has_ended(&pair));
    WANT_INT(door_session(&door)->state, SESSION_LINGERING);
    pair_close(&pair);
    door_run_ms(&door, 5);
    WANT_INT(door.core.sessions.used_count, 0);
    door_close(&door);
}

TEST(without_room_a_client_is_refused_and_counted)
{
    struct pair pair;
    door_open(&door);
    door.core.sessions.fail_after = 0;
    door_client(&door, &pair);
    WANT(has_ended(&pair));
    WANT_INT(stats_read(&door.stats, door.conf.cell_refused), 1);
    pair_close(&pair);
    /* Nor without room for an exchange. */
    door_client(&door, &pair);
    door.core.exchanges.fail_after = 0;
    door_say(&door, &pair, GET_ROOT);
    WANT(has_ended(&pair));
    pair_close(&pair);
    /* A process that goes down, and a listener that is not in the configuration any more. */
    door.core.is_draining = true;
    door_client(&door, &pair);
    WANT(has_ended(&pair));
    pair_close(&pair);
    door.core.is_draining = false;
    door.generation.listener_count = 0;
    door_client(&door, &pair);
    WANT(has_ended(&pair));
    pair_close(&pair);
    WANT_INT(stats_read(&door.stats, door.conf.cell_refused), 2);
    door_close(&door);
}
