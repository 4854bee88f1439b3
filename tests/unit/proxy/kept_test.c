#include "proxy/kept.h"

#include "hall.h"

#include <stdlib.h>
#include <unistd.h>

#define SERVICE                                                                                    \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { targets: [127.0.0.1:%u, 127.0.0.1:%u], retry: { backoff: 1ms } } }\n"       \
    "routes: { all: { match: /*, to: it } }\n"
#define SAYS_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static struct hall hall;
static char text[300000];

static bool accept_any(struct peer *origin)
{
    for (int i = 0; i < 40; i++) {
        if (hall_accept_within(&hall, 0, origin, 5) || hall_accept_within(&hall, 1, origin, 5)) {
            return true;
        }
    }
    return false;
}

/* "PUT /" with a body of so many bytes, in chunks of 1,000 or with its length. */
static struct str put_of(size_t bytes, bool is_chunked)
{
    struct strbuf out = strbuf_over(text, sizeof text);
    strbuf_add(&out, STR("PUT / HTTP/1.1\r\nHost: a\r\n"));
    if (is_chunked) {
        strbuf_add(&out, STR("Transfer-Encoding: chunked\r\n\r\n"));
    } else {
        strbuf_add_fmt(&out, "Content-Length: %zu\r\n\r\n", bytes);
    }
    for (size_t i = 0; i < bytes; i++) {
        if (is_chunked && i % 1000 == 0) {
            size_t left = bytes - i < 1000 ? bytes - i : 1000;
            strbuf_add_fmt(&out, "%s%zx\r\n", i == 0 ? "" : "\r\n", left);
        }
        strbuf_add_char(&out, (char)('a' + i * 7 % 26));
    }
    strbuf_add(&out, is_chunked ? STR("\r\n0\r\n\r\n") : STR(""));
    WANT(!strbuf_overflowed(&out));
    return strbuf_str(&out);
}

static void open_all(struct peer *client)
{
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, SERVICE, hall.origin_ports[0], hall.origin_ports[1]));
    hall_client(&hall, 0, client);
}

/* Sends it, lets the first instance fail after `heard` bytes, and compares what both got. */
static void go(size_t bytes, bool is_chunked, size_t heard)
{
    struct peer client, first, second;
    open_all(&client);
    struct str request = put_of(bytes, is_chunked);
    WANT(peer_say(&hall, &client, str_sub(request, 0, request.len / 3)));
    hall_run_ms(&hall, 5);
    WANT(peer_say(&hall, &client, str_skip(request, request.len / 3)));
    WANT(peer_say(&hall, &client, STR("GET /next HTTP/1.1\r\nHost: a\r\n\r\n")));
    WANT(accept_any(&first));
    WANT(peer_hears_bytes(&hall, &first, heard));
    peer_close(&first, true);
    WANT(accept_any(&second));
    WANT(peer_hears(&hall, &second, is_chunked ? "\r\n0\r\n\r\n" : "\r\n\r\n"));
    WANT(peer_hears_bytes(&hall, &second, bytes));
    hall_run_ms(&hall, 10);
    struct str got = peer_heard(&second);
    size_t payload = 0;
    for (size_t i = str_find(got, '\r'); i < got.len; i++) {
        char wanted = (char)('a' + payload * 7 % 26);
        payload += i > 4 && got.at[i] == wanted && payload < bytes;
    }
    WANT_INT(payload, bytes);
    WANT(peer_say(&hall, &second, STR(SAYS_OK)));
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    WANT(peer_hears(&hall, &second, "GET /next"));
    peer_close(&second, false);
    peer_close(&client, false);
    hall_run_ms(&hall, 5);
    hall_close(&hall);
}

TEST(a_body_in_pieces_is_sent_again_whole_and_the_next_request_is_not_part_of_it)
{
    static const size_t sizes[] = {5000, 20000, 60000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        go(sizes[i], false, 200);
        go(sizes[i], false, sizes[i]);
        go(sizes[i], true, 200);
        go(sizes[i], true, sizes[i]);
    }
}

TEST(a_body_over_the_bound_is_sent_once)
{
    struct peer client, first, second;
    for (int is_chunked = 0; is_chunked < 2; is_chunked++) {
        open_all(&client);
        WANT(peer_say(&hall, &client, put_of(70000, is_chunked == 1)));
        WANT(accept_any(&first));
        WANT(peer_hears_bytes(&hall, &first, 70000));
        hall_run_ms(&hall, 20);
        peer_close(&first, true);
        WANT(peer_hears(&hall, &client, "origin_reset"));
        WANT(!hall_accept_within(&hall, 0, &second, 10));
        WANT(!hall_accept_within(&hall, 1, &second, 10));
        peer_close(&client, false);
        hall_close(&hall);
    }
}

TEST(without_memory_a_body_is_not_kept_and_the_request_goes_out_all_the_same)
{
    struct peer client, first;
    open_all(&client);
    hall.core->large_chunks.fail_after = 0;
    WANT(peer_say(&hall, &client, put_of(40000, false)));
    WANT(accept_any(&first));
    WANT(peer_hears_bytes(&hall, &first, 40000));
    WANT(peer_say(&hall, &first, STR(SAYS_OK)));
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    hall.core->large_chunks.fail_after = UINT32_MAX;
    peer_close(&first, false);
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(a_client_that_fails_while_its_body_waits_for_another_attempt_leaves_nothing)
{
    struct peer client, first;
    open_all(&client);
    struct str request = put_of(30000, false);
    WANT(peer_say(&hall, &client, str_sub(request, 0, 20000)));
    WANT(accept_any(&first));
    WANT(peer_hears_bytes(&hall, &first, 1000));
    peer_close(&first, true);
    peer_close(&client, true);
    hall_run_ms(&hall, 30);
    hall_close(&hall);
}
