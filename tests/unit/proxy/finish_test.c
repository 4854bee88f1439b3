/* finish_test.c - every exchange is counted once, where it belongs, however it ends. */
#include "hall.h"

#include "proxy/plan.h"
#include "stats/stats.h"

static struct hall hall;

#define FILE_TEXT                                                                                  \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { targets: [127.0.0.1:%u] } }\n"                                              \
    "routes: { all: { match: /it, to: it }, tea: { match: /tea, respond: { status: 418 } } }\n"

static uint64_t count_of(uint32_t cell)
{
    return stats_read(&hall.stats, cell);
}

static void ask(const char *request, const char *wanted)
{
    struct peer client;
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, str_from_c(request)));
    WANT(peer_hears(&hall, &client, wanted));
    peer_close(&client, false);
    hall_turn(&hall);
}

TEST(routes_and_errors_are_counted_by_what_was_answered)
{
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, FILE_TEXT, hall.origin_ports[0]));
    const struct plan *tea = &hall.snapshot->plans[1];
    uint32_t cell = tea->cells_requests[0] + stats_code(418);
    uint64_t missing = count_of(CELL_errors + (uint32_t)ERR_NO_ROUTE);
    for (int i = 0; i < 3; i++) {
        ask("GET /tea HTTP/1.1\r\nHost: a\r\n\r\n", "418");
        ask("GET /none HTTP/1.1\r\nHost: a\r\n\r\n", "no_route");
    }
    WANT_INT(count_of(cell), 3);
    WANT_INT(count_of(CELL_errors + (uint32_t)ERR_NO_ROUTE), missing + 3);
    WANT_INT(count_of(CELL_requests_in_flight), 0);
    hall_close(&hall);
}

TEST(a_client_that_leaves_is_counted_and_frees_the_instance)
{
    struct peer client, origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, FILE_TEXT, hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR("GET /it HTTP/1.1\r\nHost: a\r\n\r\n")));
    WANT(hall_accept(&hall, 0, &origin));
    uint64_t gone = count_of(CELL_errors + (uint32_t)ERR_CLIENT_GONE);
    peer_close(&client, true);
    hall_run_ms(&hall, 20);
    WANT_INT(count_of(CELL_errors + (uint32_t)ERR_CLIENT_GONE), gone + 1);
    WANT_INT(count_of(CELL_requests_in_flight), 0);
    peer_close(&origin, false);
    hall_close(&hall);
}
