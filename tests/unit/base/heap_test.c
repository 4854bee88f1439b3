#include "base/heap.h"
#include "test.h"

static bool is_zeroed(const unsigned char *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (at[i] != 0) {
            return false;
        }
    }
    return true;
}

TEST(an_object_is_zeroed_even_where_another_one_was)
{
    for (int i = 0; i < 100; i++) {
        unsigned char *object = heap_new(1000);
        WANT(object != NULL && is_zeroed(object, 1000));
        memset(object, 0xff, 1000);
        heap_free(object);
    }
}

TEST(an_object_shares_no_cache_line)
{
    void *objects[32];
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        objects[i] = heap_new(i + 1);
        WANT((uintptr_t)objects[i] % CACHE_LINE_BYTES == 0);
        for (size_t j = 0; j < i; j++) {
            WANT((uintptr_t)objects[i] / CACHE_LINE_BYTES !=
                 (uintptr_t)objects[j] / CACHE_LINE_BYTES);
        }
    }
    for (size_t i = 0; i < COUNT_OF(objects); i++) {
        heap_free(objects[i]);
    }
}

TEST(sizes_that_cannot_be_had_give_null)
{
    /* Rounding up to a line would wrap around. */
    WANT(heap_new(SIZE_MAX) == NULL);
    WANT(heap_new(SIZE_MAX - CACHE_LINE_BYTES + 2) == NULL);
}

TEST(nothing_can_be_freed)
{
    heap_free(NULL);
}
