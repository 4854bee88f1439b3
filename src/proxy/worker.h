/* worker.h - one core's thread: its loop, its listeners, and the publications that it takes over.
 * The control thread talks to a worker by mail alone. */
#pragma once

#include "edge/listener.h"
#include "l4/tunnel.h"
#include "net/pipe.h"
#include "proxy/world.h"

#include <pthread.h>

struct access_log;
struct publication_group;

enum { WORKER_SLOTS_MAX = 256, WORKER_SLABS = 6 };

/* Cells of a slab's gauges; the same on every core. */
struct worker_slab_cells {
    uint32_t used, ceiling, refusals;
};

struct worker {
    struct core core;
    struct loop *control; /* where answers go */
    pthread_t thread;
    struct listener listeners[WORKER_SLOTS_MAX];
    bool is_listening[WORKER_SLOTS_MAX];
    struct pipe_pool pipes;
    struct tunnels tunnels;
    struct arena arena; /* of the match scratch */
    struct timer upkeep;
    uint32_t exchanges_peak, blocks_peak; /* in use at once, of late */
    int64_t busy_us_told;
    uint64_t turns_told;
    uint32_t cell_busy;
    struct worker_slab_cells slab_cells[WORKER_SLABS];
    struct mail drain_mail, drained_mail, stop_mail;
    int64_t drain_from_ms;
    bool is_drained_told, is_started;
};

/* What one core takes over, in this order: instances, configuration, log, listeners. */
struct publication {
    struct mail mail;
    struct worker *worker;
    struct publication_group *group;
    struct generation *generation; /* NULL: the configuration stays */
    struct {
        uint32_t slot;
        int fd; /* -1: the listener goes */
        struct addr addr;
    } changes[WORKER_SLOTS_MAX];
    uint32_t change_count;
};

/* One publication for all cores; `ack` is delivered on the control thread when all have it. */
struct publication_group {
    struct mail ack;
    void *owner;
    struct roster_update *updates;
    struct access_log *log, *old_log; /* log NULL: as before */
    bool has_log;
    _Atomic uint32_t left;
    uint32_t count;
    struct publication at[];
};

/* A generation on one core, with the message that gives it back. */
struct core_generation {
    struct generation generation; /* first */
    struct mail mail;
    struct loop *control;
    void *owner;
};

/* Prepares memory and loop; ERR_MEMORY, ERR_SYSTEM. */
MUST_USE enum err worker_init(struct worker *worker, uint32_t index, uint32_t count,
                              struct loop *control);
/* ERR_SYSTEM: no thread. */
MUST_USE enum err worker_start(struct worker *worker);
void worker_post(struct publication *publication);
/* From the control thread: finish what is in progress; `told` is delivered there when all client
 * connections are gone. */
void worker_drain(struct worker *worker, mail_fn *told);
/* Ends the thread and waits for it. */
void worker_stop(struct worker *worker);
void worker_drop(struct worker *worker);
