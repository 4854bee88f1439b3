/* maglev.c - consistent hashing by a table that every endpoint fills in an order of its own
 * (Eisenbud and others 2016, 3.4): even to a slot, one look at pick time, and when an endpoint goes
 * few keys of others move.
 *
 * Turns go round; an endpoint takes its next free slot at each of its turns and has as many turns
 * as its weight gives it slots, so shares are exact for any weights and the work is the same. */
#include "upstream/balance/hashed.h"

#include "base/hash.h"

#include <stdlib.h>

/* An endpoint that still takes slots. */
struct filler {
    uint64_t id;
    uint32_t index;
    uint32_t at, skip; /* its next slot, and the way to the one after that */
    uint32_t left;     /* slots that are due to it */
};

static int by_id(const void *left, const void *right)
{
    const struct filler *a = left, *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Names decide the order, so that the file's does not. Those without weight take no part. */
static uint32_t list_fillers(const struct balance_set *set, struct filler *fillers, uint32_t size)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        uint64_t id = set->endpoints[i]->id;
        uint32_t at = (uint32_t)(hashed_mix(id + 1) % size);
        uint32_t skip = (uint32_t)(hashed_mix(id + 2) % (size - 1)) + 1;
        if (hashed_weight(set, i) > 0) {
            fillers[count++] = (struct filler){id, i, at, skip, 0};
        }
    }
    qsort(fillers, count, sizeof *fillers, by_id);
    return count;
}

/* Slots by weight: cumulated and rounded down, so that they add up. With more endpoints than slots
 * some get none. */
static void share_slots(const struct balance_set *set, struct filler *fillers, uint32_t count,
                        uint32_t size)
{
    uint64_t total = 0, sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += hashed_weight(set, fillers[i].index);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t before = sum * size / total;
        sum += hashed_weight(set, fillers[i].index);
        fillers[i].left = (uint32_t)(sum * size / total - before);
    }
}

static void fill(uint32_t *entries, uint32_t size, struct filler *fillers, uint32_t count)
{
    while (count > 0) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < count; i++) {
            struct filler filler = fillers[i];
            if (filler.left == 0) {
                continue;
            }
            while (entries[filler.at] != UINT32_MAX) {
                filler.at += filler.skip;
                filler.at -= filler.at >= size ? size : 0;
            }
            entries[filler.at] = filler.index;
            filler.left--;
            fillers[kept++] = filler;
        }
        count = kept;
    }
}

enum err maglev_build(struct balance_set *set, struct arena *arena, uint64_t seed)
{
    uint32_t size = set->options.table_entries > 1 ? set->options.table_entries : MAGLEV_ENTRIES;
    (void)seed; /* the table is the same in every process */
    TRY(hashed_init(set, arena));
    uint32_t *entries = ARENA_ARRAY(arena, size, uint32_t);
    struct arena scratch;
    arena_init_heap(&scratch, SIZE_MAX);
    struct filler *fillers = ARENA_ARRAY(&scratch, set->count, struct filler);
    if (entries == NULL || fillers == NULL) {
        arena_reset(&scratch);
        return ERR_MEMORY;
    }
    memset(entries, 0xff, size * sizeof *entries);
    uint32_t count = list_fillers(set, fillers, size);
    if (count > 0) {
        share_slots(set, fillers, count, size);
        fill(entries, size, fillers, count);
        set->table->entries = entries;
        set->table->entry_count = size;
    }
    arena_reset(&scratch);
    return OK;
}

uint32_t maglev_lookup(const struct balance_table *table, uint64_t hash)
{
    return table->entries[hash % table->entry_count];
}

static enum balance_verdict pick(const struct balance_set *set, const struct balance_ask *ask,
                                 struct endpoint **out)
{
    return hashed_pick(set, ask, maglev_lookup, out);
}

const struct balance_type balance_maglev = {
    .name = "maglev",
    .summary = "the same instance for the same key, by an even table (Maglev hashing)",
    .keyed_by = BALANCE_BY_KEY,
    .is_weighed_at_init = true,
    .init = maglev_build,
    .pick = pick,
};
