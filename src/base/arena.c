/* arena.c - memory with one life; see arena.h. */
#include "base/arena.h"

#include "base/check.h"
#include "base/slab.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_chunk {
    struct arena_chunk *next;
    struct slab *from; /* NULL: malloc */
    size_t bytes;
};

enum { HEAP_CHUNK_BYTES = 64 * 1024 };

static_assert(sizeof(struct arena_chunk) % 8 == 0, "what follows a chunk's head stays aligned");

static void arena_start(struct arena *arena)
{
    arena->at = arena->first_at;
    arena->end = arena->first_end;
    if (arena->at != NULL) {
        MEMORY_POISON(arena->at, (size_t)(arena->end - arena->at));
    }
    arena->used_bytes = 0;
}

void arena_init_slab(struct arena *arena, void *first, size_t first_bytes,
                     struct arena_slabs slabs, size_t limit_bytes)
{
    CHECK(((uintptr_t)first & 7) == 0);
    *arena = (struct arena){.first_at = first, .small = slabs.small, .large = slabs.large};
    arena->first_end = first == NULL ? NULL : (char *)first + (first_bytes & ~(size_t)7);
    arena->limit_bytes = limit_bytes;
    arena_start(arena);
}

void arena_init_heap(struct arena *arena, size_t limit_bytes)
{
    *arena = (struct arena){.limit_bytes = limit_bytes};
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunks;
    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;
        struct slab *from = chunk->from;
        MEMORY_UNPOISON(chunk, chunk->bytes);
        if (from == NULL) {
            free(chunk);
        } else {
            slab_give(from, chunk);
        }
        chunk = next;
    }
    arena->chunks = NULL;
    arena_start(arena);
}

void arena_drop(struct arena *arena)
{
    arena_reset(arena);
    if (arena->first_at != NULL) {
        MEMORY_UNPOISON(arena->first_at, (size_t)(arena->first_end - arena->first_at));
    }
    *arena = (struct arena){0};
}

static struct arena_chunk *chunk_take(struct arena *arena, size_t wanted)
{
    struct arena_chunk *chunk = NULL;
    struct slab *from = NULL;
    size_t bytes = wanted > HEAP_CHUNK_BYTES ? wanted : HEAP_CHUNK_BYTES;
    if (arena->small == NULL) {
        chunk = malloc(bytes);
    } else {
        from = wanted <= arena->small->object_bytes ? arena->small : arena->large;
        if (from == NULL || wanted > from->object_bytes) {
            return NULL;
        }
        bytes = from->object_bytes;
        chunk = slab_take(from);
    }
    if (chunk != NULL) {
        *chunk = (struct arena_chunk){.next = arena->chunks, .from = from, .bytes = bytes};
    }
    return chunk;
}

void *arena_alloc_slow(struct arena *arena, size_t bytes)
{
    if (bytes > arena->limit_bytes || arena->used_bytes > arena->limit_bytes - bytes) {
        return NULL;
    }
    size_t rounded = (bytes + 7 + (bytes == 0)) & ~(size_t)7;
    struct arena_chunk *chunk = chunk_take(arena, rounded + sizeof *chunk);
    if (chunk == NULL) {
        return NULL;
    }
    arena->chunks = chunk;
    arena->at = (char *)(chunk + 1);
    arena->end = (char *)chunk + (chunk->bytes & ~(size_t)7);
    MEMORY_POISON(arena->at, (size_t)(arena->end - arena->at));
    CHECK((size_t)(arena->end - arena->at) >= rounded);
    return arena_alloc(arena, bytes);
}

void arena_shrink(struct arena *arena, void *at, size_t bytes, size_t keep)
{
    size_t rounded = (bytes + 7) & ~(size_t)7, kept = (keep + 7) & ~(size_t)7;
    CHECK(keep <= bytes);
    if ((char *)at + rounded == arena->at) {
        arena->at = (char *)at + kept;
        arena->used_bytes -= rounded - kept;
        MEMORY_POISON(arena->at, rounded - kept);
    }
}

void *arena_zalloc(struct arena *arena, size_t bytes)
{
    void *taken = arena_alloc(arena, bytes);
    if (taken != NULL) {
        memset(taken, 0, bytes);
    }
    return taken;
}

void *arena_array(struct arena *arena, size_t count, size_t bytes)
{
    size_t total;
    return __builtin_mul_overflow(count, bytes, &total) ? NULL : arena_zalloc(arena, total);
}

enum err arena_keep(struct arena *arena, struct str s, struct str *out)
{
    char *at = arena_alloc(arena, s.len);
    if (at == NULL) {
        return ERR_MEMORY;
    }
    if (s.len > 0) {
        memcpy(at, s.at, s.len);
    }
    *out = str_of(at, s.len);
    return OK;
}

char *arena_keep_c(struct arena *arena, struct str s)
{
    char *at = s.len == SIZE_MAX ? NULL : arena_alloc(arena, s.len + 1);
    if (at != NULL) {
        if (s.len > 0) {
            memcpy(at, s.at, s.len);
        }
        at[s.len] = '\0';
    }
    return at;
}

enum err arena_keep_lower(struct arena *arena, struct str s, struct str *out)
{
    char *at = arena_alloc(arena, s.len);
    if (at == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < s.len; i++) {
        at[i] = char_lower(s.at[i]);
    }
    *out = str_of(at, s.len);
    return OK;
}

struct str arena_fmt(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *at = wanted < 0 ? NULL : arena_alloc(arena, (size_t)wanted + 1);
    if (at == NULL) {
        return (struct str){0};
    }
    va_start(args, format);
    (void)vsnprintf(at, (size_t)wanted + 1, format, args);
    va_end(args);
    return str_of(at, (size_t)wanted);
}
