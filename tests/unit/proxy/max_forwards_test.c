/* max_forwards_test.c - Max-Forwards of OPTIONS and TRACE: counted down, and answered at zero. */
#include "hall.h"

static struct hall hall;

static void open_hall(struct peer *client)
{
    hall_open(&hall, 1);
    WANT(hall_publish(&hall,
                      "listeners: { http: { port: 1 } }\n"
                      "services: { it: { targets: [127.0.0.1:%u] } }\n"
                      "routes:\n"
                      "  some: { match: \"GET,OPTIONS /some\", to: it }\n"
                      "  all: { match: /*, to: it }\n",
                      hall.origin_ports[0]));
    hall_client(&hall, 0, client);
}

TEST(what_may_go_on_is_counted_down)
{
    static const struct {
        const char *method, *value, *sent;
    } rows[] = {
        {"OPTIONS", "1", "Max-Forwards: 0\r\n"},
        {"TRACE", "10", "Max-Forwards: 9\r\n"},
        {"OPTIONS", "007", "Max-Forwards: 6\r\n"},
        {"OPTIONS", "99999999999999999999999", "Max-Forwards: 999\r\n"},
        {"GET", "0", "Max-Forwards: 0\r\n"}, /* not ours to count */
        {"GET", "many", "Max-Forwards: many\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer client, origin;
        char room[256];
        struct strbuf out = strbuf_over(room, sizeof room);
        open_hall(&client);
        strbuf_add_fmt(&out, "%s /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: %s\r\n\r\n",
                       rows[i].method, rows[i].value);
        WANT(peer_say(&hall, &client, strbuf_str(&out)));
        WANT(hall_accept(&hall, 0, &origin));
        WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
        WANT(peer_hears(&hall, &origin, rows[i].sent));
        peer_close(&origin, false);
        peer_close(&client, false);
        hall_close(&hall);
    }
}

TEST(at_zero_the_answer_is_ours)
{
    static const struct {
        const char *request, *answer;
    } rows[] = {
        {"OPTIONS /some", "204 No Content"},
        {"OPTIONS /some", "Allow: GET, HEAD, POST"},
        {"OPTIONS *", "204 No Content"},
        {"TRACE /x", "501 Not Implemented"},
        {"TRACE /x", "trace_refused"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct peer client, origin;
        char room[256];
        struct strbuf out = strbuf_over(room, sizeof room);
        open_hall(&client);
        strbuf_add_fmt(&out, "%s HTTP/1.1\r\nHost: a\r\nMax-Forwards: 000\r\n\r\n",
                       rows[i].request);
        WANT(peer_say(&hall, &client, strbuf_str(&out)));
        WANT(peer_hears(&hall, &client, rows[i].answer));
        WANT(!hall_accept_within(&hall, 0, &origin, 5));
        peer_close(&client, false);
        hall_close(&hall);
    }
}

TEST(what_is_no_single_number_is_refused)
{
    static const char *const values[] = {"x", "-1", "1, 2", "1.0", "0x1", "",
                                         "1\r\nMax-Forwards: 1"};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct peer client;
        char room[256];
        struct strbuf out = strbuf_over(room, sizeof room);
        open_hall(&client);
        strbuf_add_fmt(&out, "OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: %s\r\n\r\n",
                       values[i]);
        WANT(peer_say(&hall, &client, strbuf_str(&out)));
        WANT(peer_hears(&hall, &client, "400 Bad Request"));
        WANT(peer_hears(&hall, &client, "bad_field"));
        peer_close(&client, false);
        hall_close(&hall);
    }
}
