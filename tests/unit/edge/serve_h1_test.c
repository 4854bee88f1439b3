/* serve_h1_test.c - bytes become exchanges: heads in pieces, pipelined, too long, refused; and memory
 * that runs out while they come. */
#include "door.h"

#include "base/check.h"
#include "base/limits.h"

#include <stdlib.h>

#define GET_ROOT "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct door door;

TEST(a_head_may_come_in_any_two_pieces)
{
    static const char head[] = "GET /path?q HTTP/1.1\r\nHost: example.com\r\nX-Y: z\r\n\r\n";
    struct pair pair;
    door_open(&door);
    door_client(&door, &pair);
    for (size_t cut = 1; cut < sizeof head - 1; cut++) {
        WANT(pair_say(&pair, str_of(head, cut)));
        door_run_ms(&door, 0);
        WANT(pair_say(&pair, str_of(head + cut, sizeof head - 1 - cut)));
        for (int i = 0; i < 50 && door.ex == NULL; i++) {
            loop_turn(&door.core.loop, 1);
        }
        WANT(door.ex != NULL);
        if (door.ex == NULL) {
            break;
        }
        WANT_INT(door.e, OK);
        WANT_STR(door.ex->request.path, STR("/path"));
        WANT_STR(door.ex->request.host, STR("example.com"));
        WANT_INT(door.ex->client_in_bytes, sizeof head - 1);
        door_answer(&door, "ok");
    }
    WANT_INT(door.heads, sizeof head - 2);
    pair_close(&pair);
    door_close(&door);
}

TEST(pipelined_requests_are_taken_one_by_one_in_order)
{
    struct pair pair;
    char path[] = "/0";
    door_open(&door);
    door_client(&door, &pair);
    door_say(&door, &pair,
             "GET /0 HTTP/1.1\r\nHost: a\r\n\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
             "PUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHo");
    for (unsigned i = 0; i < 3; i++) {
        WANT_INT(door.heads, i + 1);
        WANT_STR(door.ex->request.path, str_from_c(path));
        path[1]++;
        door_answer(&door, "ok"); /* the body of the third is drained */
        door_run_ms(&door, 2);
    }
    WANT_INT(door.heads, 3);
    door_say(&door, &pair, "st: a\r\n\r\n");
    WANT_INT(door.heads, 4);
    WANT_STR(door.ex->request.path, STR("/3"));
    door_answer(&door, "ok");
    pair_close(&pair);
    door_close(&door);
}

TEST(a_head_that_cannot_be_understood_ends_the_connection_with_its_answer)
{
    static const struct {
        const char *head;
        enum err e;
    } rows[] = {
        {"GET / HTTP/1.1\nHost: a\n\n", ERR_BAD_LINE_END},
        {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", ERR_BAD_REQUEST_LINE},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         ERR_FRAMING},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", ERR_BAD_FIELD_NAME},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pair pair;
        door_open(&door);
        door_client(&door, &pair);
        door_say(&door, &pair, rows[i].head);
        WANT_INT(door.heads, 1);
        WANT(door.e != OK);
        WANT_INT(err_status(door.e), err_status(rows[i].e));
        if (door.ex != NULL) {
            WANT(!session_can_persist(door_session(&door)));
            door_answer(&door, "400");
        }
        WANT_STR(pair_hear(&pair, 100), STR("400"));
        pair_close(&pair);
        door_close(&door);
    }
}

TEST(a_head_grows_to_its_limit_and_not_past_it)
{
    static char head[LIMIT_VALUE_head_bytes * 2];
    for (int is_long = 0; is_long < 2; is_long++) {
        struct pair pair;
        size_t len = 0;
        size_t wanted = is_long ? LIMIT_VALUE(head_bytes) + 1000 : LIMIT_VALUE(head_bytes) - 100;
        door_open(&door);
        door.conf.head_timeout_ms = 1000;
        door_client(&door, &pair);
        len += (size_t)snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: a\r\n");
        while (len < wanted) {
            len += (size_t)snprintf(head + len, 1100, "X-%zu: %01000d\r\n", len, 0);
        }
        len -= is_long ? 0 : 1100;
        head[len] = '\0';
        char *end = strstr(head + len - 1100, "\r\n");
        len = (size_t)(end - head) + 2;
        memcpy(head + len, "\r\n", 3);
        door_say(&door, &pair, head);
        door_run_ms(&door, 20);
        WANT_INT(door.heads, 1);
        WANT_INT(door.e, is_long ? ERR_HEAD_BYTES : OK);
        if (door.ex != NULL) {
            door_answer(&door, "ok");
        }
        pair_close(&pair);
        door_close(&door);
    }
}

TEST(more_than_may_linger_is_not_drained)
{
    static char more[LIMIT_VALUE_linger_bytes + 100000];
    struct pair pair;
    door_open(&door);
    memset(more, 'x', sizeof more);
    door_client(&door, &pair);
    door_say(&door, &pair, "GET / HTTP/1.1\r\n\r\n");
    door_answer(&door, "400");
    size_t sent = 0;
    for (int i = 0; i < 200 && door.core.sessions.used_count > 0 && sent < sizeof more; i++) {
        if (!pair_say(&pair, str_of(more + sent, 4000))) {
            break;
        }
        sent += 4000;
        door_run_ms(&door, 0);
    }
    WANT_INT(door.core.sessions.used_count, 0);
    WANT(sent <= LIMIT_VALUE(linger_bytes) + 70000);
    pair_close(&pair);
    door_close(&door);
}

TEST(an_answer_is_still_read_when_the_listener_went_while_more_requests_waited)
{
    struct pair pair;
    door_open(&door);
    door_client(&door, &pair);
    door_say(&door, &pair, GET_ROOT);
    WANT(pair_say(&pair, STR(GET_ROOT GET_ROOT))); /* not read yet */
    door.generation.listener_count = 0;
    door_answer(&door, "last");
    WANT_STR(pair_hear(&pair, 100), STR("last"));
    door_run_ms(&door, 5);
    struct str rest = pair_hear(&pair, 100);
    WANT_INT(rest.len, 0);
    pair_close(&pair);
    door.generation.listener_count = 1; /* for the one that goes */
    door_run_ms(&door, 5);
    door_close(&door);
}

static void go_through(void)
{
    struct pair pair;
    door_client(&door, &pair);
    (void)pair_say(&pair, STR("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab"));
    door_run_ms(&door, 1);
    if (door.ex != NULL) {
        door_answer(&door, "ok");
    }
    (void)pair_say(&pair, STR("cGET / HTTP/1.1\r\nHost: a\r\nX-1: 1\r\n\r\nGET / HT"));
    door_run_ms(&door, 1);
    if (door.ex != NULL) {
        door_answer(&door, "ok");
    }
    door_run_ms(&door, 1);
    pair_reset(&pair);
    door_run_ms(&door, 1);
    if (door.ex != NULL) {
        door_answer(&door, "ok");
    }
    pair_close(&pair);
    WANT_INT(door.core.exchanges.used_count, 0);
}

TEST(memory_may_run_out_anywhere_and_is_all_given_back)
{
    door_open(&door);
    struct slab *slabs[] = {&door.core.exchanges, &door.core.blocks, &door.core.sessions};
    for (size_t i = 0; i < COUNT_OF(slabs); i++) {
        for (uint32_t after = 0; after < 8; after++) {
            slabs[i]->fail_after = after;
            go_through();
            slabs[i]->fail_after = UINT32_MAX;
        }
    }
    door_close(&door);
}
