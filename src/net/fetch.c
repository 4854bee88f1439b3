/* fetch.c - the control plane's HTTP client over libcurl's multi interface; see fetch.h.
 * libcurl wants its sockets watched level-triggered with changing interest, so they go into an
 * epoll set of their own that the loop watches, as those of c-ares do. What libcurl says is put
 * down and settled in a task: no callback of ours runs below a function of libcurl. */
#include "net/fetch.h"

#include "base/check.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/strbuf.h"

#include <curl/curl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

static_assert(FETCH_ERROR_BYTES >= CURL_ERROR_SIZE, "libcurl writes there");

enum { EVENTS_PER_READ = 16, CONNECT_TIMEOUT_MS = 3000, FIRST_BYTES = 4096, CONNECTIONS_MAX = 64 };

static bool has_room(struct fetch *fetch, size_t more)
{
    size_t wanted = fetch->body.len + more;
    if (wanted > fetch->bytes_max) {
        fetch->is_too_long = true;
        return false;
    }
    if (wanted > fetch->cap) {
        size_t cap = fetch->cap == 0 ? FIRST_BYTES : fetch->cap;
        while (cap < wanted) {
            cap *= 2;
        }
        char *larger = heap_new(cap);
        if (larger == NULL) {
            fetch->is_memory_out = true;
            return false;
        }
        if (fetch->body.len > 0) {
            memcpy(larger, fetch->bytes, fetch->body.len);
        }
        heap_free(fetch->bytes);
        fetch->bytes = larger;
        fetch->cap = cap;
    }
    return true;
}

/* Anything but all of it ends the transfer. */
static size_t on_bytes(char *at, size_t unit, size_t count, void *arg)
{
    struct fetch *fetch = arg;
    size_t len = unit * count;
    if (len == 0) {
        return 0;
    }
    if (!has_room(fetch, len)) {
        return 0;
    }
    memcpy(fetch->bytes + fetch->body.len, at, len);
    fetch->body = str_of(fetch->bytes, fetch->body.len + len);
    fetch->has_data = true;
    loop_later(fetch->fetcher->loop, &fetch->fetcher->settle);
    return len;
}

static size_t on_header(char *at, size_t unit, size_t count, void *arg)
{
    struct fetch *fetch = arg;
    struct str_pair cut = str_cut(str_of(at, unit * count), ':');
    if (cut.is_cut && str_eq_nocase(cut.head, STR("X-Consul-Index"))) {
        struct str value = cut.tail;
        while (value.len > 0 &&
               (value.at[value.len - 1] == '\r' || value.at[value.len - 1] == '\n')) {
            value.len--;
        }
        if (!str_to_u64(str_trim(value), &fetch->index)) {
            fetch->index = 0;
        }
    }
    return unit * count;
}

/* Takes the fetch out of libcurl and frees what it has but its body. */
static void detach(struct fetch *fetch)
{
    if (fetch->easy != NULL) {
        curl_multi_remove_handle(fetch->fetcher->multi, fetch->easy);
        curl_easy_cleanup(fetch->easy);
    }
    curl_slist_free_all(fetch->headers);
    fetch->easy = fetch->headers = NULL;
    list_remove(&fetch->node);
}

void fetch_cancel(struct fetch *fetch)
{
    if (fetch->fetcher != NULL) {
        detach(fetch);
        fetch->fetcher = NULL;
    }
    heap_free(fetch->bytes);
    fetch->bytes = NULL;
    fetch->cap = 0;
    fetch->body = (struct str){0};
}

void fetch_take(struct fetch *fetch, size_t bytes)
{
    CHECK(bytes <= fetch->body.len);
    size_t left = fetch->body.len - bytes;
    if (left > 0 && bytes > 0) {
        memmove(fetch->bytes, fetch->bytes + bytes, left);
    }
    fetch->body = str_of(fetch->bytes, left);
}

static void say(struct fetch *fetch, const char *text)
{
    struct strbuf out = strbuf_over(fetch->error, sizeof fetch->error - 1);
    strbuf_add_c(&out, text);
    fetch->error[out.len] = '\0';
}

/* Which end it was. */
static enum err judge(struct fetch *fetch, CURLcode result)
{
    if (fetch->is_memory_out || result == CURLE_OUT_OF_MEMORY) {
        say(fetch, "no memory for the answer");
        return ERR_MEMORY;
    }
    if (fetch->is_too_long) {
        say(fetch, "the answer is longer than allowed");
        return ERR_RANGE;
    }
    if (result != CURLE_OK) {
        if (fetch->error[0] == '\0') {
            say(fetch, curl_easy_strerror(result));
        }
        return ERR_IO;
    }
    long status = 0;
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    fetch->status = (uint16_t)status;
    return OK;
}

/* The owner may do anything with the fetch in here. */
static void finish(struct fetch *fetch, CURLcode result)
{
    enum err e = judge(fetch, result);
    detach(fetch);
    fetch->fetcher = NULL;
    char *bytes = fetch->bytes;
    fetch->bytes = NULL;
    fetch->cap = 0;
    fetch->conf.on_done(fetch, e);
    heap_free(bytes);
}

static struct fetch *next_with_data(struct fetcher *fetcher)
{
    LIST_EACH(node, &fetcher->active)
    {
        struct fetch *fetch = CONTAINER_OF(node, struct fetch, node);
        if (fetch->has_data && fetch->conf.on_data != NULL) {
            return fetch;
        }
    }
    return NULL;
}

static void settle(struct loop *loop, struct task *task)
{
    struct fetcher *fetcher = CONTAINER_OF(task, struct fetcher, settle);
    struct fetch *fetch;
    CURLMsg *message;
    int left;
    (void)loop;
    while ((fetch = next_with_data(fetcher)) != NULL) {
        fetch->has_data = false;
        fetch->conf.on_data(fetch);
    }
    while ((message = curl_multi_info_read(fetcher->multi, &left)) != NULL) {
        void *owner = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&owner);
        finish(owner, result);
    }
}

static void act(struct fetcher *fetcher, curl_socket_t fd, int what)
{
    int running;
    curl_multi_socket_action(fetcher->multi, fd, what, &running);
    loop_later(fetcher->loop, &fetcher->settle);
}

static void on_sockets(struct loop *loop, struct io *io, unsigned ready)
{
    struct fetcher *fetcher = CONTAINER_OF(io, struct fetcher, poll);
    struct epoll_event events[EVENTS_PER_READ];
    (void)loop;
    (void)ready;
    int count = epoll_wait(io->fd, events, EVENTS_PER_READ, 0);
    for (int i = 0; i < count; i++) {
        int what = 0;
        what |= (events[i].events & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0;
        what |= (events[i].events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
        what |= (events[i].events & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0;
        act(fetcher, events[i].data.fd, what);
    }
}

static void on_timeout(struct loop *loop, struct timer *timer)
{
    (void)loop;
    act(CONTAINER_OF(timer, struct fetcher, timeout), CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl tells what it waits for on a socket of its own. */
static int on_interest(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct fetcher *fetcher = arg;
    struct epoll_event event = {.data.fd = fd};
    (void)easy;
    (void)socket_arg;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(fetcher->poll.fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events |= what == CURL_POLL_IN || what == CURL_POLL_INOUT ? EPOLLIN : 0U;
    event.events |= what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? EPOLLOUT : 0U;
    if (epoll_ctl(fetcher->poll.fd, EPOLL_CTL_ADD, fd, &event) != 0 &&
        epoll_ctl(fetcher->poll.fd, EPOLL_CTL_MOD, fd, &event) != 0) {
        /* The fetch ends by its time-out. */
        log_line(LOG_WARN, "net", "a socket of a control-plane request cannot be watched");
    }
    return 0;
}

static int on_timer_wish(CURLM *multi, long wait_ms, void *arg)
{
    struct fetcher *fetcher = arg;
    (void)multi;
    if (wait_ms < 0) {
        timer_stop(&fetcher->timeout);
    } else {
        timer_set(fetcher->loop, &fetcher->timeout, fetcher->loop->now_ms + wait_ms);
    }
    return 0;
}

void fetcher_init(struct fetcher *fetcher, struct loop *loop)
{
    *fetcher = (struct fetcher){.loop = loop,
                                .poll = {.on_ready = on_sockets, .fd = -1},
                                .timeout.fire = on_timeout,
                                .settle.run = settle};
    list_init(&fetcher->active);
}

/* With the first fetch: the library and its TLS cost megabytes that most processes never need. */
static enum err open_library(struct fetcher *fetcher)
{
    if (fetcher->multi != NULL) {
        return OK;
    }
    if (fetcher->poll.fd < 0) {
        fetcher->poll.fd = epoll_create1(EPOLL_CLOEXEC);
        if (fetcher->poll.fd < 0 || loop_watch_level(fetcher->loop, &fetcher->poll) != OK) {
            return ERR_SYSTEM;
        }
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return ERR_SYSTEM;
    }
    fetcher->multi = curl_multi_init();
    if (fetcher->multi == NULL) {
        return ERR_MEMORY;
    }
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, on_interest);
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher);
    curl_multi_setopt(fetcher->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX);
    return OK;
}

void fetcher_drop(struct fetcher *fetcher)
{
    if (fetcher->loop == NULL) {
        return;
    }
    while (!list_is_empty(&fetcher->active)) {
        fetch_cancel(CONTAINER_OF(fetcher->active.next, struct fetch, node));
    }
    if (fetcher->multi != NULL) {
        curl_multi_cleanup(fetcher->multi);
    }
    if (fetcher->poll.fd >= 0) {
        loop_close(fetcher->loop, &fetcher->poll);
    }
    timer_stop(&fetcher->timeout);
    task_cancel(&fetcher->settle);
    *fetcher = (struct fetcher){.poll.fd = -1};
}

/* Everything that is said about a transfer. False: a URL or option that libcurl refuses. */
static bool describe(struct fetch *fetch, const struct fetch_conf *conf)
{
    CURL *easy = fetch->easy;
    bool is_good = curl_easy_setopt(easy, CURLOPT_URL, conf->url) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
    for (size_t i = 0; i < FETCH_HEADERS_MAX && conf->headers[i] != NULL; i++) {
        struct curl_slist *longer = curl_slist_append(fetch->headers, conf->headers[i]);
        is_good = is_good && longer != NULL;
        fetch->headers = longer != NULL ? longer : fetch->headers;
    }
    if (conf->body.len > 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)conf->body.len);
        is_good =
            is_good && curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, conf->body.at) == CURLE_OK;
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, (struct curl_slist *)fetch->headers);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "sluice");
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->error);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)conf->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
    return is_good;
}

static bool is_http(struct str url)
{
    return str_starts(url, STR("http://")) || str_starts(url, STR("https://"));
}

enum err fetch_start(struct fetcher *fetcher, struct fetch *fetch, const struct fetch_conf *conf)
{
    CHECK(fetch->fetcher == NULL);
    CHECK(conf->on_done != NULL);
    if (!is_http(str_from_c(conf->url))) {
        return ERR_SYNTAX;
    }
    TRY(open_library(fetcher));
    fetch_cancel(fetch);
    *fetch = (struct fetch){.fetcher = fetcher, .easy = curl_easy_init(), .conf = *conf};
    fetch->bytes_max = conf->bytes_max > 0 ? conf->bytes_max : FETCH_BYTES_MAX;
    list_init(&fetch->node);
    enum err e = fetch->easy == NULL ? ERR_MEMORY : describe(fetch, conf) ? OK : ERR_SYNTAX;
    if (e == OK && curl_multi_add_handle(fetcher->multi, fetch->easy) != CURLM_OK) {
        e = ERR_MEMORY;
    }
    if (e != OK) {
        fetch_cancel(fetch);
        return e;
    }
    list_push_back(&fetcher->active, &fetch->node);
    return OK;
}
