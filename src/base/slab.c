/* slab.c - objects of one size for one core; see slab.h. */
#define _GNU_SOURCE
#include "base/slab.h"

#include "base/check.h"
#include "base/region.h"

#include <sys/mman.h>

enum { PAGE_BYTES = 4096 };

enum err slab_init(struct slab *slab, size_t object_bytes, uint32_t count_max)
{
    CHECK(object_bytes > 0 && object_bytes < UINT32_MAX / 2);
    CHECK(count_max > 0);
    size_t rounded = (object_bytes + CACHE_LINE_BYTES - 1) & ~(size_t)(CACHE_LINE_BYTES - 1);
    *slab = (struct slab){.object_bytes = (uint32_t)rounded, .count_max = count_max};
    slab->fail_after = UINT32_MAX;
    slab->at = region_reserve(rounded * count_max);
    slab->free_stack = region_reserve(sizeof(uint32_t) * count_max);
    if (slab->at == NULL || slab->free_stack == NULL) {
        slab_drop(slab);
        return ERR_MEMORY;
    }
    MEMORY_POISON(slab->at, rounded * count_max);
    return OK;
}

void slab_drop(struct slab *slab)
{
    if (slab->at != NULL) {
        MEMORY_UNPOISON(slab->at, (size_t)slab->object_bytes * slab->count_max);
        region_release(slab->at, (size_t)slab->object_bytes * slab->count_max);
    }
    if (slab->free_stack != NULL) {
        region_release(slab->free_stack, sizeof(uint32_t) * slab->count_max);
    }
    *slab = (struct slab){0};
}

void *slab_take(struct slab *slab)
{
    uint32_t index;
    if (UNLIKELY(slab->fail_after != UINT32_MAX && slab->fail_after-- == 0)) {
        slab->fail_after = UINT32_MAX;
        slab->refused_total++;
        return NULL;
    }
    if (slab->free_count > 0) {
        index = slab->free_stack[--slab->free_count];
        if (slab->cold_count > slab->free_count) {
            slab->cold_count = slab->free_count;
        }
    } else if (slab->count_fresh < slab->count_max) {
        index = slab->count_fresh++;
    } else {
        slab->refused_total++;
        return NULL;
    }
    slab->used_count++;
    char *object = slab->at + (size_t)index * slab->object_bytes;
    MEMORY_UNPOISON(object, slab->object_bytes);
    return object;
}

void slab_give(struct slab *slab, void *object)
{
    size_t offset = (size_t)((char *)object - slab->at);
    CHECK(offset < (size_t)slab->object_bytes * slab->count_fresh);
    CHECK(offset % slab->object_bytes == 0);
    CHECK(slab->used_count > 0);
    slab->used_count--;
    slab->free_stack[slab->free_count++] = (uint32_t)(offset / slab->object_bytes);
    MEMORY_POISON(object, slab->object_bytes);
}

uint32_t slab_trim(struct slab *slab, uint32_t keep, uint32_t batch_max)
{
    if (slab->object_bytes % PAGE_BYTES != 0) {
        return 0;
    }
    uint32_t trimmed = 0;
    while (trimmed < batch_max && slab->free_count > keep &&
           slab->cold_count < slab->free_count - keep) {
        uint32_t index = slab->free_stack[slab->cold_count++];
        (void)madvise(slab->at + (size_t)index * slab->object_bytes, slab->object_bytes,
                      MADV_DONTNEED);
        trimmed++;
    }
    return trimmed;
}
