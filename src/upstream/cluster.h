/* cluster.h - services and their versions at run time: who can be picked, and who waits.
 * A service is what a route names; a cluster is one version of it. Both belong to the registry and
 * survive reloads. The list of endpoints of a cluster is replaced as a whole, core by core, so a
 * pick never locks. Ceilings are exact over all cores; who finds everything full waits in the line
 * of the version, kept in one part for each core: a stuck version holds no other one back. */
#pragma once

#include "exchange/exchange.h"
#include "upstream/breaker.h"
#include "upstream/budget.h"
#include "upstream/codel.h"
#include "upstream/levels.h"
#include "upstream/origin.h"

/* Who goes first; each has a line of its own, and even the last is called now and then. */
enum urgency { URGENCY_HIGH, URGENCY_NORMAL, URGENCY_LOW, URGENCY_COUNT };

struct roster_cluster;

struct service_cells {
    uint32_t ttfb, received_bytes, sent_bytes, open, idle, connects, connect_failures, reuses,
        replays, attempts, retries, retries_over_budget, queue_depth, queue_wait,
        fallbacks;
};

struct service {
    struct list node; /* in the registry */
    struct str name;
    struct service_cells cells;
    const struct stats *stats; /* where the cells of all cores are */
    struct budget budget;      /* of retries */
    _Atomic uint32_t waiting_total; /* in the lines of its clusters */
    _Atomic uint32_t queue_max;     /* ceiling of that */
    _Atomic uint32_t codel_target_ms, codel_interval_ms; /* see codel.h */
    /* Of the control thread: */
    uint32_t queue_max_next; /* configured and not in use yet */
    uint32_t codel_target_ms_next, codel_interval_ms_next;
    uint64_t generation;     /* the last that named it */
    uint32_t cluster_count;
    bool is_unused; /* so found by the last sweep */
};

/* A cluster as one core has it: its instances, and those of this core who wait for one. Only the
 * atomics are touched by other cores. */
struct cluster_part {
    const struct balance_set *set; /* NULL: no name of it has been resolved yet */
    const struct levels *levels;   /* of the same set; NULL: one group is all */
    struct list lines[URGENCY_COUNT];    /* of ex->queue_node, first come first */
    struct codel codels[URGENCY_COUNT];
    struct cluster *cluster;
    struct core *core;
    struct mail call;
    _Atomic uint32_t waiting[URGENCY_COUNT];
    _Atomic uint32_t calls[URGENCY_COUNT]; /* instances that became free and that a line may have */
    _Atomic uint32_t in_flight; /* exchanges of this core at its instances; it alone writes */
    _Atomic uint32_t attempts, failed, slow; /* of this core, while slow_ns is set */
} CACHE_ALIGNED;

struct cluster {
    struct list node; /* in the registry */
    struct service *service;
    struct str name; /* of the version; empty for a service without versions */
    struct roster_cluster *state; /* what the control thread knows of it */
    uint32_t core_count;
    _Atomic uint32_t waiting_total; /* in all parts of the line */
    _Atomic uint32_t panic;         /* bit by priority: health is not believed there */
    struct breaker_gate gate;       /* see breaker.h; looked at by who asks for the first time */
    _Atomic int64_t slow_ns;        /* attempts are counted, the longer ones as slow; 0: no */
    _Atomic uint32_t next_part;     /* whose turn it is when an instance becomes free */
    struct cluster_part parts[];    /* by core */
};

/* Counts an attempt for the breaker; `status` 0: it was not answered. */
void cluster_count(struct cluster *cluster, const struct core *core, uint32_t status,
                   int64_t ttfb_ns);
static inline bool cluster_is_counted(const struct cluster *cluster)
{
    return UNLIKELY(atomic_load_explicit(&cluster->slow_ns, memory_order_relaxed) != 0);
}
/* An empty cluster of `service` for these cores. */
void cluster_init(struct cluster *cluster, struct service *service, struct core *const *cores,
                  uint32_t core_count);
/* Picks an instance for what is asked on `core`; the caller owes cluster_end.
 * ERR_QUEUE_FULL: all are at their ceiling, the caller may wait. ERR_NO_ENDPOINT: none is usable,
 * or all were tried. ERR_NO_HEALTHY: all that are wanted are down or ejected.
 * ERR_NAME_UNRESOLVED. */
MUST_USE enum err cluster_pick(struct cluster *cluster, struct core *core,
                               const struct balance_ask *ask, struct origin **out);
/* The exchange that was begun at `origin` has ended: whoever's turn it is gets called. */
void cluster_end(struct cluster *cluster, struct core *core, struct origin *origin);
/* Whether somebody waits already: then newcomers go to the end of the line too. */
bool cluster_has_line(const struct cluster *cluster);
/* Puts the exchange in line, at its front when it had been called and found the place taken.
 * When an instance is called free, ex->is_called is set and ex->task is queued. When it has waited
 * in vain (ERR_QUEUE_SHED, ERR_QUEUE_DEADLINE) ex->queue_verdict is set instead.
 * ERR_QUEUE_FULL: the lines of the service are at their ceiling. ERR_QUEUE_DEADLINE: what it waits
 * for cannot be answered in time. */
MUST_USE enum err cluster_wait(struct cluster *cluster, struct exchange *ex);
/* Takes the exchange out of line, and passes on a call that it did not use; harmless when it is in
 * none. Before its task is cancelled. */
void cluster_leave(struct cluster *cluster, struct exchange *ex);
/* An instance has room again: whoever's turn it is gets called. */
void cluster_freed(struct cluster *cluster, struct core *core);
/* The same when there may be more room than for the one that was called: a ceiling was raised, or
 * instances came. */
void cluster_call_more(struct cluster *cluster, struct core *core);
