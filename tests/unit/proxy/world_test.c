/* world_test.c - snapshots are compiled, replaced while exchanges use them, and freed after. */
#include "hall.h"

#include "proxy/plan.h"

static struct hall hall;

#define ONE                                                                                        \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { targets: [127.0.0.1:%u], balance: %s } }\n"                                 \
    "routes: { all: { match: /*, to: it, timeout: { total: %s } } }\n"

TEST(a_snapshot_says_what_the_file_says)
{
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ONE, hall.origin_ports[0], "round_robin", "3s"));
    const struct snapshot *snapshot = hall.snapshot;
    WANT_INT(snapshot->plan_count, 1);
    WANT_STR(snapshot->plans[0].name, STR("all"));
    WANT_INT(snapshot->plans[0].total_ms, 3000);
    WANT_STR(snapshot->plans[0].to->name, STR("it"));
    WANT_INT(snapshot->plans[0].to->version_count, 1);
    WANT(snapshot->listeners[0] != NULL);
    hall_close(&hall);
}

TEST(a_new_snapshot_keeps_services_and_waits_for_exchanges_of_the_old)
{
    struct peer client, origin;
    hall_open(&hall, 2);
    WANT(hall_publish(&hall, ONE, hall.origin_ports[0], "p2c_ewma", "3s"));
    const struct service *service = hall.snapshot->plans[0].to->service;
    uint64_t hash = hall.snapshot->hash;
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
    WANT(hall_accept(&hall, 0, &origin));
    WANT(hall_publish(&hall, ONE, hall.origin_ports[0], "p2c_ewma", "4s"));
    hall_turn(&hall);
    WANT_INT(hall.worlds, 2);
    WANT(hall.snapshot->plans[0].to->service == service);
    WANT(hall.snapshot->hash != hash);
    WANT(peer_say(&hall, &origin, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")));
    WANT(peer_hears(&hall, &client, "\r\n\r\n"));
    hall_turn(&hall);
    WANT_INT(hall.worlds, 1);
    peer_close(&origin, false);
    peer_close(&client, false);
    hall_close(&hall);
}
