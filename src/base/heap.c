/* heap.c - objects with a life of their own; see heap.h.
 * Control plane only: on the data path memory comes from slabs and arenas. */
#include "base/heap.h"

#include <stdlib.h>
#include <string.h>

void *heap_new(size_t bytes)
{
    size_t rounded = (bytes + CACHE_LINE_BYTES - 1) & ~(size_t)(CACHE_LINE_BYTES - 1);
    void *object = rounded < bytes ? NULL : aligned_alloc(CACHE_LINE_BYTES, rounded);
    if (object != NULL) {
        memset(object, 0, rounded);
    }
    return object;
}

void heap_free(void *object)
{
    free(object);
}
