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
    struct origin **removed; /* listed by the set before this one, and not by this one */
    uint32_t removed_count;
};

/* What the control thread knows of a cluster. */
struct roster_cluster {
    struct list node;
    struct roster *roster;
    struct cluster *cluster;
    struct arena arena; /* of targets */
    struct roster_target *targets;
    struct roster_name **names; /* by target; NULL: an address */
    uint32_t target_count;
    const struct balance_type *balance;
    uint32_t connections_max;
    struct list origins;
    struct instance_group group; /* of them */
    struct roster_set *current;
};

/* A copy on the heap; empty when there is no memory. */
struct str roster_text_keep(struct str text);
void roster_text_free(struct str text);

/* The name of a target, resolved already or asked for now; given back by roster_names_release.
 * NULL: no memory, or it is not a name. */
struct roster_name *roster_name_get(struct roster *roster, const struct roster_target *target);
/* Gives back the names of all targets of the cluster. */
void roster_names_release(struct roster_cluster *state);

/* Fills an empty set with every instance of every target. ERR_EXISTS: as the one in use.
 * ERR_NAME_UNRESOLVED: there is none yet. ERR_MEMORY. */
MUST_USE enum err roster_set_build(struct roster_cluster *state, struct roster_set *set);
/* No core has it any more: an instance that no other set lists is gone from here on. NULL is
 * nothing. */
void roster_set_free(struct roster_set *set);
/* The series of an instance stay exported, but may make room for others. */
void roster_origin_retire(struct roster *roster, const struct origin *origin);
void roster_origin_free(struct origin *origin);

/* Makes the set of a cluster anew; an update is queued when it differs. ERR_MEMORY. */
MUST_USE enum err roster_rebuild(struct roster_cluster *state);
