/* ring.c - consistent hashing on a ring: every endpoint has points in proportion to its weight, a
 * key belongs to the next point (Karger and others 1997). Shares are less even than those of
 * maglev, but an endpoint that goes moves no key of any other. */
#include "upstream/balance/hashed.h"

#include <stdlib.h>

/* Of an endpoint of average weight: shares are within a tenth of even or so. */
enum { POINTS_EACH = 160, POINTS_MAX = 1 << 22 };

static int by_hash(const void *left, const void *right)
{
    const struct ring_point *a = left, *b = right;
    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The n-th point of an endpoint is where it is whatever its weight: a change of weight adds or
 * takes away the last ones only. */
static uint32_t point_count(uint32_t weight, uint64_t total, uint32_t endpoints)
{
    double each =
        endpoints > POINTS_MAX / POINTS_EACH ? (double)POINTS_MAX / endpoints : POINTS_EACH;
    double count = each * endpoints * weight / (double)total;
    return weight == 0 ? 0 : count < 1 ? 1 : (uint32_t)count;
}

static uint64_t count_points(const struct balance_set *set, uint64_t *total, uint32_t *weighted)
{
    uint64_t points = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        *total += hashed_weight(set, i);
        *weighted += hashed_weight(set, i) > 0;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        points += point_count(hashed_weight(set, i), *total, *weighted);
    }
    return points;
}

/* About as many entries as points: from the entry of a hash it is a step or two to its point. */
static enum err index_points(struct balance_table *table, struct arena *arena)
{
    uint8_t bits = 1;
    while (bits < 31 && (uint32_t)1 << bits < table->entry_count) {
        bits++;
    }
    uint32_t size = (uint32_t)1 << bits, point = 0;
    table->shift = (uint8_t)(64 - bits);
    table->entries = ARENA_ARRAY(arena, size, uint32_t);
    if (table->entries == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < size; i++) {
        while (point < table->entry_count && table->points[point].hash >> table->shift < i) {
            point++;
        }
        table->entries[i] = point;
    }
    return OK;
}

static enum err init(struct balance_set *set, struct arena *arena, uint64_t seed)
{
    uint64_t total = 0;
    uint32_t weighted = 0, at = 0;
    (void)seed; /* the ring is the same in every process */
    TRY(hashed_init(set, arena));
    uint64_t points = count_points(set, &total, &weighted);
    struct ring_point *ring = ARENA_ARRAY(arena, points + 1, struct ring_point);
    if (ring == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t count = point_count(hashed_weight(set, i), total, weighted);
        for (uint32_t j = 0; j < count; j++) {
            uint64_t hash = hashed_mix(set->endpoints[i]->id + j * UINT64_C(0x9e3779b97f4a7c15));
            ring[at++] = (struct ring_point){hash, i};
        }
    }
    if (at == 0) {
        return OK;
    }
    qsort(ring, at, sizeof *ring, by_hash);
    ring[at] = (struct ring_point){UINT64_MAX, ring[0].index};
    set->table->points = ring;
    set->table->entry_count = at;
    return index_points(set->table, arena);
}

/* The first point at or after the hash; after the last comes the first. */
static uint32_t lookup(const struct balance_table *table, uint64_t hash)
{
    const struct ring_point *point = &table->points[table->entries[hash >> table->shift]];
    while (point->hash < hash) {
        point++;
    }
    return point->index;
}

static enum balance_verdict pick(const struct balance_set *set, const struct balance_ask *ask,
                                 struct endpoint **out)
{
    return hashed_pick(set, ask, lookup, out);
}

const struct balance_type balance_ring = {
    .name = "ring",
    .summary = "the same instance for the same key, by points on a ring (ketama)",
    .keyed_by = BALANCE_BY_KEY,
    .is_weighed_at_init = true,
    .init = init,
    .pick = pick,
};
