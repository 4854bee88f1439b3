#define _GNU_SOURCE
#include "hall.h"

#include "proxy/affinity.h"

static struct hall hall;

#define SERVICE(extra)                                                                             \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { balance: round_robin, targets: [127.0.0.1:%u, 127.0.0.1:%u],"               \
    " sticky: { cookie: sid, secret: 0123456789abcdeF" extra " } } }\n"                            \
    "routes: { all: { match: /*, to: it } }\n"

/* Who serves a request with these cookies; the cookie that is set, or empty. */
static int serve(const char *cookies, char *given)
{
    struct peer client, origin = {.fd = -1};
    char request[1024];
    int served = -1;
    hall_client(&hall, 0, &client);
    snprintf(request, sizeof request,
             "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: %s\r\n\r\n", cookies);
    WANT(peer_say(&hall, &client, str_from_c(request)));
    /* Whoever it is: a long wait at the one would be lost when it is the other. */
    for (unsigned i = 0; i < 2000 && served < 0; i++) {
        served = hall_accept_within(&hall, i % 2, &origin, 2) ? (int)(i % 2) : -1;
    }
    WANT(served >= 0);
    WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
    WANT(memmem(origin.heard, origin.heard_len, "sid=", 4) == NULL);
    WANT(memmem(origin.heard, origin.heard_len, "other=1", 7) != NULL);
    WANT(peer_say(&hall, &origin,
                  STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")));
    WANT(peer_hears(&hall, &client, "\r\n\r\n"));
    *given = '\0';
    struct str heard = str_of(client.heard, client.heard_len);
    size_t at = str_find_str(heard, STR("Set-Cookie: "));
    if (at < heard.len) {
        struct str line = str_cut(str_skip(heard, at + 12), '\r').head;
        snprintf(given, 400, "%.*s", STR_FMT(line));
    }
    peer_close(&client, false);
    peer_close(&origin, false);
    hall_run_ms(&hall, 2);
    return served;
}

TEST(a_client_stays_and_nobody_else_sees_its_cookie)
{
    char given[400], again[400], cookies[500];
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, SERVICE(", ttl: 1h"), hall.origin_ports[0], hall.origin_ports[1]));
    int first = serve("other=1", given);
    struct str text = str_from_c(given);
    WANT(str_starts(text, STR("sid=")));
    struct str_pair cut = str_cut(text, ';');
    WANT_INT(cut.head.len, 4 + SEAL_TEXT_BYTES(29));
    WANT_STR(cut.tail, STR(" Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"));
    snprintf(cookies, sizeof cookies, "other=1; %.*s", STR_FMT(cut.head));
    for (int i = 0; i < 6; i++) {
        WANT_INT(serve(cookies, again), first);
        WANT_STR(str_from_c(again), STR(""));
    }
    hall_close(&hall);
}

TEST(what_is_no_cookie_of_ours_is_no_error_and_another_is_given)
{
    char given[400];
    static const char *const cookies[] = {
        "sid=; other=1",
        "other=1; sid=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "sid=\"x\"; sid=y; other=1",
    };
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, SERVICE(""), hall.origin_ports[0], hall.origin_ports[1]));
    for (size_t i = 0; i < COUNT_OF(cookies); i++) {
        (void)serve(cookies[i], given);
        WANT(str_starts(str_from_c(given), STR("sid=")));
    }
    hall_close(&hall);
}

TEST(another_epoch_or_secret_makes_it_void_and_a_previous_secret_does_not)
{
    static const struct {
        const char *sticky;
        bool is_good;
    } rows[] = {
        {"secret: 0123456789abcdeF", true},
        {"secret: 0123456789abcdeF, epoch: 1", false},
        {"secret: another-secret-of-ours", false},
        {"secret: another-secret-of-ours, previous: 0123456789abcdeF", true},
    };
    char given[400], cookies[500];
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, SERVICE(""), hall.origin_ports[0], hall.origin_ports[1]));
    (void)serve("other=1", given);
    snprintf(cookies, sizeof cookies, "other=1; %.*s", STR_FMT(str_cut(str_from_c(given), ';').head));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        WANT(hall_publish(&hall,
                          "listeners: { http: { port: 1 } }\n"
                          "services: { it: { targets: [127.0.0.1:%u, 127.0.0.1:%u],"
                          " sticky: { cookie: sid, %s } } }\n"
                          "routes: { all: { match: /*, to: it } }\n",
                          hall.origin_ports[0], hall.origin_ports[1], rows[i].sticky));
        (void)serve(cookies, given);
        WANT((given[0] == '\0') == rows[i].is_good);
    }
    hall_close(&hall);
}

static struct endpoint *endpoint_at(int index)
{
    const struct balance_set *set =
        roster_set_of(&hall.roster, hall.snapshot->services[0].versions[0].cluster);
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->endpoints[i]->addr.port == hall.origin_ports[index]) {
            return set->endpoints[i];
        }
    }
    return NULL;
}

TEST(a_draining_instance_keeps_its_clients_a_full_one_lends_them_and_one_that_is_down_loses_them)
{
    char given[400], cookies[500];
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, SERVICE(""), hall.origin_ports[0], hall.origin_ports[1]));
    int first = serve("other=1", given);
    struct endpoint *own = endpoint_at(first);
    snprintf(cookies, sizeof cookies, "other=1; %.*s", STR_FMT(str_cut(str_from_c(given), ';').head));
    endpoint_bar(own, ENDPOINT_BAR_DRAINED);
    WANT_INT(serve(cookies, given), first);
    WANT_STR(str_from_c(given), STR(""));
    endpoint_unbar(own, ENDPOINT_BAR_DRAINED);
    endpoint_set_ceiling(own, 1);
    WANT(endpoint_try_begin(own));
    WANT_INT(serve(cookies, given), 1 - first);
    WANT_STR(str_from_c(given), STR(""));
    endpoint_end(own);
    endpoint_bar(own, ENDPOINT_BAR_HEALTH);
    WANT_INT(serve(cookies, given), 1 - first);
    WANT(str_starts(str_from_c(given), STR("sid=")));
    hall_close(&hall);
}

TEST(the_version_of_its_instance_goes_before_weights_unless_it_has_none)
{
    char given[400], cookies[500];
    static const char world[] = "listeners: { http: { port: 1 } }\n"
                                "services: { it: { versions: { a: { weight: %d, targets: 127.0.0.1:%u },"
                                " b: { weight: %d, targets: 127.0.0.1:%u } },"
                                " sticky: { cookie: sid, secret: 0123456789abcdeF } } }\n"
                                "routes: { all: { match: /*, to: it } }\n";
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, world, 0, hall.origin_ports[0], 1, hall.origin_ports[1]));
    WANT_INT(serve("other=1", given), 1);
    snprintf(cookies, sizeof cookies, "other=1; %.*s", STR_FMT(str_cut(str_from_c(given), ';').head));
    WANT(hall_publish(&hall, world, 1000000, hall.origin_ports[0], 1, hall.origin_ports[1]));
    WANT_INT(serve(cookies, given), 1);
    WANT(hall_publish(&hall, world, 1, hall.origin_ports[0], 0, hall.origin_ports[1]));
    WANT_INT(serve(cookies, given), 0);
    WANT(str_starts(str_from_c(given), STR("sid=")));
    hall_close(&hall);
}
