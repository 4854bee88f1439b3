/* levels.h - which group of a cluster's instances a pick goes to: priorities, zones, warming up.
 * A group is what has one priority and is in this process's zone, or is not. The control thread
 * weighs the groups whenever a state changes (instance.h) and writes their shares here; a pick
 * draws a group, then an instance in it, and goes on to the next group when that one is exhausted.
 * An instance that warms up is picked here alone, by its share of all picks of its group, so that
 * neither an idle one nor one without history draws more. Part of a published set; clusters of one
 * group that have no slow start have none of this. */
#pragma once

#include "upstream/balance.h"

struct origin;

enum { LEVEL_GROUPS_MAX = 32, LEVELS_ONE = 1 << 16 };

/* Instances that warm up, with running sums of their shares, of 2^32. */
struct level_warm {
    _Atomic(struct endpoint *) endpoint;
    _Atomic uint32_t upto;
};

struct level_group {
    struct balance_set set;
    uint32_t priority;
    bool is_local;
    _Atomic uint32_t warm_count;
    struct level_warm *warm; /* as many as set.count */
};

struct levels {
    struct level_group *groups; /* by priority, this zone's first */
    uint32_t group_count;
    _Atomic uint32_t upto[LEVEL_GROUPS_MAX]; /* running sums of shares, of LEVELS_ONE */
};

/* What decides about the group of an endpoint. */
static inline uint8_t level_place(uint32_t priority, bool is_local)
{
    return (uint8_t)(priority * 2 + !is_local);
}

struct levels_conf {
    const struct balance_set_conf *all;
    const uint8_t *places; /* of its endpoints */
    bool has_slow_start;
};
/* Sorts endpoints into groups with sets of their own; *out is NULL when one group is all and there
 * is no slow start. ERR_MEMORY. */
MUST_USE enum err levels_build(struct levels **out, struct arena *arena,
                               const struct levels_conf *conf);
/* Picks among `all` of the same published set; any thread. */
MUST_USE enum balance_verdict levels_pick(const struct levels *levels,
                                          const struct balance_set *all,
                                          const struct balance_ask *ask, struct endpoint **out);

/* What the control thread knows of one priority, in weight. */
struct level_sum {
    uint64_t total[2], usable[2]; /* others, this zone's */
    uint64_t doubtful; /* of total: down or ejected */
};
/* By priority: its share of all picks, of LEVELS_ONE, and whether health is not believed there.
 * Spill-over begins when less than 1 / 1.4 of a level is usable; `panic_percent` 0: never. */
struct level_plan {
    uint32_t shares[LEVEL_GROUPS_MAX / 2];
    uint32_t panic; /* bit by priority */
};
struct level_plan levels_plan(const struct level_sum *sums, uint32_t count, int64_t panic_percent);
/* What of a level's picks stays in this zone, of LEVELS_ONE. */
uint32_t levels_local_share(const struct level_sum *sum);
/* Writes the shares of groups. Control thread. */
void levels_set(struct levels *levels, const struct level_plan *plan, const struct level_sum *sums);
