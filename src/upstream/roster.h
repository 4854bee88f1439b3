/* roster.h - the runtime registry of services, versions and instances, on the control thread.
 * It outlives every snapshot: the same name after a reload is the same object, with its load, pools
 * and line of waiters. Names are resolved here; when a cluster's instances change, a new set is
 * made and published to the cores, and the old one is freed when the last core has let go of it. */
#pragma once

#include "net/resolver.h"
#include "stats/registry.h"
#include "upstream/cluster.h"

struct roster_set;

struct roster_target {
    struct str text; /* as written: identity in logs */
    struct addr addr; /* family ADDR_NONE: `host` has to be resolved */
    struct str host;
    uint16_t port;
    bool is_every_address; /* each address of the name is an instance */
    uint32_t weight, priority;
    struct str zone, name; /* may be empty; name: identity for operators, else the address */
};

struct roster_cluster_conf {
    const struct roster_target *targets;
    uint32_t target_count;
    const struct balance_type *balance;
    uint32_t connections_max; /* exchanges in flight at one instance; 0: no ceiling */
};

/* One cluster's instances for all cores to take over. */
struct roster_update {
    struct roster_update *next;
    struct cluster *cluster;
    struct roster_set *set, *old; /* old: to be let go */
};

struct roster {
    struct loop *loop;
    struct core *const *cores;
    uint32_t core_count;
    struct resolver *resolver;
    struct registry *registry;
    struct list services, clusters, names, retired;
    struct instance_keeper keeper; /* of the states of all instances */
    struct roster_update *updates; /* made and not yet published */
    /* Called when updates are due outside a reload: names that changed. */
    void (*on_change)(struct roster *roster);
    void *owner;
};

struct roster_conf {
    struct loop *loop;
    struct core *const *cores;
    uint32_t core_count;
    struct resolver *resolver;
    struct registry *registry;
    void (*on_change)(struct roster *roster);
    void *owner;
};

/* An empty roster; *conf is copied. */
void roster_init(struct roster *roster, const struct roster_conf *conf);
/* Frees everything; no core runs any more. */
void roster_drop(struct roster *roster);
/* Found by name, or new. NULL: no memory. */
struct service *roster_service(struct roster *roster, struct str name, uint32_t queue_max);
struct cluster *roster_cluster(struct roster *roster, struct service *service, struct str version);
/* Says which instances a cluster has; an update is made when that changes something. ERR_MEMORY. */
MUST_USE enum err roster_configure(struct roster *roster, struct cluster *cluster,
                                   const struct roster_cluster_conf *conf);
/* Takes the updates made since the last call, for publication. */
struct roster_update *roster_take_updates(struct roster *roster);
/* On a core's thread: takes over an update, closing idle connections to instances that are gone. */
void roster_apply(const struct roster_update *update, struct core *core);
/* Every core has applied them: old sets and the updates themselves are freed. */
void roster_release(struct roster *roster, struct roster_update *updates);
/* Frees instances that nobody uses any more. Called now and then. */
void roster_sweep(struct roster *roster);
/* For gauges, status and explain: every instance of a cluster in its current set. */
const struct balance_set *roster_set_of(struct roster *roster, const struct cluster *cluster);
