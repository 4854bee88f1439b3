/* fetch.h - HTTP requests of the control plane, over libcurl, on the control thread's loop.
 * For what discovery asks registries for; never for traffic of clients. Nothing here waits: names
 * are resolved on threads of libcurl, sockets are watched by the loop. Redirects are not followed,
 * proxies of the environment are not used, certificates are verified, and a response has a limit
 * of bytes. Callbacks come from the loop, never from inside libcurl, and may start, cancel and free
 * fetches, their own too. */
#pragma once

#include "base/limits.h"
#include "base/str.h"
#include "loop/loop.h"

struct fetch;

enum {
    FETCH_ERROR_BYTES = 256,
    FETCH_HEADERS_MAX = 8,
    FETCH_BYTES_MAX = LIMIT_VALUE(discovery_bytes)
};

struct fetcher {
    struct loop *loop;
    void *multi;          /* CURLM */
    struct io poll;       /* an epoll descriptor over the sockets of libcurl */
    struct timer timeout; /* of libcurl */
    struct task settle;
    struct list active; /* of fetch->node */
};

struct fetch_conf {
    const char *url;                        /* http or https; copied */
    const char *headers[FETCH_HEADERS_MAX]; /* "Name: value"; copied; NULL: no more */
    struct str body;                        /* sent with POST when it is not empty; copied */
    int64_t timeout_ms;                     /* for all of it; 0: as long as bytes come */
    size_t bytes_max;                       /* of the response body; 0: FETCH_BYTES_MAX */
    /* More of the body is there, when this is not NULL: read fetch->body and call fetch_take. */
    void (*on_data)(struct fetch *fetch);
    /* The end. OK: fetch->status says which answer; else fetch->error says why in words.
     * ERR_IO: no answer; ERR_RANGE: longer than bytes_max; ERR_MEMORY. */
    void (*on_done)(struct fetch *fetch, enum err e);
};

/* One request, embedded in its owner. All-zero is one that does not run. */
struct fetch {
    struct list node;
    struct fetcher *fetcher; /* NULL: it does not run */
    void *easy, *headers;    /* CURL, curl_slist */
    struct fetch_conf conf;
    char *bytes;
    size_t cap, bytes_max;
    struct str body; /* what has come and was not taken, valid until the callback returns */
    uint64_t index;  /* of the field X-Consul-Index; 0: there was none */
    bool has_data;
    bool is_too_long, is_memory_out;
    uint16_t status;
    char error[FETCH_ERROR_BYTES];
};

/* On the loop's thread; the struct may not move after. */
void fetcher_init(struct fetcher *fetcher, struct loop *loop);
/* Ends every fetch without a callback. All-zero is fine. */
void fetcher_drop(struct fetcher *fetcher);
/* Starts one; *fetch must not run. ERR_SYNTAX: not a URL of http or https. ERR_SYSTEM: no
 * descriptor is left. ERR_MEMORY. */
MUST_USE enum err fetch_start(struct fetcher *fetcher, struct fetch *fetch,
                              const struct fetch_conf *conf);
/* Ends it without a callback; harmless when it does not run. */
void fetch_cancel(struct fetch *fetch);
/* Drops the first `bytes` of fetch->body: they have been used. From on_data. */
void fetch_take(struct fetch *fetch, size_t bytes);
