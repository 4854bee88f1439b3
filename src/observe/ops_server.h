/* ops_server.h - the small server for machines: GET and HEAD of /metrics, /healthz and /readyz.
 * It runs on the control thread's loop, on a listener of its own, so that who may read metrics is
 * decided by address and never by a route. Strict, bounded (LIMIT ops_connections, ops_head_bytes,
 * ops_timeout_ms) and without request bodies. */
#pragma once

#include "loop/loop.h"
#include "stats/registry.h"

struct ops_server;

struct ops_conf {
    struct loop *loop;
    const struct registry *registry;
    int listen_fd; /* listening, non-blocking; owned by the server from here on */
    /* Brings gauges up to date before a scrape; may be NULL. */
    void (*collect)(void *owner);
    /* Whether the process works, and whether it should get traffic. When not, the reason is put
     * into *why (static text). */
    bool (*is_healthy)(void *owner, const char **why);
    bool (*is_ready)(void *owner, const char **why);
    void *owner; /* for the three above */
};

/* Starts serving. ERR_MEMORY, ERR_SYSTEM; listen_fd is then still the caller's. */
MUST_USE enum err ops_server_open(const struct ops_conf *conf, struct ops_server **out);
/* Closes the listener and every connection; memory follows at the end of the loop's turn. Clears
 * *server; NULL is nothing. */
void ops_server_close(struct ops_server **server);
