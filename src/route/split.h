/* split.h - which version of a service serves an exchange: by weight, or by weight and cohort.
 * A cohort key (header, cookie, address, consumer: the caller's business) always meets the same
 * version. It is weighted rendezvous hashing: each version draws -ln(u) / weight with u from
 * hash(key, version name), the least wins. So shares follow the weights exactly, and because a
 * change of one weight changes that version's draw alone, raising it moves keys into that version
 * only and lowering it moves keys out of that version only, for any number of versions: cumulative
 * ranges do that for two at most. Names and the seed decide, so every process, machine and
 * generation agrees, and order in the file means nothing. */
#pragma once

#include "base/arena.h"
#include "base/rng.h"

enum { SPLIT_WEIGHT_MAX = 1000000, SPLIT_VERSIONS_MAX = 256 };

struct split_version {
    struct str name;
    uint32_t weight; /* 0 to SPLIT_WEIGHT_MAX; 0 drains: never picked, with or without key */
    void *value;     /* what the caller wants back */
    uint64_t id;     /* set by split_init */
};

struct split {
    struct split_version *versions;
    uint32_t count;
    uint64_t total_weight, seed;
};

/* Over `versions` (borrowed, ids are filled in). `seed` names the service and its cohort
 * generation: another one shuffles all cohorts. ERR_RANGE: a weight or the count is too large.
 * ERR_EXISTS: two versions with one name. */
MUST_USE enum err split_init(struct split *split, struct split_version *versions, uint32_t count,
                             struct str seed);
/* What split_pick_key wants: the same in every process. */
uint64_t split_key(const struct split *split, struct str key);
/* The version of a cohort. ERR_NO_VERSION: every weight is 0. */
MUST_USE enum err split_pick_key(const struct split *split, uint64_t key,
                                 const struct split_version **out);
/* A version at random, by weight. ERR_NO_VERSION. */
MUST_USE enum err split_pick(const struct split *split, struct rng *rng,
                             const struct split_version **out);
