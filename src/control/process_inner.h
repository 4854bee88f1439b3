/* process_inner.h - the state of the control thread, for process.c, publish.c and ops.c.
 * One thread owns all of it; cores get what they may read by mail, as generations. Nobody outside
 * of these files includes this. */
#pragma once

#include "control/admin.h"
#include "control/lastgood.h"
#include "control/overrides.h"
#include "control/process.h"
#include "net/handover.h"
#include "net/signals.h"
#include "observe/access_log.h"
#include "observe/ops_server.h"
#include "proxy/worker.h"
#include "upstream/health/checker.h"

enum { CORES_MAX = 128, LOGS_ENDING_MAX = 8 };

/* A listening address over all reloads. */
struct process_slot {
    struct addr addr;
    bool is_used;
};

/* What is opened for a configuration before it is published: used with it, or closed. All-zero is
 * that nothing changes. */
struct observe_change {
    bool has_log, has_ops, has_admin;
    struct access_log *log; /* NULL: off */
    struct conf_observe observed;
    struct ops_server *ops; /* NULL: none */
    struct addr ops_addr;
    struct admin *admin; /* NULL: none */
};

struct process {
    struct loop loop;
    struct worker *workers[CORES_MAX];
    struct core *cores[CORES_MAX];
    uint32_t core_count;
    struct stats stats;
    struct stats_block *stats_block; /* of this thread */
    struct registry registry;
    struct arena arena; /* of what lives as long as the process */
    struct resolver resolver;
    struct fetcher fetcher; /* of discovery */
    struct roster roster;
    struct health health;
    struct handover handover;
    struct lastgood lastgood;
    struct overrides overrides;
    struct signals signals;
    struct access_log *log;
    struct access_log *ending[LOGS_ENDING_MAX]; /* still written, by nobody asked any more */
    struct conf_observe observed; /* what log and ops are open for; strings in the arena */
    struct ops_server *ops;
    struct addr ops_addr;
    struct admin *admin; /* NULL: the file asks for none */
    struct process_slot slots[WORKER_SLOTS_MAX];
    struct snapshot *current;
    struct snapshot *snapshots[64]; /* alive, for the oldest number */
    uint64_t generation;
    struct timer sweep, drain;
    struct list groups;
    const char *path;
    uint64_t files; /* descriptors that this process may have */
    uint32_t drained_count;
    bool is_from_saved; /* it started with the last good configuration, not with the file */
    bool is_ready, is_draining, is_over;
};

/* publish.c: where to bind for an address of the configuration: without an address (":8080") on
 * every one of the machine, IPv6 and IPv4. */
struct addr publish_bind_addr(const struct addr *addr);
/* publish.c: compiles and publishes `config`, taking it over in any case. On an error nothing has
 * changed and the log says why. */
MUST_USE enum err publish_config(struct process *process, struct config *config);
/* publish.c: publishes what the roster has changed by itself. */
void publish_updates(struct roster *roster);
/* ops.c: opens what the configuration wants observed: access log, metrics listener and, through
 * admin_api_open, the admin socket. Nothing that is in use changes. The log says what is wrong. */
MUST_USE enum err observe_open(struct process *process, const struct config *config,
                               struct observe_change *change);
/* ops.c: it is in use from here on; the log before, if there was another, is the caller's to retire
 * when no core writes to it any more. */
void observe_use(struct process *process, struct observe_change *change);
/* ops.c: closes what was opened. */
void observe_discard(struct process *process, struct observe_change *change);
/* ops.c: lets the writer of a log finish, without waiting for it. NULL is nothing. */
void observe_retire(struct process *process, struct access_log *log);
/* ops.c: frees the logs that have ended. Called now and then. */
void observe_sweep(struct process *process);
/* ops.c: closes everything, waiting for the logs. */
void observe_close(struct process *process);
/* admin_api.c: opens the admin socket when the configuration has another one than is in use; errors
 * of admin_open, said in the log. */
MUST_USE enum err admin_api_open(struct process *process, const struct config *config,
                                 struct observe_change *change);
