/* arena.h - memory with one life: everything is released by one reset.
 * Two kinds share one face. An exchange's arena starts in memory inside the exchange and grows by
 * chunks from its core's slabs; a control-plane arena (a snapshot, a parse) grows by malloc. Both
 * have a byte limit; past it arena_alloc returns NULL, which is an error value of the caller. */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct slab;
struct arena_chunk;

struct arena {
    char *at, *end;             /* free bytes of the current chunk */
    char *first_at, *first_end; /* memory of the owner, NULL for none */
    struct arena_chunk *chunks; /* newest first */
    struct slab *small, *large; /* chunk sources; both NULL: malloc */
    size_t used_bytes, limit_bytes;
};

/* Where chunks come from; both NULL: malloc. */
struct arena_slabs {
    struct slab *small, *large;
};
/* An arena over `first` (owned by the caller, may be NULL), growing from slabs. */
void arena_init_slab(struct arena *arena, void *first, size_t first_bytes,
                     struct arena_slabs slabs, size_t limit_bytes);
/* An arena that grows by malloc; never on the data path. */
void arena_init_heap(struct arena *arena, size_t limit_bytes);
/* Releases every chunk; the arena is empty and usable again. */
void arena_reset(struct arena *arena);
/* The end: releases everything and lets the owner have the first memory for something else. */
void arena_drop(struct arena *arena);
void *arena_alloc_slow(struct arena *arena, size_t bytes);

/* `bytes` bytes aligned to 8, content unspecified; NULL past the limit or at a slab's ceiling. */
MUST_USE static inline void *arena_alloc(struct arena *arena, size_t bytes)
{
    /* Nothing asked for is still somewhere: NULL means "no memory" alone. */
    size_t rounded = (bytes + 7 + (bytes == 0)) & ~(size_t)7;
    if (LIKELY(rounded >= bytes && rounded <= (size_t)(arena->end - arena->at))) {
        void *taken = arena->at;
        MEMORY_UNPOISON(taken, bytes);
        arena->at += rounded;
        arena->used_bytes += rounded;
        return taken;
    }
    return arena_alloc_slow(arena, bytes);
}

/* The same, all zero. */
MUST_USE void *arena_zalloc(struct arena *arena, size_t bytes);
/* A zeroed array; NULL also when count * bytes overflows. */
MUST_USE void *arena_array(struct arena *arena, size_t count, size_t bytes);
#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_array((arena), (count), sizeof(type)))

/* Gives the end of the newest allocation back: `at` had `bytes`, only `keep` of them stay. Nothing
 * happens when something was allocated since. */
void arena_shrink(struct arena *arena, void *at, size_t bytes, size_t keep);

/* A copy of `s` in the arena; ERR_MEMORY past the limit. */
MUST_USE enum err arena_keep(struct arena *arena, struct str s, struct str *out);
/* A copy with a closing NUL, or NULL past the limit. */
MUST_USE char *arena_keep_c(struct arena *arena, struct str s);
/* A copy in ASCII lower case. */
MUST_USE enum err arena_keep_lower(struct arena *arena, struct str s, struct str *out);
/* printf into the arena; empty slice past the limit. For cold paths. */
struct str arena_fmt(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
