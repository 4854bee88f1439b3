/* tunnel.h - one client connection that is passed on to an instance as it is, whatever it carries.
 * Where an HTTP session knows of requests, a tunnel knows of bytes: it picks an instance with the
 * balancers of HTTP, connects, tries others while nothing was passed on, and then moves bytes in
 * both directions until both have ended. It copies what it needs of its listener's settings, so
 * that it holds no snapshot and outlives every reload. */
#pragma once

#include "exchange/core.h"
#include "net/pipe.h"
#include "net/stream.h"
#include "route/split.h"
#include "upstream/cluster.h"

/* A service as the tunnels of one listener use it. In the snapshot. */
struct tunnel_service {
    struct service *service;
    struct split split; /* values are struct cluster */
    int64_t connect_ms;
    uint8_t send_proxy; /* enum proxy_version */
    uint32_t cell_ends; /* by reason */
};

/* Settings of a listener, in the snapshot. */
struct tunnel_conf {
    struct str listener;
    const struct tunnel_names *names; /* TLS that goes by its server name; NULL: anything */
    const struct tunnel_service *service; /* of all, or of what no name leads to; NULL: refused */
    int64_t idle_ms, life_ms; /* 0: no limit */
    int64_t drain_ms;         /* left to a tunnel when its listener is removed */
    uint64_t generation;
    /* Cells of the listener's series. */
    uint32_t cell_open, cell_accepted, cell_refused, cell_received_bytes, cell_sent_bytes,
        cell_duration, cell_ends;
};

/* What is known of a connection when it is accepted. */
struct tunnel_caller {
    struct addr peer;
    struct addr to; /* where it was made to; family ADDR_NONE: ask the socket */
    uint32_t slot;  /* of its listener */
};

/* All tunnels of one core: their memory, with its ceiling (LIMIT tunnels). */
struct tunnels {
    struct slab slab;
    struct list all; /* of tunnel->node */
};

/* ERR_MEMORY. */
MUST_USE enum err tunnels_init(struct tunnels *tunnels);
/* None may be open. */
void tunnels_drop(struct tunnels *tunnels);

enum tunnel_state { TUNNEL_NAMING, TUNNEL_CONNECTING, TUNNEL_OPEN, TUNNEL_DEAD };

/* One direction. */
struct tunnel_way {
    struct pipe pipe;  /* lent while has_pipe */
    uint64_t bytes;    /* taken from the sender */
    uint32_t fill;     /* bytes taken through the pipe since it was last empty */
    bool has_pipe;
    bool copies;       /* its descriptors cannot be spliced, or there is no pipe */
    bool is_done;      /* its end was passed on, or can never be */
    bool is_cut;       /* bytes were lost: its end must not look like one */
};

enum { TUNNEL_NAME_BYTES = 64, TUNNEL_HOST_BYTES = 128, TUNNEL_ALPN_BYTES = 16 };

struct tunnel {
    struct stream client, origin;
    struct tunnel_way up, down; /* from the client; to it */
    struct list node;
    struct core *core;
    struct cluster *cluster;
    struct origin *at; /* where it has a place; NULL: nowhere */
    struct timer timer;
    struct task task; /* going on after a turn's share; later: freeing */
    struct balance_tried tried;
    struct addr peer, to;
    const struct tunnel_conf *conf; /* while NAMING: of the generation that is held then */
    struct generation *held;        /* NULL: none */
    int64_t begun_ns, attempt_ns, connected_ns;
    int64_t moved_ms;          /* when a byte last moved */
    int64_t end_ms;            /* when it ends in any case; INT64_MAX: never */
    int64_t idle_ms, drain_ms, connect_ms;
    uint64_t generation;
    uint32_t slot; /* of its listener */
    uint32_t cell_open, cell_received_bytes, cell_sent_bytes, cell_duration, cell_ends;
    uint8_t state; /* enum tunnel_state */
    uint8_t attempts;
    uint8_t listener_len;
    bool is_retired; /* its listener is gone */
    uint8_t host_len, alpn_len, send_proxy;
    bool is_tls;
    char listener[TUNNEL_NAME_BYTES]; /* its name, cut */
    char host[TUNNEL_HOST_BYTES];     /* the server name, cut */
    char alpn[TUNNEL_ALPN_BYTES];     /* the protocol that decided; empty when it is longer */
};
static_assert(sizeof(struct tunnel) <= 1152, "an idle connection is cheap");

/* By which consistent hashing keeps a client at its instance: its address without the port. */
uint64_t tunnel_source_hash(const struct addr *client);
/* A tunnel for an accepted descriptor, which is taken in any case: it is closed when there is no
 * room. */
void tunnel_open(struct core *core, const struct tunnel_conf *conf, int fd,
                 const struct tunnel_caller *caller);
/* The service is known: picks an instance and connects. */
void tunnel_connect(struct tunnel *tunnel, const struct tunnel_service *service);
/* Ends it now, for this reason (OK: both sides had ended). `is_reset` makes both sides see that
 * something is missing. */
void tunnel_end(struct tunnel *tunnel, enum err reason, bool is_reset);
/* The listener of this slot is gone: its tunnels have the time to end that they were given. */
void tunnels_retire(struct core *core, uint32_t slot);
/* The process ends: so do all of them. */
void tunnels_end_all(struct core *core);
