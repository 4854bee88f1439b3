/* etcd_test.c - first the keys, then what changes, and all over again when the watch ends. */
#include "source_kit.h"

#include <stdio.h>
#include <unistd.h>

static char range_request[2048], watch_request[2048];
static _Atomic unsigned ranges, watches;

/* /o/a -> 10.0.0.1:80 and /o/b -> 10.0.0.2:80. */
#define A "{\"key\":\"L28vYQ==\",\"value\":\"MTAuMC4wLjE6ODA=\"}"
#define B "{\"key\":\"L28vYg==\",\"value\":\"MTAuMC4wLjI6ODA=\"}"

static void respond(struct http_server *server, const char *request, int fd)
{
    if (strstr(request, "POST /v3/kv/range ") != NULL) {
        unsigned round = atomic_fetch_add(&ranges, 1);
        (void)snprintf(range_request, sizeof range_request, "%s", request);
        http_server_send(fd, "200 OK", "",
                         round == 0 ? "{\"header\":{\"revision\":\"5\"},\"kvs\":[" A "]}"
                                    : "{\"header\":{\"revision\":\"9\"},\"kvs\":[" B "]}");
        return;
    }
    unsigned round = atomic_fetch_add(&watches, 1);
    (void)snprintf(watch_request, sizeof watch_request, "%s", request);
    http_server_write(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    if (round == 0) {
        http_server_write(fd, "{\"result\":{\"created\":true}}\n{\"result\":{\"events\":[{\"kv\":" B);
        usleep(20000);
        http_server_write(fd, "}]}}\n");
        usleep(150000);
        http_server_write(fd, "{\"result\":{\"events\":[{\"type\":\"DELETE\",\"kv\":{\"key\":"
                              "\"L28vYQ==\"}}]}}\n{\"result\":{\"canceled\":true}}\n");
        return;
    }
    http_server_hold(server, fd);
}

TEST(keys_are_listed_then_watched_then_listed_anew)
{
    atomic_store(&ranges, 0);
    atomic_store(&watches, 0);
    kit_start(respond);
    kit_open(&(struct conf_discover){.from = STR("etcd://here/o/"),
                                     .kind = CONF_DISCOVER_ETCD,
                                     .url = str_from_c(kit_http.base),
                                     .key = STR("/o/"),
                                     .token = STR("tk")});
    kit_run_changes(1);
    WANT_STR(kit_list(), STR("10.0.0.1:80"));
    WANT(strstr(range_request, "{\"key\":\"L28v\",\"range_end\":\"L28w\"}") != NULL);
    WANT(strstr(range_request, "\r\nAuthorization: tk\r\n") != NULL);
    kit_run_changes(2);
    WANT_STR(kit_list(), STR("10.0.0.1:80 10.0.0.2:80"));
    WANT(strstr(watch_request, "\"start_revision\":\"6\"") != NULL);
    kit_run_changes(3); /* the watch was canceled: the keys of revision 9 */
    WANT_STR(kit_list(), STR("10.0.0.2:80"));
    kit_run_ms(50);
    WANT_INT(atomic_load(&watches), 2);
    WANT(strstr(watch_request, "\"start_revision\":\"10\"") != NULL);
    kit_stop();
}

static void refuse(struct http_server *server, const char *request, int fd)
{
    (void)server;
    (void)request;
    http_server_send(fd, "401 Unauthorized", "", "{\"error\":\"etcdserver: invalid auth token\"}");
}

TEST(a_refusal_is_a_failure)
{
    kit_start(refuse);
    kit_open(&(struct conf_discover){.from = STR("etcd://here/o/"),
                                     .kind = CONF_DISCOVER_ETCD,
                                     .url = str_from_c(kit_http.base),
                                     .key = STR("/o/")});
    kit_run_state(DISCOVER_FAILED);
    WANT_STR(str_from_c(kit_source->why), STR("status 401"));
    WANT_INT(LIMIT_VALUE(discovery_merge_ms), 50);
    kit_stop();
}
