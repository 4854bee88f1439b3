/* slab.h - objects of one size for one core, with a ceiling.
 * Address space for the ceiling is reserved at once, memory is touched as it is needed, the object
 * freed last is taken first (it is still in the cache), and objects of whole pages can be handed
 * back to the kernel when a peak is over. Free objects are poisoned under the address sanitizer.
 * Not thread-safe: a slab belongs to one core. */
#pragma once

#include "base/err.h"

struct slab {
    char *at;              /* reserved region of count_max objects */
    uint32_t *free_stack;  /* indices of free objects, hottest last */
    uint32_t object_bytes; /* rounded up to a cache line */
    uint32_t count_max, count_fresh; /* ceiling; objects ever taken */
    uint32_t free_count, used_count;
    uint32_t cold_count; /* this many at the bottom of free_stack have no memory behind them */
    uint32_t fail_after; /* tests: takes left before one fails; UINT32_MAX never */
    uint64_t refused_total;
};

/* ERR_MEMORY: the region could not be reserved. */
MUST_USE enum err slab_init(struct slab *slab, size_t object_bytes, uint32_t count_max);
void slab_drop(struct slab *slab);
/* An object with unspecified content, aligned to a cache line, or NULL at the ceiling (counted). */
MUST_USE void *slab_take(struct slab *slab);
/* Gives an object back; it may not be touched after. */
void slab_give(struct slab *slab, void *object);
/* Returns the memory of free objects beyond the `keep` hottest to the kernel; only for objects of
 * whole pages, else nothing. At most `batch_max` objects a call. Returns how many. */
uint32_t slab_trim(struct slab *slab, uint32_t keep, uint32_t batch_max);
