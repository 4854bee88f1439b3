/* routing_test.c - paths for origins, Location and Allow, as the compiled routes say. */
#include "hall.h"

static struct hall hall;

#define ROUTES                                                                                     \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { targets: [127.0.0.1:%u] } }\n"                                              \
    "routes:\n"                                                                                    \
    "  prefix: { match: /api/*, to: it, rewrite: /v1/* }\n"                                        \
    "  params: { match: \"/user/{id}/file\", to: it, rewrite: \"/files/{id}\" }\n"                 \
    "  plain: { match: GET /plain, to: it }\n"                                                     \
    "  put: { match: PUT /plain, to: it }\n"                                                       \
    "  away: { match: /away, redirect: { scheme: https, host: b.example, status: 308 } }\n"

static void forwarded_as(const char *asked, const char *wanted)
{
    char line[256];
    struct peer client, origin;
    struct strbuf out = strbuf_over(line, sizeof line);
    strbuf_add_fmt(&out, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", asked);
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, strbuf_str(&out)));
    WANT(hall_accept(&hall, 0, &origin));
    WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
    WANT(str_starts(peer_heard(&origin), str_from_c(wanted)));
    WANT(peer_say(&hall, &origin, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
                                      "Connection: close\r\n\r\n")));
    WANT(peer_hears(&hall, &client, "\r\n\r\n"));
    peer_close(&origin, false);
    peer_close(&client, false);
}

TEST(origins_get_the_path_that_the_route_makes)
{
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ROUTES, hall.origin_ports[0]));
    forwarded_as("/api", "GET /v1 HTTP/1.1\r\n");
    forwarded_as("/api/a/b?q=1", "GET /v1/a/b?q=1 HTTP/1.1\r\n");
    forwarded_as("/user/7/file", "GET /files/7 HTTP/1.1\r\n");
    forwarded_as("/plain?", "GET /plain? HTTP/1.1\r\n");
    hall_close(&hall);
}

static void answered_with(const char *request, const char *wanted)
{
    struct peer client;
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, str_from_c(request)));
    WANT(peer_hears(&hall, &client, wanted));
    peer_close(&client, false);
}

TEST(redirects_and_methods_not_allowed_say_where_to_go)
{
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ROUTES, hall.origin_ports[0]));
    answered_with("GET /away?q HTTP/1.1\r\nHost: a\r\n\r\n", "Location: https://b.example/away?q");
    answered_with("GET /away HTTP/1.1\r\nHost: a\r\n\r\n", "308 ");
    answered_with("DELETE /plain HTTP/1.1\r\nHost: a\r\n\r\n", "Allow: GET, PUT");
    hall_close(&hall);
}
