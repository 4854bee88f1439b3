/* origin.h - one instance of one version of a service, with its idle connections.
 * It belongs to the runtime registry (registry.h): load, learned times and pools survive reloads.
 * The load is shared by all cores; each core has a pool of its own and touches no other's. */
#pragma once

#include "base/list.h"
#include "exchange/core.h"
#include "upstream/endpoint.h"
#include "upstream/gradient.h"
#include "upstream/instance.h"
#include "upstream/outlier.h"
#include "upstream/tally.h"

struct cluster;
struct conn;
struct health_watch;

struct pool {
    struct list idle; /* of struct conn, used last first */
    uint32_t idle_count, open_count;
    struct tally tally; /* written by its core, read by the control thread */
} CACHE_ALIGNED;
static_assert(sizeof(struct pool) == CACHE_LINE_BYTES, "what an attempt touches is one line");

struct origin {
    struct endpoint endpoint; /* first: a pick gives this */
    struct cluster *cluster;
    struct str *_Atomic host; /* "name:port" as configured: what Host becomes with host: target;
                                 the text is constant, a reload gives another one */
    struct list node;         /* in the registry */
    _Atomic uint32_t open_count; /* connections of all cores, idle ones included */
    _Atomic uint64_t idle_learned; /* see conn.c: from ends of idle connections; 0: nothing */
    _Atomic uint32_t idle_said_s;  /* Keep-Alive: timeout, as it said last; 0: it did not */
    uint32_t cell_requests, cell_in_flight, cell_latency; /* its series */
    uint32_t use_count;       /* sets that list it; control thread only */
    bool is_named;            /* endpoint.name is not its address */
    bool is_unused;           /* so found by the last sweep; control thread only */
    struct instance instance; /* control thread only */
    struct outlier outlier;   /* what passive detection knows; control thread only */
    struct gradient gradient; /* of its ceiling, where that is learned; control thread only */
    struct tally_sum learned_from;
    uint32_t cell_ceiling; /* its series; 0: none yet */
    struct health_watch *watch; /* NULL: it is not checked; of health/checker.c */
    struct pool pools[];      /* by core */
};

static inline struct origin *origin_of(struct endpoint *endpoint)
{
    return (struct origin *)(void *)endpoint;
}
