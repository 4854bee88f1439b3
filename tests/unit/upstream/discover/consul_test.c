/* consul_test.c - blocking queries: what is asked, when it is asked again, and indexes that go back. */
#include "source_kit.h"

#include <stdio.h>

static char last[2048];
static _Atomic unsigned step;

#define ONE(port) "[{\"Service\":{\"ID\":\"a\",\"Address\":\"10.0.0.1\",\"Port\":" port "}}]"

/* Step 0: index 7. Step 1: held back, then index 9 with another list. Step 2: index 3. Then none. */
static void respond(struct http_server *server, const char *request, int fd)
{
    (void)snprintf(last, sizeof last, "%s", request);
    switch (atomic_fetch_add(&step, 1)) {
    case 0: http_server_send(fd, "200 OK", "X-Consul-Index: 7\r\n", ONE("80")); break;
    case 1:
        WANT(strstr(request, "index=7") != NULL);
        http_server_send(fd, "200 OK", "X-Consul-Index: 9\r\n", ONE("81"));
        break;
    case 2:
        WANT(strstr(request, "index=9") != NULL);
        http_server_send(fd, "200 OK", "X-Consul-Index: 3\r\n", ONE("82"));
        break;
    case 3:
        WANT(strstr(request, "index=0") != NULL); /* it went back: from the start */
        http_server_send(fd, "500 No leader", "", "");
        break;
    default: http_server_hold(server, fd);
    }
}

TEST(changes_are_waited_for_by_index)
{
    atomic_store(&step, 0);
    kit_start(respond);
    kit_open(&(struct conf_discover){.from = STR("consul://here/my orders"),
                                     .kind = CONF_DISCOVER_CONSUL,
                                     .url = str_from_c(kit_http.base),
                                     .key = STR("my orders"),
                                     .tag = STR("a&b"),
                                     .datacenter = STR("eu"),
                                     .token = STR("t0")});
    kit_run_changes(1);
    WANT(strstr(last, "GET /v1/health/service/my%20orders?passing=1&wait=60s&index=0&tag=a%26b&dc=eu "
                      "HTTP/1.1\r\n") != NULL);
    WANT(strstr(last, "\r\nX-Consul-Token: t0\r\n") != NULL);
    WANT_STR(kit_list(), STR("10.0.0.1:80"));
    kit_run_changes(3);
    WANT_STR(kit_list(), STR("10.0.0.1:82"));
    kit_run_state(DISCOVER_FAILED);
    WANT_STR(str_from_c(kit_source->why), STR("status 500"));
    WANT_STR(kit_list(), STR("10.0.0.1:82"));
    kit_stop(); /* with a question that is held back */
}

static void respond_garbage(struct http_server *server, const char *request, int fd)
{
    (void)server;
    (void)request;
    http_server_send(fd, "200 OK", "X-Consul-Index: 0\r\n",
                     atomic_fetch_add(&step, 1) == 0 ? ONE("80") : "{}");
}

TEST(an_index_that_is_missing_makes_it_a_resource_that_is_polled)
{
    atomic_store(&step, 0);
    kit_start(respond_garbage);
    kit_open(&(struct conf_discover){.from = STR("consul://here/orders"),
                                     .kind = CONF_DISCOVER_CONSUL,
                                     .url = str_from_c(kit_http.base),
                                     .key = STR("orders"),
                                     .every_ms = 40});
    kit_run_changes(1);
    kit_run_state(DISCOVER_FAILED);
    WANT_STR(kit_list(), STR("10.0.0.1:80"));
    kit_stop();
}
