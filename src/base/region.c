/* region.c - address space that is paid for as it is used; see region.h. */
#define _GNU_SOURCE
#include "base/region.h"

#include <sys/mman.h>

void *region_reserve(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
        return NULL;
    }
    (void)madvise(at, bytes, MADV_NOHUGEPAGE);
    return at;
}

void region_release(void *at, size_t bytes)
{
    if (at != NULL) {
        (void)munmap(at, bytes);
    }
}
