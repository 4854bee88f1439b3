/* cluster.h - services and their versions at run time: who can be picked, and who waits.
 * A service is what a route names; a cluster is one version of it. Both belong to the registry and
 * survive reloads. The list of endpoints of a cluster is replaced as a whole, core by core, so a
 * pick never locks. Ceilings are exact over all cores; who finds everything full waits in one line
 * of the service, kept in one part for each core. */
#pragma once

#include "exchange/exchange.h"
#include "upstream/balance.h"
#include "upstream/origin.h"

struct service_cells {
    uint32_t ttfb, received_bytes, sent_bytes, open, idle, connects, connect_failures, reuses,
        replays, attempts, retries, queue_depth, queue_wait;
};

/* Those of one core who wait for the service. Only the atomics are touched by other cores. */
struct service_line {
    struct list exchanges; /* ex->queue_node, first come first */
    struct service *service;
    struct core *core;
    struct mail call;
    _Atomic uint32_t waiting;
    _Atomic uint32_t calls; /* instances that became free and that this line may have */
} CACHE_ALIGNED;

struct service {
    struct list node; /* in the registry */
    struct str name;
    struct service_cells cells;
    _Atomic uint32_t waiting_total;
    _Atomic uint32_t next_line; /* whose turn it is when an instance becomes free */
    _Atomic uint32_t queue_max;
    uint32_t core_count;
    struct service_line lines[]; /* by core */
};

/* The endpoints of a cluster as one core sees them. */
struct cluster_view {
    const struct balance_set *set; /* NULL: no name of it has been resolved yet */
};

struct cluster {
    struct list node; /* in the registry */
    struct service *service;
    struct str name; /* of the version; empty for a service without versions */
    struct cluster_view views[]; /* by core, written by that core's thread alone */
};

/* Picks an instance; the caller owes endpoint_end(&(*out)->endpoint) and service_freed.
 * ERR_QUEUE_FULL: all are at their ceiling, the caller may wait. ERR_NO_ENDPOINT: none is usable,
 * or all were tried. ERR_NAME_UNRESOLVED. */
MUST_USE enum err cluster_pick(struct cluster *cluster, struct core *core,
                               const struct balance_tried *tried, struct origin **out);
/* Whether somebody waits already: then newcomers go to the end of the line too. */
bool service_has_line(const struct service *service);
/* Puts the exchange in line, at its front when it had been called and found the place taken.
 * When an instance is called free, ex->is_called is set and ex->task is queued.
 * ERR_QUEUE_FULL: the line is at its ceiling. */
MUST_USE enum err service_wait(struct service *service, struct exchange *ex,
                               struct cluster *cluster);
/* Takes the exchange out of line, and passes on a call that it did not use; harmless when it is in
 * none. Before its task is cancelled. */
void service_leave(struct service *service, struct exchange *ex);
/* An instance of the service has room again: whoever's turn it is gets called. */
void service_freed(struct service *service, struct core *core);
