#include "base/check.h"
#include "base/slab.h"
#include "test.h"

TEST(an_empty_slab_is_a_counted_answer)
{
    struct slab slab;
    CHECK(slab_init(&slab, 100, 3) == OK);
    void *one = slab_take(&slab), *two = slab_take(&slab), *three = slab_take(&slab);
    WANT(one != NULL && two != NULL && three != NULL);
    WANT(slab_take(&slab) == NULL);
    WANT_INT(slab.refused_total, 1);
    slab_give(&slab, two);
    WANT(slab_take(&slab) == two);
    slab.fail_after = 1;
    slab_give(&slab, one);
    slab_give(&slab, two);
    WANT(slab_take(&slab) == two);
    WANT(slab_take(&slab) == NULL);
    WANT(slab_take(&slab) == one);
    slab_drop(&slab);
}

TEST(trimming_keeps_the_hottest_and_every_object_usable)
{
    struct slab slab;
    char *objects[8];
    CHECK(slab_init(&slab, 4096, 8) == OK);
    for (int i = 0; i < 8; i++) {
        objects[i] = slab_take(&slab);
        objects[i][0] = 'x';
    }
    for (int i = 0; i < 8; i++) {
        slab_give(&slab, objects[i]);
    }
    WANT_INT(slab_trim(&slab, 2, 100), 6);
    WANT_INT(slab_trim(&slab, 2, 100), 0);
    char *hot = slab_take(&slab);
    WANT(hot[0] == 'x');
    for (int i = 0; i < 7; i++) {
        char *taken = slab_take(&slab);
        WANT(taken != NULL);
        taken[4095] = 'y';
    }
    WANT_INT(slab.used_count, 8);
    slab_drop(&slab);
}
