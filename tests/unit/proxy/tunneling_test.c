/* tunneling_test.c - listeners that lead to a service without HTTP, from the file to the connection. */
#define _GNU_SOURCE
#include "hall.h"

static struct hall hall;

#define FILE_TCP "listeners: { db: { port: 1, tcp: %s } }\nservices: { db: { targets: [127.0.0.1:%u] } }\n"

TEST(what_a_client_says_reaches_the_instance_of_the_service)
{
    struct peer client, origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, FILE_TCP, "db", hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    WANT(hall_accept(&hall, 0, &origin));
    WANT(peer_say(&hall, &client, STR("no http")));
    WANT(peer_hears(&hall, &origin, "no http"));
    WANT(peer_say(&hall, &origin, STR("indeed")));
    WANT(peer_hears(&hall, &client, "indeed"));
    peer_close(&client, false);
    WANT(peer_ends(&hall, &origin));
    peer_close(&origin, false);
    hall_run_ms(&hall, 3);
    WANT_INT(hall.core->tunnel_count, 0);
    hall_close(&hall);
}

TEST(a_tunnel_holds_no_configuration)
{
    struct peer client, origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, FILE_TCP, "db", hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    WANT(hall_accept(&hall, 0, &origin));
    WANT(hall_publish(&hall, FILE_TCP, "{ service: db, life: 5m }", hall.origin_ports[1]));
    hall_run_ms(&hall, 3);
    WANT_INT(hall.worlds, 1);
    WANT(peer_say(&hall, &client, STR("still here")));
    WANT(peer_hears(&hall, &origin, "still here"));
    peer_close(&client, false);
    peer_close(&origin, false);
    hall_run_ms(&hall, 3);
    hall_close(&hall);
}

TEST(the_next_connection_meets_the_new_configuration)
{
    struct peer client, origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, FILE_TCP, "db", hall.origin_ports[0]));
    WANT(hall_publish(&hall, FILE_TCP, "db", hall.origin_ports[1]));
    hall_client(&hall, 0, &client);
    WANT(hall_accept(&hall, 1, &origin));
    peer_close(&client, false);
    peer_close(&origin, false);
    hall_run_ms(&hall, 3);
    hall_close(&hall);
}
