/* verdict.c - verdicts as facts about instances; see verdict.h. */
#include "upstream/health/verdict.h"

#include "upstream/origin.h"

void health_tell(struct origin *origin, const struct health_told *told)
{
    static const uint8_t healths[] = {[HEALTH_UNKNOWN] = INSTANCE_HEALTH_UNKNOWN,
                                      [HEALTH_UP] = INSTANCE_HEALTH_UP,
                                      [HEALTH_DOWN] = INSTANCE_HEALTH_DOWN};
    instance_set_health(origin, (enum instance_health)healths[told->state], told->why);
    if (told->is_draining != told->was_draining) {
        instance_set_signal(origin, told->is_draining,
                            told->is_draining ? STR("its check says that it drains")
                                              : STR("its check no longer says that it drains"));
    }
}

void health_tell_unproved(struct origin *origin)
{
    int64_t sampled_ns =
        atomic_load_explicit(&origin->endpoint.load.cost_at_ns, memory_order_relaxed);
    if (sampled_ns == 0) {
        instance_set_health(origin, INSTANCE_HEALTH_DOWN, STR("not checked yet"));
    }
}
