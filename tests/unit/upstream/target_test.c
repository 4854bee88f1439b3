/* target_test.c - targets as configured, copied and compared. */
#include "upstream/target.h"

#include "test.h"

TEST(what_is_configured_is_kept_whole)
{
    struct conf_target conf = {.text = STR("10.0.0.1:80"),
                               .host = STR("10.0.0.1"),
                               .kind = CONF_TARGET_ADDRESS,
                               .port = 80,
                               .weight = 3,
                               .priority = 2,
                               .zone = STR("eu"),
                               .name = STR("one")};
    WANT_INT(addr_parse(STR("10.0.0.1:80"), &conf.addr), OK);
    struct roster_target target = roster_target_from(&conf), copy;
    struct arena arena;
    arena_init_heap(&arena, 4096);
    WANT_INT(roster_target_keep(&arena, &target, &copy), OK);
    WANT(copy.text.at != target.text.at && copy.zone.at != target.zone.at);
    WANT(roster_target_is_same(&target, &copy));
    WANT_INT(copy.weight, 3);
    WANT_INT(copy.priority, 2);
    WANT_STR(copy.name, STR("one"));
    conf.kind = CONF_TARGET_DNS;
    target = roster_target_from(&conf);
    WANT(target.is_every_address && target.addr.family == ADDR_NONE);
    WANT(!roster_target_is_same(&target, &copy));
    arena_reset(&arena);
}

TEST(every_difference_is_one)
{
    const struct roster_target base = {.text = STR("a:1"), .host = STR("a"), .port = 1, .weight = 1};
    struct roster_target other[6] = {base, base, base, base, base, base};
    other[0].weight = 2;
    other[1].priority = 1;
    other[2].zone = STR("z");
    other[3].name = STR("n");
    other[4].port = 2;
    other[5].text = STR("b:1");
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        WANT(!roster_target_is_same(&base, &other[i]));
    }
    WANT(roster_target_is_same(&base, &base));
}
