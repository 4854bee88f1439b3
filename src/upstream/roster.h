/* roster.h - the runtime registry of services, versions and instances, on the control thread.
 * It outlives every snapshot: the same name after a reload is the same object, with its load, pools
 * and line of waiters. Names are resolved here, and lists of
 * instances followed; when a cluster's instances change, a new set is
 * made and published to the cores, and the old one is freed when the last core has let go of it. */
#pragma once

#include "net/resolver.h"
#include "stats/registry.h"
#include "upstream/cluster.h"
#include "upstream/discover/discover.h"
#include "upstream/instance_group.h"

struct roster_cluster;
struct roster_set;

struct roster_cluster_conf {
    const struct roster_target *targets;
    uint32_t target_count;
    const struct conf_discover *discover; /* who lists the targets instead; NULL: nobody */
    const struct balance_type *balance;
    struct balance_options options; /* of it */
    uint32_t connections_max; /* exchanges in flight at one instance; 0: no ceiling */
    struct instance_conf life;
    struct str zone; /* of this process; empty: not known */
    struct outlier_conf eject; /* passive detection; without a window: none */
    struct breaker_conf breaker; /* without a window: none */
    struct gradient_conf concurrency; /* without a max: none */
};

/* One cluster's instances for all cores to take over; or one text that none of them reads any more
 * once all have been told, and then there is no cluster. */
struct roster_update {
    struct roster_update *next;
    struct roster_cluster *state;
    struct cluster *cluster;
    struct roster_set *set, *old; /* old: to be let go */
    struct origin *origin;
    struct str *host; /* of the origin: the new text, and the old one when that is in use */
    bool is_purge;    /* idle connections to the origin are closed */
};

struct roster {
    struct loop *loop;
    struct core *const *cores;
    uint32_t core_count;
    struct resolver *resolver;
    struct fetcher *fetcher;
    struct registry *registry;
    struct timer tick;
    struct list services, clusters, names, retired;
    struct instance_keeper keeper; /* of the states of all instances */
    struct timer watch;            /* of passive detection */
    struct rng watch_rng;
    struct roster_update *updates; /* made and not yet published */
    uint64_t generation;           /* that is compiled now */
    uint64_t oldest;               /* generation that is still in use */
    /* Called when updates are due outside a reload: names that changed. */
    void (*on_change)(struct roster *roster);
    void *owner;
};

struct roster_conf {
    struct loop *loop;
    struct core *const *cores;
    uint32_t core_count;
    struct resolver *resolver;
    struct fetcher *fetcher; /* for registries; NULL: none can be asked */
    struct registry *registry;
    void (*on_change)(struct roster *roster);
    void *owner;
};

/* An empty roster; *conf is copied. */
void roster_init(struct roster *roster, const struct roster_conf *conf);
/* Frees everything; no core runs any more. */
void roster_drop(struct roster *roster);
/* Services and clusters that are asked for from here on are named by this generation. */
void roster_begin(struct roster *roster, uint64_t generation);
/* No generation before `oldest` is in use: roster_sweep frees what none since then has named. Who
 * keeps a service or a cluster without being part of a snapshot has to let go of it. */
void roster_forget(struct roster *roster, uint64_t oldest);
/* Found by name, or new. NULL: no memory. */
struct service *roster_service(struct roster *roster, struct str name, uint32_t queue_max);
struct cluster *roster_cluster(struct roster *roster, struct service *service, struct str version);
/* Says which instances a cluster has, with roster_take_updates: nothing has changed before, and
 * until then the last word counts. ERR_MEMORY. */
MUST_USE enum err roster_configure(struct roster *roster, struct cluster *cluster,
                                   const struct roster_cluster_conf *conf);
/* What was configured since the last call takes effect: weights, ceilings and hosts at once, other
 * instances with the updates that it gives, which are to be published. Cannot fail. */
struct roster_update *roster_take_updates(struct roster *roster);
/* What was configured is not to take effect after all. */
void roster_discard(struct roster *roster);
/* On a core's thread: takes over an update, closing idle connections to instances that are gone. */
void roster_apply(const struct roster_update *update, struct core *core);
/* Every core has applied them: old sets and the updates themselves are freed. */
void roster_release(struct roster *roster, struct roster_update *updates);
/* Frees instances, clusters and services that nobody uses any more. Called now and then. */
void roster_sweep(struct roster *roster);
/* Passive detection looks at every instance once; a timer calls it. */
void roster_watch(struct roster *roster);
/* Calls `each` for every instance of every cluster, those that are going too. */
void roster_each(struct roster *roster, void (*each)(void *context, struct origin *origin),
                 void *context);
/* Queues an update that closes idle connections to the instance on all cores. ERR_MEMORY. */
MUST_USE enum err roster_purge(struct roster *roster, struct origin *origin);
/* For gauges, status and explain: every instance of a cluster in its current set. */
const struct balance_set *roster_set_of(struct roster *roster, const struct cluster *cluster);
