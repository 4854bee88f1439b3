/* ring.c - bytes between two threads; see ring.h. */
#include "base/ring.h"

#include "base/check.h"
#include "base/region.h"

enum err ring_init(struct ring *ring, size_t bytes)
{
    CHECK(bytes > 0);
    CHECK((bytes & (bytes - 1)) == 0);
    *ring = (struct ring){.at = region_reserve(bytes), .bytes = bytes};
    return ring->at == NULL ? ERR_MEMORY : OK;
}

void ring_drop(struct ring *ring)
{
    region_release(ring->at, ring->bytes);
    ring->at = NULL;
    ring->bytes = 0;
}

bool ring_put(struct ring *ring, struct str s)
{
    uint64_t put = atomic_load_explicit(&ring->put_total, memory_order_relaxed);
    if (s.len > ring->bytes - (put - ring->taken_seen)) {
        /* Acquire: the consumer has read what it took before these bytes are written over. */
        ring->taken_seen = atomic_load_explicit(&ring->taken_total, memory_order_acquire);
        if (s.len > ring->bytes - (put - ring->taken_seen)) {
            return false;
        }
    }
    size_t at = put & (ring->bytes - 1), first = ring->bytes - at;
    first = s.len < first ? s.len : first;
    if (s.len > 0) {
        memcpy(ring->at + at, s.at, first);
        memcpy(ring->at, s.at + first, s.len - first);
    }
    atomic_store_explicit(&ring->put_total, put + s.len, memory_order_release);
    return true;
}

size_t ring_used(const struct ring *ring)
{
    /* Taken first: it never overtakes what was put, whatever happens between the two loads. */
    uint64_t taken = atomic_load_explicit(&ring->taken_total, memory_order_acquire);
    uint64_t put = atomic_load_explicit(&ring->put_total, memory_order_acquire);
    return put - taken;
}

struct str ring_peek(const struct ring *ring, size_t bytes_max)
{
    uint64_t taken = atomic_load_explicit(&ring->taken_total, memory_order_relaxed);
    uint64_t put = atomic_load_explicit(&ring->put_total, memory_order_acquire);
    size_t at = taken & (ring->bytes - 1), len = put - taken;
    len = len < ring->bytes - at ? len : ring->bytes - at;
    return str_of(ring->at + at, len < bytes_max ? len : bytes_max);
}

void ring_take(struct ring *ring, size_t bytes)
{
    uint64_t taken = atomic_load_explicit(&ring->taken_total, memory_order_relaxed);
    CHECK(bytes <= ring_used(ring));
    atomic_store_explicit(&ring->taken_total, taken + bytes, memory_order_release);
}
