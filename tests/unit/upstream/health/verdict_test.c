#include "upstream/health/verdict.h"

#include "base/heap.h"
#include "test.h"
#include "upstream/origin.h"

static struct origin *origin;

static void open_origin(void)
{
    origin = heap_new(sizeof *origin);
    instance_list(origin, 1);
}

static void tell(enum health_state state, bool drains, bool drained)
{
    const struct health_told told = {.state = state, .is_draining = drains, .was_draining = drained, .why = STR("x")};
    health_tell(origin, &told);
}

TEST(only_what_is_down_is_not_used)
{
    open_origin();
    tell(HEALTH_DOWN, false, false);
    WANT(!endpoint_is_usable(&origin->endpoint));
    tell(HEALTH_UNKNOWN, false, false);
    WANT(endpoint_is_usable(&origin->endpoint));
    tell(HEALTH_DOWN, false, false);
    tell(HEALTH_UP, false, false);
    WANT(endpoint_is_usable(&origin->endpoint));
    heap_free(origin);
}

TEST(who_asks_to_be_drained_is)
{
    open_origin();
    tell(HEALTH_UP, true, false);
    WANT_INT(origin->instance.state, INSTANCE_DRAINING);
    tell(HEALTH_UP, false, true);
    WANT_INT(origin->instance.state, INSTANCE_ACTIVE);
    instance_set_signal(origin, true, STR("it said so itself"));
    tell(HEALTH_UP, false, false); /* another's word is not taken back */
    WANT_INT(origin->instance.state, INSTANCE_DRAINING);
    heap_free(origin);
}

TEST(what_has_served_is_not_taken_out_for_want_of_a_check)
{
    open_origin();
    health_tell_unproved(origin);
    WANT_INT(origin->instance.state, INSTANCE_DOWN);
    tell(HEALTH_UP, false, false);
    atomic_store(&origin->endpoint.load.cost_at_ns, 1);
    health_tell_unproved(origin);
    WANT_INT(origin->instance.state, INSTANCE_ACTIVE);
    heap_free(origin);
}
