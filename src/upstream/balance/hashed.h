/* hashed.h - what the methods share by which a key meets the same endpoint again: ring, maglev and
 * ip_hash each have a table of their own, and the rest is here.
 *
 * A key that cannot have its endpoint (down, full, tried, over its bound, or with a share that is
 * cut) is looked up again under a hash of the hash, and again: a random walk over the endpoints
 * that only the key decides. So it goes where every other process would send it, the load of an
 * endpoint that is gone spreads over all others by weight instead of falling on one neighbour, and
 * keys of the others stay (Chen, Coleman, Shrivastava 2019, "random jump").
 *
 * The bound (Mirrokni, Thorup, Zadimoghaddam 2016): no endpoint has more than `bound` times its
 * share of what is in flight, over all cores, rounded up; a share follows the live weight. */
#pragma once

#include "upstream/balance/method.h"

enum { HASHED_PROBES_MAX = 64 };

struct ring_point {
    uint64_t hash;
    uint32_t index; /* of the endpoint */
};

struct balance_table {
    _Atomic int64_t summed_ns;    /* when */
    _Atomic uint64_t units_total; /* of all that are usable */
    uint32_t entry_count;         /* 0: no endpoint has a weight */
    uint32_t *entries;            /* maglev: indices of endpoints; ring: of the first point whose
                                     hash begins with at least these bits */
    struct ring_point *points;    /* ring: in order of their hash, and the first one again */
    uint8_t shift;                /* ring: what is left of a hash is the place in `entries` */
};

/* The endpoint of a hash, for entry_count above 0. */
typedef uint32_t hashed_lookup(const struct balance_table *table, uint64_t hash);

/* An empty table for set->table. ERR_MEMORY. */
MUST_USE enum err hashed_init(struct balance_set *set, struct arena *arena);
/* See balance_pick. A request without a key goes anywhere. */
MUST_USE enum balance_verdict hashed_pick(const struct balance_set *set,
                                          const struct balance_ask *ask, hashed_lookup *lookup,
                                          struct endpoint **out);
/* The table of maglev.c, for others that want it. ERR_MEMORY. */
MUST_USE enum err maglev_build(struct balance_set *set, struct arena *arena, uint64_t seed);
uint32_t maglev_lookup(const struct balance_table *table, uint64_t hash);

/* The output step of splitmix64 (Steele, Lea, Flood 2014): every bit depends on every bit. */
static inline uint64_t hashed_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The weight that a table is made of: the one that file or operator gave. What takes away from it
 * for a while (warming up, ejection) is left to picks. */
static inline uint32_t hashed_weight(const struct balance_set *set, uint32_t index)
{
    return set->weights == NULL ? 1 : set->weights[index];
}
