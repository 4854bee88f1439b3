/* fetch_test.c - requests of the control plane against a server that answers as it is told. */
#include "net/fetch.h"

#include "http_server.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct http_server server;
static struct loop loop;
static struct fetcher fetcher;
static struct fetch fetch;
static char got_request[4096], got_body[4096], got_error[FETCH_ERROR_BYTES];
static enum err got;
static unsigned done_count, data_count;
static uint16_t got_status;
static uint64_t got_index;

static void respond(struct http_server *self, const char *request, int fd)
{
    (void)snprintf(got_request, sizeof got_request, "%s", request);
    if (strstr(request, "GET /list ") != NULL) {
        http_server_send(fd, "200 OK", "X-Consul-Index: 42\r\n", "[1,2]");
    } else if (strstr(request, "GET /moved ") != NULL) {
        http_server_send(fd, "302 Found", "Location: /list\r\n", "");
    } else if (strstr(request, "GET /cut ") != NULL) {
        http_server_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf");
    } else if (strstr(request, "GET /long ") != NULL) {
        http_server_send(fd, "200 OK", "", "0123456789abcdef");
    } else if (strstr(request, "GET /garbage ") != NULL) {
        http_server_write(fd, "nonsense\r\n\r\n");
    } else if (strstr(request, "GET /stream ") != NULL) {
        http_server_write(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\none\ntw");
        usleep(30000);
        http_server_write(fd, "o\nrest");
    } else if (strstr(request, "GET /hold ") != NULL) {
        http_server_hold(self, fd);
    } else {
        http_server_send(fd, "204 No Content", "", "");
    }
}

static void on_done(struct fetch *ended, enum err e)
{
    got = e;
    got_status = ended->status;
    got_index = ended->index;
    (void)snprintf(got_body, sizeof got_body, "%.*s", STR_FMT(ended->body));
    (void)snprintf(got_error, sizeof got_error, "%s", ended->error);
    done_count++;
}

static void start(void)
{
    WANT(http_server_start(&server, respond));
    WANT_INT(loop_init(&loop), OK);
    fetcher_init(&fetcher, &loop);
    fetch = (struct fetch){0};
    done_count = data_count = 0;
    got = ERR_BUG;
}

static void stop(void)
{
    fetcher_drop(&fetcher);
    loop_drop(&loop);
    http_server_stop(&server);
}

static const char *at(const char *path)
{
    static char url[128];
    (void)snprintf(url, sizeof url, "%s%s", server.base, path);
    return url;
}

static void run_until(unsigned count)
{
    for (int i = 0; i < 500 && done_count < count; i++) {
        loop_turn(&loop, 10);
    }
    WANT_INT(done_count, count);
}

static void get(const char *path)
{
    const struct fetch_conf conf = {.url = at(path), .timeout_ms = 5000, .on_done = on_done};
    WANT_INT(fetch_start(&fetcher, &fetch, &conf), OK);
    run_until(done_count + 1);
}

TEST(an_answer_comes_with_its_status_body_and_index)
{
    start();
    get("/list");
    WANT_INT(got, OK);
    WANT_INT(got_status, 200);
    WANT_INT(got_index, 42);
    WANT_STR(str_from_c(got_body), STR("[1,2]"));
    get("/nothing");
    WANT_INT(got_status, 204);
    WANT_INT(got_index, 0);
    stop();
}

TEST(fields_and_a_body_are_sent)
{
    start();
    const struct fetch_conf conf = {.url = at("/post"),
                                    .headers = {"Authorization: Bearer t", "X-One: 1"},
                                    .body = STR("{\"a\":1}"),
                                    .timeout_ms = 5000,
                                    .on_done = on_done};
    WANT_INT(fetch_start(&fetcher, &fetch, &conf), OK);
    run_until(1);
    WANT(strstr(got_request, "POST /post HTTP/1.1\r\n") != NULL);
    WANT(strstr(got_request, "\r\nAuthorization: Bearer t\r\n") != NULL);
    WANT(strstr(got_request, "\r\nX-One: 1\r\n") != NULL);
    WANT(strstr(got_request, "\r\n\r\n{\"a\":1}") != NULL);
    stop();
}

TEST(a_redirect_is_an_answer_and_not_followed)
{
    start();
    get("/moved");
    WANT_INT(got, OK);
    WANT_INT(got_status, 302);
    WANT_INT(atomic_load(&server.requests), 1);
    stop();
}

TEST(what_is_no_answer_is_an_error_with_words)
{
    start();
    get("/cut");
    WANT_INT(got, ERR_IO);
    WANT(got_error[0] != '\0');
    get("/garbage");
    WANT_INT(got, ERR_IO);
    struct fetch_conf conf = {.url = "http://127.0.0.1:1/", .timeout_ms = 5000, .on_done = on_done};
    WANT_INT(fetch_start(&fetcher, &fetch, &conf), OK);
    run_until(3);
    WANT_INT(got, ERR_IO);
    WANT(strstr(got_error, "127.0.0.1") != NULL);
    stop();
}

TEST(an_answer_longer_than_allowed_is_not_kept)
{
    start();
    struct fetch_conf conf = {
        .url = at("/long"), .timeout_ms = 5000, .bytes_max = 15, .on_done = on_done};
    WANT_INT(fetch_start(&fetcher, &fetch, &conf), OK);
    run_until(1);
    WANT_INT(got, ERR_RANGE);
    conf.bytes_max = 16;
    conf.url = at("/long");
    WANT_INT(fetch_start(&fetcher, &fetch, &conf), OK);
    run_until(2);
    WANT_INT(got, OK);
    WANT_INT(FETCH_BYTES_MAX, LIMIT_VALUE(discovery_bytes));
    stop();
}

TEST(the_time_is_limited)
{
    start();
    const struct fetch_conf conf = {.url = at("/hold"), .timeout_ms = 50, .on_done = on_done};
    WANT_INT(fetch_start(&fetcher, &fetch, &conf), OK);
    run_until(1);
    WANT_INT(got, ERR_IO);
    WANT(strstr(got_error, "imed out") != NULL);
    stop();
}

static char stream[64];

static void on_data(struct fetch *running)
{
    data_count++;
    for (;;) {
        struct str_pair line = str_cut(running->body, '\n');
        if (!line.is_cut) {
            return;
        }
        (void)snprintf(stream + strlen(stream), sizeof stream - strlen(stream), "<%.*s>",
                       STR_FMT(line.head));
        fetch_take(running, line.head.len + 1);
    }
}

TEST(a_stream_is_taken_as_it_comes)
{
    start();
    stream[0] = '\0';
    const struct fetch_conf conf = {.url = at("/stream"), .on_data = on_data, .on_done = on_done};
    WANT_INT(fetch_start(&fetcher, &fetch, &conf), OK);
    run_until(1);
    WANT_STR(str_from_c(stream), STR("<one><two>"));
    WANT_STR(str_from_c(got_body), STR("rest"));
    WANT(data_count >= 2);
    stop();
}

static void on_data_cancel(struct fetch *running)
{
    data_count++;
    fetch_cancel(running);
}

TEST(a_fetch_may_be_cancelled_at_any_time_and_says_nothing_then)
{
    start();
    struct fetch_conf conf = {.url = at("/stream"), .on_data = on_data_cancel, .on_done = on_done};
    fetch_cancel(&fetch);
    WANT_INT(fetch_start(&fetcher, &fetch, &conf), OK);
    for (int i = 0; i < 20; i++) {
        loop_turn(&loop, 5);
    }
    WANT_INT(data_count, 1);
    conf = (struct fetch_conf){.url = at("/hold"), .on_done = on_done};
    WANT_INT(fetch_start(&fetcher, &fetch, &conf), OK);
    loop_turn(&loop, 5);
    fetch_cancel(&fetch);
    fetch_cancel(&fetch);
    WANT_INT(fetch_start(&fetcher, &fetch, &conf), OK);
    loop_turn(&loop, 5);
    stop(); /* with one that runs */
    WANT_INT(done_count, 0);
}

static void on_done_again(struct fetch *ended, enum err e)
{
    static struct fetch_conf conf;
    conf = (struct fetch_conf){.url = at("/list"), .timeout_ms = 5000, .on_done = on_done};
    WANT_INT(e, OK);
    WANT_INT(fetch_start(&fetcher, ended, &conf), OK);
}

TEST(the_end_of_one_may_start_the_next)
{
    start();
    struct fetch_conf conf = {.url = at("/list"), .timeout_ms = 5000, .on_done = on_done_again};
    WANT_INT(fetch_start(&fetcher, &fetch, &conf), OK);
    run_until(1);
    WANT_INT(atomic_load(&server.requests), 2);
    stop();
}

TEST(only_http_is_spoken)
{
    static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/", "", "gopher://x/"};
    start();
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        const struct fetch_conf conf = {.url = urls[i], .on_done = on_done};
        WANT_INT(fetch_start(&fetcher, &fetch, &conf), ERR_SYNTAX);
    }
    stop();
}
