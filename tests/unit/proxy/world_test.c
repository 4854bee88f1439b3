/* world_test.c - snapshots from checked configurations: bound to what runs on over reloads, and freed
 * with their last exchange. */
#define _GNU_SOURCE
#include "hall.h"

#include "edge/session.h"

#define FILE_OF(status)                                                                            \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { targets: [127.0.0.1:%u] } }\n"                                              \
    "routes: { it: { match: /it, to: it }, own: { match: /own, respond: { status: " status " } } }\n"

static struct hall hall;

TEST(what_runs_is_the_same_after_a_reload)
{
    hall_open(&hall, 2);
    WANT(hall_publish(&hall, FILE_OF("200"), hall.origin_ports[0]));
    const struct service *service = hall.snapshot->services[0].service;
    const struct cluster *cluster = hall.snapshot->services[0].versions[0].cluster;
    uint64_t hash = hall.snapshot->hash;
    WANT(hall_publish(&hall, FILE_OF("201"), hall.origin_ports[0]));
    WANT(hall.snapshot->services[0].service == service);
    WANT(hall.snapshot->services[0].versions[0].cluster == cluster);
    WANT(hall.snapshot->hash != hash);
    WANT_INT(hall.snapshot->number, 2);
    WANT_INT(hall.worlds, 1); /* nobody used the first */
    hall_close(&hall);
}

TEST(an_exchange_keeps_the_configuration_that_it_began_with)
{
    struct peer client, other, origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, FILE_OF("200"), hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    hall_client(&hall, 0, &other);
    WANT(peer_say(&hall, &client, STR("GET /it HTTP/1.1\r\nHost: a\r\n\r\n")));
    WANT(hall_accept(&hall, 0, &origin));
    /* The route is gone, and so is the service. */
    WANT(hall_publish(&hall, "listeners: { http: { port: 1 } }\n"
                             "routes: { own: { match: /own, respond: { status: 201 } } }\n"));
    WANT_INT(hall.worlds, 2);
    WANT(peer_say(&hall, &other, STR("GET /own HTTP/1.1\r\nHost: a\r\n\r\n")));
    WANT(peer_hears(&hall, &other, "HTTP/1.1 201"));
    WANT(peer_say(&hall, &origin, STR("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")));
    WANT(peer_hears(&hall, &client, "HTTP/1.1 202"));
    hall_run_ms(&hall, 2);
    WANT_INT(hall.worlds, 1);
    WANT(peer_say(&hall, &client, STR("GET /it HTTP/1.1\r\nHost: a\r\n\r\n")));
    WANT(peer_hears(&hall, &client, "404 Not Found"));
    peer_close(&client, false);
    peer_close(&other, false);
    peer_close(&origin, false);
    hall_run_ms(&hall, 2);
    /* The connection that rests belongs to an instance that no configuration names any more. */
    hall_close(&hall);
}

TEST(a_head_that_is_half_read_holds_the_old_configuration_and_is_served_by_it)
{
    struct peer client;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, FILE_OF("200"), hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR("GET /own HT")));
    hall_run_ms(&hall, 3);
    WANT(hall_publish(&hall, FILE_OF("201"), hall.origin_ports[0]));
    WANT_INT(hall.worlds, 2);
    WANT(peer_say(&hall, &client, STR("TP/1.1\r\nHost: a\r\n\r\n")));
    WANT(peer_hears(&hall, &client, "HTTP/1.1 200"));
    hall_run_ms(&hall, 2);
    WANT_INT(hall.worlds, 1);
    peer_close(&client, false);
    hall_close(&hall);
}

TEST(a_hundred_reloads_under_a_client_leave_one_snapshot_and_no_failure)
{
    struct peer client;
    hall_open(&hall, 2);
    WANT(hall_publish(&hall, FILE_OF("200"), hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    for (unsigned i = 0; i < 100; i++) {
        WANT(peer_say(&hall, &client, STR("GET /own HTTP/1.1\r\nHost: a\r\n\r\n")));
        WANT(hall_publish(&hall, FILE_OF("200"), hall.origin_ports[i % 2]));
        WANT(peer_hears(&hall, &client, "HTTP/1.1 200"));
        peer_forget(&client);
        roster_sweep(&hall.roster);
    }
    hall_run_ms(&hall, 2);
    WANT_INT(hall.worlds, 1);
    peer_close(&client, false);
    hall_close(&hall);
}
