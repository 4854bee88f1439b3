/* core.h - what one worker thread owns: its loop, slabs, scratch memory, counters and the
 * configuration generation that new exchanges are bound to. Nothing in here is touched by another
 * thread; what rooms above need is handed down as pointers at start. */
#pragma once

#include "base/rng.h"
#include "base/slab.h"
#include "loop/loop.h"
#include "text/pattern.h"

struct conductor;
struct snapshot;
struct listener_conf;
struct field;
struct access_ring;
struct stats_block;
struct pipe_pool;
struct route_scratch;
struct tunnels;

enum {
    EXCHANGE_OBJECT_BYTES = 8192,
    BLOCK_BYTES = 16384,       /* arena chunks and queued output */
    LARGE_CHUNK_BYTES = 131072, /* a head of the largest size */
    SCRATCH_BYTES = 65536,     /* what is read from a socket within one call */
    OUT_BYTES = 131072,        /* a head being written */
    RESPONSE_FIELDS_MAX = 256
};

/* A published configuration as one core sees it. It lives as long as exchanges are bound to it. */
struct generation {
    struct list node;
    uint64_t number;
    const struct snapshot *snapshot;               /* the compiled world: proxy/world.h */
    const struct listener_conf *const *listeners;  /* by slot: edge/listener.h; NULL: not in it */
    uint32_t listener_count;
    uint32_t in_flight;                            /* exchanges of this core bound to it */
    bool is_retired;                               /* a newer one is current */
};

struct core {
    struct loop loop;
    uint32_t index, count; /* this core of how many */
    uint32_t session_max;  /* client connections: descriptors are left for others; 0: none */
    bool is_draining;      /* the process is going down: connections close as they become idle */
    struct slab exchanges, blocks, large_chunks, sessions, conns;
    char *scratch; /* SCRATCH_BYTES, valid within one event */
    char *out;     /* OUT_BYTES, valid within one event */
    struct field *response_fields; /* RESPONSE_FIELDS_MAX, for the response head being parsed */
    struct pattern_scratch pattern_scratch; /* for patterns of policies, valid within one match */
    struct rng rng;
    struct generation *current; /* the newest published configuration */
    const struct conductor *conductor;
    struct list session_list;         /* every client connection of this core that speaks HTTP */
    struct tunnels *tunnels;          /* and those that do not: l4/tunnel.h */
    uint32_t tunnel_count;
    struct list preface_list;         /* those that begin with a header: edge/preface.h */
    struct stats_block *stats;        /* this core's counters */
    struct access_ring *log_ring; /* NULL: no access log */
    struct pipe_pool *pipes;          /* for splicing: net/pipe.h */
    struct route_scratch *route_scratch; /* for matching: route/router.h */
    uint64_t request_id_high, request_id_next;
    char date_line[40]; /* "Date: Sun, 06 Nov 1994 08:49:37 GMT CR LF" of date_s */
    int64_t date_s;
};

/* The core of the calling thread; NULL on others. */
extern _Thread_local struct core *this_core;

/* Prepares slabs and scratch; the conductor and the generation are set by the caller after.
 * ERR_MEMORY, ERR_SYSTEM. */
MUST_USE enum err core_init(struct core *core, uint32_t index, uint32_t count);
void core_drop(struct core *core);
