/* ring.h - a ring of bytes from one thread to one other, without a lock.
 * The producer puts whole messages or nothing; the consumer looks at what is there, where it is,
 * and takes it when it is done with it. Messages are the users' business: here are only bytes. */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdatomic.h>

struct ring {
    char *at;
    size_t bytes; /* a power of two */
    /* Bytes ever put and ever taken; each is written by one side and has its own cache line, with
     * what that side last saw of the other beside it. */
    CACHE_ALIGNED _Atomic uint64_t put_total;
    uint64_t taken_seen;
    CACHE_ALIGNED _Atomic uint64_t taken_total;
};

/* An empty ring of `bytes`, a power of two. ERR_MEMORY. */
MUST_USE enum err ring_init(struct ring *ring, size_t bytes);
/* Gives the memory back; neither side may be using it. */
void ring_drop(struct ring *ring);
/* Producer: appends all of `s`. False: there is no room, and nothing was put. */
MUST_USE bool ring_put(struct ring *ring, struct str s);
/* Either side: bytes in the ring; the other side may be changing it. */
size_t ring_used(const struct ring *ring);
/* Consumer: the oldest bytes that stand in one piece, at most `bytes_max`; empty when there are
 * none. They stay until ring_take. */
struct str ring_peek(const struct ring *ring, size_t bytes_max);
/* Consumer: gives the room of the oldest `bytes`, which were there, back to the producer. */
void ring_take(struct ring *ring, size_t bytes);
