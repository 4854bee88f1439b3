#include "base/check.h"
#include "base/map.h"
#include "test.h"

TEST(every_key_is_found_and_no_other)
{
    struct arena arena;
    struct map map;
    arena_init_heap(&arena, 64 << 20);
    map_init(&map, &arena);
    WANT(map_find(&map, STR("x")) == NULL);
    for (int i = 0; i < 5000; i++) {
        struct str key = arena_fmt(&arena, "key-%d", i);
        CHECK(map_add(&map, key, arena_keep_c(&arena, key)) == OK);
    }
    for (int i = 0; i < 5000; i++) {
        struct str key = arena_fmt(&arena, "key-%d", i);
        const char *value = map_find(&map, key);
        WANT(value != NULL && strcmp(value, key.at) == 0);
    }
    WANT(map_find(&map, STR("key-5000")) == NULL);
    WANT(map_add(&map, STR("key-7"), NULL) == ERR_EXISTS);
    WANT(map_add(&map, STR(""), &map) == OK && map_find(&map, STR("")) == &map);
    arena_reset(&arena);
}
