/* listener.h - a listening socket of one core, and what a configuration says of it.
 * The socket is stable over reloads and known by its slot; its settings belong to a generation and
 * are looked up for each exchange. */
#pragma once

#include "base/addr.h"
#include "exchange/core.h"
#include "http/forwarded.h"
#include "http/h1/parser.h"
#include "http/judge.h"

struct listener;

/* Whose connection it is: of the connection itself, or as a balancer in front tells. */
struct caller {
    struct addr peer;
    struct addr to; /* where it was made to; family ADDR_NONE: ask the socket */
};

/* Takes an accepted descriptor of a listener, whatever becomes of it. */
typedef void accept_fn(struct listener *listener, int fd, const struct caller *caller);

enum request_id_mode { REQUEST_ID_KEEP, REQUEST_ID_NEW, REQUEST_ID_OFF };

/* Compiled settings of one listener, in the snapshot. */
struct listener_conf {
    struct str name;
    struct addr addr;
    accept_fn *on_accept; /* who speaks the protocol of its connections; NULL: HTTP, session.h */
    const void *protocol; /* settings for on_accept */
    const struct addr_prefix *proxies; /* peers whose connections begin with a PROXY header */
    uint32_t proxy_count;
    bool requires_proxy; /* others are refused */
    struct h1_limits limits;
    struct judge_rules judge;
    struct forwarded_rules forwarded;
    int64_t head_timeout_ms, idle_timeout_ms, body_timeout_ms;
    uint64_t keepalive_requests_max; /* 0: no limit */
    uint8_t request_id;              /* enum request_id_mode */
    /* Cells of this listener's series (stats/metrics.def). */
    uint32_t cell_open, cell_accepted, cell_refused, cell_received_bytes, cell_sent_bytes;
    uint32_t cell_requests; /* of requests that matched no route */
};

struct listener {
    struct io io;
    struct core *core;
    struct addr addr;
    uint32_t slot; /* place in generation->listeners */
    struct timer pause;
    bool is_removed; /* no new connections; those that it has close as they become idle */
};

/* Starts accepting on a listening descriptor, which becomes the listener's. ERR_SYSTEM. */
MUST_USE enum err listener_open(struct listener *listener, struct core *core,
                                const struct addr *addr, uint32_t slot, int fd);
/* Stops accepting and closes this process's descriptor; sessions go on until they are idle. */
void listener_close(struct listener *listener);
/* Takes an accepted descriptor, and lets its peer say whose connection it is if it has to. */
void listener_take(struct listener *listener, int fd, const struct addr *peer);
/* Gives it to whoever speaks the protocol of this listener. */
void listener_hand(struct listener *listener, int fd, const struct caller *caller);
/* The settings in the current generation; NULL when it is not there any more. */
const struct listener_conf *listener_conf(const struct listener *listener);
