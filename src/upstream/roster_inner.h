/* roster_inner.h - what the files of the roster share; nobody else includes this.
 * roster.c has the services and clusters, roster_names.c the names that are resolved for them,
 * roster_set.c the instances and the sets that list them. All on the control thread. */
#pragma once

#include "upstream/roster.h"

enum { SET_ARENA_BYTES_MAX = 64 << 20 };

/* A name that is resolved for one or more targets. */
struct roster_name {
    struct resolver_name resolver_name; /* first */
    struct list node;
    struct roster *roster;
    uint32_t use_count;
};

struct roster_set {
    struct arena arena;
    struct balance_set set;
    struct levels *levels; /* NULL: one group is all */
    uint8_t *places;       /* of its endpoints: levels.h */
    struct origin **removed; /* listed by the set before this one, and not by this one */
    uint32_t removed_count;
    bool has_slow_start;
};

/* What a cluster is configured as. All-zero has no targets. */
struct roster_spec {
    struct arena arena; /* of targets */
    struct roster_target *targets;
    struct roster_name **names; /* by target; NULL: an address */
    uint32_t target_count;
    const struct balance_type *balance;
    struct balance_options options;
    uint32_t connections_max;
    struct instance_conf life;
    struct str zone; /* of this process */
    struct outlier_conf eject; /* without a window: off */
    struct breaker_conf breaker; /* the same */
    struct gradient_conf concurrency; /* without a max: nothing is learned */
};

/* What is configured and not in use yet. All-zero is nothing. */
struct roster_stage {
    struct roster_spec spec;
    struct roster_update *updates;
    struct discover *source; /* to be followed from then on */
    bool is_used;  /* something stands here */
    bool has_spec; /* else only the addresses of names have changed */
};

/* What the control thread knows of a cluster. */
struct roster_cluster {
    struct list node;
    struct roster *roster;
    struct cluster *cluster;
    struct roster_spec spec;
    struct roster_stage stage;
    struct discover *source; /* who lists the targets; NULL: the configuration does */
    struct list origins;
    struct instance_group group; /* of them */
    struct breaker breaker;
    uint32_t cell_breaker; /* its series; 0: none yet */
    struct roster_set *current;
    uint64_t generation;   /* the last that named it */
    uint32_t update_count; /* that are on their way to the cores */
    bool is_unused;        /* so found by the last sweep */
};

/* A copy on the heap; empty when there is no memory. */
struct str roster_text_keep(struct str text);
void roster_text_free(struct str text);

/* The name of a target, resolved already or asked for now; given back by roster_names_release.
 * NULL: no memory, or it is not a name. */
struct roster_name *roster_name_get(struct roster *roster, const struct roster_target *target);
/* Gives back the names of all targets. */
void roster_names_release(struct roster_spec *spec);

/* A text for `host: target`; NULL: no memory. */
struct str *roster_host_new(struct str text);
/* Fills an empty set with every instance of every target, and stages the other host texts that
 * instances get. ERR_EXISTS: as the set in use. ERR_NAME_UNRESOLVED: there is none yet.
 * ERR_MEMORY. */
MUST_USE enum err roster_set_build(struct roster_cluster *state, const struct roster_spec *spec,
                                   struct roster_set *set);
/* Weights and ceilings of state->spec take effect. */
void roster_set_use(struct roster_cluster *state);
/* No core has it any more: an instance that no other set lists is gone from here on. NULL is
 * nothing. */
void roster_set_free(struct roster_set *set);
/* The series of an instance stay exported, but may make room for others. */
void roster_origin_retire(struct roster *roster, const struct origin *origin);
void roster_origin_free(struct origin *origin);

/* Puts the source that `conf` names on the stage: the one in use when it is the same, a new one, or
 * none. ERR_MEMORY. */
MUST_USE enum err roster_follow(struct roster_cluster *state, const struct conf_discover *conf);
/* Targets as a source lists them take the place of those before. ERR_MEMORY. */
MUST_USE enum err roster_relist(struct roster_cluster *state, const struct discover_list *list);
/* The addresses of a name of the cluster have changed: an update is queued when that changes its
 * instances. ERR_MEMORY. */
MUST_USE enum err roster_rebuild(struct roster_cluster *state);

/* roster_watch.c: the rules of passive detection may be others; off, what was decided is void. */
void roster_watch_conf(struct roster_cluster *state);
/* Looks at every cluster from now on, until the roster's timer is stopped. */
void roster_watch_start(struct roster *roster);
