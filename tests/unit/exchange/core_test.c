/* core_test.c - a core opens with everything it owns, and closes from any point. */
#include "exchange/core.h"

#include "base/limits.h"
#include "test.h"

static struct core core;

TEST(a_core_opens_and_closes_again_and_again)
{
    for (uint32_t i = 0; i < 3; i++) {
        WANT_INT(core_init(&core, i, 3), OK);
        WANT_INT(core.index, i);
        WANT_INT(core.count, 3);
        WANT(core.scratch != NULL);
        WANT(core.out != NULL);
        WANT(core.response_fields != NULL);
        WANT(list_is_empty(&core.session_list));
        WANT_INT(core.exchanges.object_bytes, EXCHANGE_OBJECT_BYTES);
        WANT_INT(core.exchanges.count_max, LIMIT_VALUE(exchanges));
        WANT_INT(core.sessions.count_max, LIMIT_VALUE(sessions));
        loop_turn(&core.loop, 0);
        core_drop(&core);
    }
}

TEST(two_cores_draw_different_ids)
{
    static struct core other;
    WANT_INT(core_init(&core, 0, 2), OK);
    WANT_INT(core_init(&other, 1, 2), OK);
    WANT(rng_next(&core.rng) != rng_next(&other.rng));
    core_drop(&core);
    core_drop(&other);
}
