#include "base/arena.h"
#include "base/check.h"
#include "base/slab.h"
#include "test.h"

TEST(an_arena_ends_at_its_limit_and_starts_anew_after_reset)
{
    struct arena arena;
    arena_init_heap(&arena, 200000);
    size_t count = 0;
    while (arena_alloc(&arena, 1000) != NULL) {
        count++;
    }
    WANT(count >= 190 && count <= 265);
    arena_reset(&arena);
    WANT(arena_alloc(&arena, 150000) != NULL);
    WANT(arena_alloc(&arena, SIZE_MAX) == NULL);
    WANT(ARENA_ARRAY(&arena, SIZE_MAX / 2, uint64_t) == NULL);
    arena_reset(&arena);
}

TEST(a_slab_arena_grows_by_chunks_and_gives_them_back)
{
    struct slab small, large;
    CHECK(slab_init(&small, 4096, 2) == OK);
    CHECK(slab_init(&large, 16384, 1) == OK);
    _Alignas(8) char first[256];
    struct arena arena;
    arena_init_slab(&arena, first, sizeof first, (struct arena_slabs){&small, &large}, 100000);
    char *in_first = arena_alloc(&arena, 200);
    WANT(in_first == first);
    WANT(arena_alloc(&arena, 4000) != NULL);
    WANT(arena_alloc(&arena, 10000) != NULL);
    WANT(arena_alloc(&arena, 10000) == NULL);
    WANT(arena_alloc(&arena, 20000) == NULL);
    WANT_INT(small.used_count, 1);
    WANT_INT(large.used_count, 1);
    arena_drop(&arena);
    WANT_INT(small.used_count + large.used_count, 0);
    slab_drop(&small);
    slab_drop(&large);
}

TEST(nothing_asked_for_is_not_an_error)
{
    struct arena arena;
    arena_init_heap(&arena, 100000);
    WANT(arena_alloc(&arena, 0) != NULL);
    WANT(ARENA_ARRAY(&arena, 0, uint64_t) != NULL);
    arena_reset(&arena);
}

TEST(kept_text_is_a_copy)
{
    struct arena arena;
    arena_init_heap(&arena, 100000);
    char text[] = "Host";
    struct str kept, lower;
    WANT(arena_keep(&arena, STR("Host"), &kept) == OK);
    WANT(arena_keep_lower(&arena, str_from_c(text), &lower) == OK);
    text[0] = 'x';
    WANT_STR(kept, STR("Host"));
    WANT_STR(lower, STR("host"));
    WANT(strcmp(arena_keep_c(&arena, kept), "Host") == 0);
    WANT_STR(arena_fmt(&arena, "%d-%s", 7, "x"), STR("7-x"));
    arena_reset(&arena);
}
