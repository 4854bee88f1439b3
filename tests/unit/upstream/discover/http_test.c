/* http_test.c - an HTTP resource as a source: only a good 200 changes anything. */
#include "source_kit.h"

#include <stdio.h>

static const char *_Atomic status = "200 OK";
static const char *_Atomic body = "[]";
static char seen[2048];

static void respond(struct http_server *server, const char *request, int fd)
{
    (void)server;
    (void)snprintf(seen, sizeof seen, "%s", request);
    http_server_send(fd, status, "", body);
}

static void begin(const char *token, uint8_t empty)
{
    static char url[64];
    status = "200 OK";
    kit_start(respond);
    (void)snprintf(url, sizeof url, "%s/orders", kit_http.base);
    kit_open(&(struct conf_discover){.from = str_from_c(url),
                                     .kind = CONF_DISCOVER_HTTP,
                                     .url = str_from_c(url),
                                     .token = str_from_c(token),
                                     .empty = empty});
}

TEST(a_list_is_followed_as_it_changes)
{
    body = "[\"10.0.0.1:80\"]";
    begin("secret", CONF_EMPTY_KEEP);
    kit_run_changes(1);
    WANT_STR(kit_list(), STR("10.0.0.1:80"));
    WANT(strstr(seen, "GET /orders HTTP/1.1\r\n") != NULL);
    WANT(strstr(seen, "\r\nAuthorization: Bearer secret\r\n") != NULL);
    body = "- {address: 10.0.0.1:80, weight: 2}\n- 10.0.0.2:80\n";
    kit_run_changes(2);
    WANT_STR(kit_list(), STR("10.0.0.1:80 10.0.0.2:80"));
    WANT_INT(kit_source->list.targets[0].weight, 2);
    uint64_t answers = kit_source->answers_total;
    for (int i = 0; i < 100 && kit_source->answers_total < answers + 3; i++) {
        loop_turn(&kit_loop, 10);
    }
    WANT_INT(kit_changes, 2); /* the same list is no change */
    kit_stop();
}

TEST(no_failure_takes_instances_away)
{
    static const char *const rows[][2] = {{"500 Oops", "[]"},
                                          {"404 Not Found", "[]"},
                                          {"302 Found", "[]"},
                                          {"200 OK", "<html>"},
                                          {"200 OK", "- 10.0.0.1:80\n- what?\n"},
                                          {"204 No Content", ""}};
    body = "[\"10.0.0.1:80\"]";
    begin("", CONF_EMPTY_BELIEVE);
    kit_run_changes(1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        status = rows[i][0];
        body = rows[i][1];
        kit_run_state(DISCOVER_FAILED);
        WANT_STR(kit_list(), STR("10.0.0.1:80"));
        WANT(kit_source->why[0] != '\0');
        status = "200 OK";
        body = "[\"10.0.0.1:80\"]";
        kit_run_state(DISCOVER_OK);
    }
    WANT_INT(kit_changes, 1);
    kit_stop();
}

TEST(an_empty_list_is_kept_out_unless_it_is_to_be_believed)
{
    body = "[\"10.0.0.1:80\"]";
    begin("", CONF_EMPTY_KEEP);
    kit_run_changes(1);
    body = "[]";
    kit_run_state(DISCOVER_EMPTY);
    WANT_STR(kit_list(), STR("10.0.0.1:80"));
    kit_stop();
    body = "[\"10.0.0.1:80\"]";
    begin("", CONF_EMPTY_BELIEVE);
    kit_run_changes(1);
    body = "[]";
    kit_run_changes(2);
    WANT_STR(kit_list(), STR(""));
    kit_stop();
}

TEST(a_server_that_is_not_there_is_asked_again_more_slowly)
{
    kit_start(NULL);
    kit_open(&(struct conf_discover){.from = STR("http://127.0.0.1:1/"),
                                     .kind = CONF_DISCOVER_HTTP,
                                     .url = STR("http://127.0.0.1:1/"),
                                     .every_ms = 60000});
    kit_run_state(DISCOVER_FAILED);
    WANT_INT(kit_source->failures, 1);
    int64_t first_ms = kit_source->timer.at_ms - kit_loop.now_ms;
    WANT(first_ms > 300 && first_ms <= 500);
    for (int i = 0; i < 300 && kit_source->failures < 2; i++) {
        loop_turn(&kit_loop, 10);
    }
    WANT(kit_source->timer.at_ms - kit_loop.now_ms > 700);
    kit_stop();
}
