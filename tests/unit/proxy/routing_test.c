/* routing_test.c - what the conductor asks of compiled routes: preflights under the method that they
 * ask about, Allow, rewritten paths, redirects, and who belongs to which cohort. */
#define _GNU_SOURCE
#include "hall.h"

#include "edge/session.h"
#include "proxy/routing.h"


static struct hall hall;

/* Sends a request and wants the first line that an origin gets, or what the client gets. */
static void want_line(const char *request, const char *at_origin, const char *at_client)
{
    struct peer client, origin = {.fd = -1};
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, str_from_c(request)));
    if (at_origin != NULL) {
        WANT(hall_accept(&hall, 0, &origin));
        WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
        WANT(origin.heard_len >= strlen(at_origin) &&
             memcmp(origin.heard, at_origin, strlen(at_origin)) == 0);
        WANT(peer_say(&hall, &origin, STR("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")));
    }
    WANT(peer_hears(&hall, &client, at_client));
    peer_close(&client, false);
    peer_close(&origin, false);
    hall_run_ms(&hall, 2);
}

TEST(paths_are_rewritten_and_redirected_as_the_match_found)
{
    hall_open(&hall, 1);
    WANT(hall_publish(&hall,
                      "listeners: { http: { port: 1 } }\n"
                      "services: { it: { targets: [127.0.0.1:%u] } }\n"
                      "routes:\n"
                      "  prefix: { match: /old/*, to: it, rewrite: \"/new/*\" }\n"
                      "  param: { match: \"/users/{id}/mail\", to: it, rewrite: \"/m/{id}\" }\n"
                      "  moved: { match: /moved/*, redirect: { scheme: https, path: \"/x/*\","
                      " status: 308 } }\n",
                      hall.origin_ports[0]));
    want_line("GET /old/a%20b?q=1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /new/a%20b?q=1 HTTP/1.1", "204");
    want_line("GET /users/7/mail HTTP/1.1\r\nHost: a\r\n\r\n", "GET /m/7 HTTP/1.1", "204");
    want_line("GET /moved/y?q HTTP/1.1\r\nHost: a\r\n\r\n", NULL, "Location: https://a/x/y?q");
    hall_close(&hall);
}

TEST(a_preflight_is_for_the_route_of_the_method_that_it_asks_about)
{
    hall_open(&hall, 1);
    WANT(hall_publish(&hall,
                      "listeners: { http: { port: 1 } }\n"
                      "services: { it: { targets: [127.0.0.1:%u] } }\n"
                      "routes: { put: { match: PUT /x, to: it, cors: { origins: \"https://p.example\","
                      " methods: [PUT] } } }\n",
                      hall.origin_ports[0]));
    want_line("OPTIONS /x HTTP/1.1\r\nHost: a\r\nOrigin: https://p.example\r\n"
              "Access-Control-Request-Method: PUT\r\n\r\n",
              NULL, "Access-Control-Allow-Origin: https://p.example");
    want_line("OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n", NULL, "Allow: PUT");
    want_line("OPTIONS /x HTTP/1.1\r\nHost: a\r\nOrigin: https://p.example\r\n"
              "Access-Control-Request-Method: DELETE\r\n\r\n",
              NULL, "405 Method Not Allowed");
    hall_close(&hall);
}

TEST(a_cohort_is_told_by_what_the_service_says)
{
    struct peer client, origin;
    hall_open(&hall, 1);
    WANT(hall_publish(&hall,
                      "listeners: { http: { port: 1 } }\n"
                      "services: { it: { targets: [127.0.0.1:%u] } }\n"
                      "routes: { all: { match: /*, to: it } }\n",
                      hall.origin_ports[0]));
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client,
                  STR("GET / HTTP/1.1\r\nHost: a\r\nX-User: u7\r\nCookie: a=b; sid=s1\r\n\r\n")));
    WANT(hall_accept(&hall, 0, &origin));
    struct exchange *ex = hall_session(&hall)->ex;
    static const struct {
        uint8_t cohort;
        const char *name, *key;
    } rows[] = {{PLAN_COHORT_NONE, "", NULL},          {PLAN_COHORT_HEADER, "X-User", "u7"},
                {PLAN_COHORT_HEADER, "X-None", NULL},  {PLAN_COHORT_COOKIE, "sid", "s1"},
                {PLAN_COHORT_COOKIE, "none", NULL},    {PLAN_COHORT_CONSUMER, "", NULL}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct plan_service to = {.cohort = rows[i].cohort,
                                        .cohort_name = str_from_c(rows[i].name)};
        struct str key = {0};
        WANT(routing_cohort_key(ex, &to, &key) == (rows[i].key != NULL));
        if (rows[i].key != NULL) {
            WANT_STR(key, str_from_c(rows[i].key));
        }
    }
    const struct plan_service by_address = {.cohort = PLAN_COHORT_ADDRESS};
    struct str key;
    WANT(routing_cohort_key(ex, &by_address, &key));
    WANT_INT(key.len, 16);
    ex->consumer = STR("acme");
    const struct plan_service by_consumer = {.cohort = PLAN_COHORT_CONSUMER};
    WANT(routing_cohort_key(ex, &by_consumer, &key));
    WANT_STR(key, STR("acme"));
    peer_close(&client, true);
    peer_close(&origin, false);
    hall_run_ms(&hall, 5);
    hall_close(&hall);
}
