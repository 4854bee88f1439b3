/* instance_group.c - priorities, panic and slow start of one cluster, and the clock of all; see
 * instance_group.h. */
#include "upstream/instance_group.h"

#include "base/check.h"
#include "base/log.h"
#include "stats/registry.h"
#include "upstream/cluster.h"
#include "upstream/levels.h"

#include <math.h>
#include <stdlib.h>

enum {
    STEPS = 64, /* of a window */
    STEP_MS_MIN = 50,
    STEP_MS_MAX = 1000,
    EARLY_ANSWERS_MIN = 10, /* before an instance is believed to be warm */
    MEDIAN_OF_MAX = 64
};

/* What the weights of a group are about just now. */
struct census {
    uint64_t usable, warming;
};

static bool is_usable(const struct instance *instance)
{
    return instance->is_listed &&
           (instance->state == INSTANCE_ACTIVE || instance->state == INSTANCE_WARMING);
}

static struct census take_census(const struct instance_group *group)
{
    struct census census = {0};
    LIST_EACH(node, group->origins) {
        const struct instance *instance = &CONTAINER_OF(node, struct origin, node)->instance;
        uint64_t weight = is_usable(instance) ? instance_weight(instance) : 0;
        census.usable += weight;
        census.warming += instance->is_warming ? weight : 0;
    }
    return census;
}

void instance_group_warm(struct origin *origin)
{
    struct instance *instance = &origin->instance;
    struct instance_group *group = instance->group;
    if (group == NULL || group->conf.slow_start_ms == 0 || !group->is_settled) {
        return;
    }
    /* Others must be able to carry what it does not: not more than half of the weight warms up. */
    struct census census = take_census(group);
    uint64_t own = is_usable(instance) ? 0 : instance_weight(instance);
    if ((census.warming + instance_weight(instance)) * 2 > census.usable + own) {
        return;
    }
    const struct tally_sum sum = tally_read(origin, group->cluster->core_count);
    instance->is_warming = true;
    instance->warming_from_ms = group->keeper->loop->now_ms;
    instance->warming_answers = tally_answers(&sum);
    instance->warming_failures = tally_failures(&sum);
    instance->withheld[INSTANCE_BY_WARMUP] =
        (uint16_t)(INSTANCE_SHARE_ONE - group->conf.slow_start_min);
    group->has_warming = true;
    loop_later(group->keeper->loop, &group->keeper->task);
}

static void end_warming(struct origin *origin, const char *why)
{
    origin->instance.is_warming = false;
    instance_set_share(origin, INSTANCE_BY_WARMUP, INSTANCE_SHARE_ONE, str_from_c(why));
}

static int compare_costs(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* The expected time to first byte of those that are warm; 0: there are none. */
static int64_t median_cost(const struct instance_group *group)
{
    int64_t costs[MEDIAN_OF_MAX], now_ns = group->keeper->loop->now_ns;
    size_t count = 0;
    LIST_EACH(node, group->origins) {
        const struct origin *origin = CONTAINER_OF(node, struct origin, node);
        bool is_warm = origin->instance.is_listed && origin->instance.state == INSTANCE_ACTIVE;
        if (is_warm && count < MEDIAN_OF_MAX) {
            costs[count++] = balance_cost_ns(&origin->endpoint, now_ns);
        }
    }
    qsort(costs, count, sizeof costs[0], compare_costs);
    return count == 0 ? 0 : costs[count / 2];
}

/* A quarter of its window has passed, it has shown what it can, and it is as fast as the others. */
static bool is_warm_already(const struct origin *origin, int64_t passed_ms)
{
    const struct instance *instance = &origin->instance;
    const struct instance_group *group = instance->group;
    const struct tally_sum sum = tally_read(origin, group->cluster->core_count);
    uint32_t answers = tally_answers(&sum) - instance->warming_answers;
    if (passed_ms * 4 < group->conf.slow_start_ms || answers < EARLY_ANSWERS_MIN ||
        tally_failures(&sum) != instance->warming_failures) {
        return false;
    }
    int64_t median_ns = median_cost(group);
    return median_ns > 0 &&
           balance_cost_ns(&origin->endpoint, group->keeper->loop->now_ns) <= median_ns * 6 / 5;
}

static void warm_step(struct origin *origin, int64_t now_ms)
{
    const struct instance_group *group = origin->instance.group;
    int64_t passed_ms = now_ms - origin->instance.warming_from_ms;
    if (passed_ms >= group->conf.slow_start_ms) {
        end_warming(origin, "its window is over");
        return;
    }
    if (is_warm_already(origin, passed_ms)) {
        end_warming(origin, "as fast as the others");
        return;
    }
    double share = pow((double)passed_ms / (double)group->conf.slow_start_ms,
                       group->conf.slow_start_exponent) * INSTANCE_SHARE_ONE;
    uint32_t whole = (uint32_t)share;
    whole = whole < group->conf.slow_start_min ? group->conf.slow_start_min : whole;
    instance_set_share(origin, INSTANCE_BY_WARMUP, whole, STR("warming up"));
}

static int64_t step_ms(const struct instance_group *group)
{
    int64_t step = group->conf.slow_start_ms / STEPS;
    return step < STEP_MS_MIN ? STEP_MS_MIN : step > STEP_MS_MAX ? STEP_MS_MAX : step;
}

/* All that have a time; returns when the next of them is. */
static int64_t group_tick(struct instance_group *group, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    struct census census = take_census(group);
    bool is_too_much = census.warming * 2 > census.usable;
    group->has_warming = false;
    LIST_EACH(node, group->origins) {
        struct origin *origin = CONTAINER_OF(node, struct origin, node);
        const struct instance *instance = &origin->instance;
        if (instance->is_ejected && instance->ejected_until_ms <= now_ms) {
            instance_readmit(origin, STR("its time is over"));
        } else if (instance->is_ejected && instance->ejected_until_ms < next_ms) {
            next_ms = instance->ejected_until_ms;
        }
        if (instance->is_warming && (is_too_much || group->conf.slow_start_ms == 0)) {
            end_warming(origin, "too few others carry the rest");
        } else if (instance->is_warming) {
            warm_step(origin, now_ms);
        }
        group->has_warming |= instance->is_warming;
    }
    int64_t step_at_ms = group->has_warming ? now_ms + step_ms(group) : INT64_MAX;
    return step_at_ms < next_ms ? step_at_ms : next_ms;
}

void instance_keeper_tick(struct instance_keeper *keeper)
{
    int64_t next_ms = INT64_MAX;
    LIST_EACH(node, &keeper->groups) {
        struct instance_group *group = CONTAINER_OF(node, struct instance_group, node);
        int64_t group_ms = group_tick(group, keeper->loop->now_ms);
        next_ms = group_ms < next_ms ? group_ms : next_ms;
    }
    if (next_ms != INT64_MAX) {
        timer_set(keeper->loop, &keeper->timer, next_ms);
    }
}

static void on_timer(struct loop *loop, struct timer *timer)
{
    (void)loop;
    instance_keeper_tick(CONTAINER_OF(timer, struct instance_keeper, timer));
}

static void count_weights(const struct instance_group *group, struct level_sum *sums)
{
    LIST_EACH(node, group->origins) {
        const struct instance *instance = &CONTAINER_OF(node, struct origin, node)->instance;
        uint64_t weight = instance->is_listed ? instance_weight(instance) : 0;
        struct level_sum *sum = &sums[instance->priority];
        bool is_out = instance->state == INSTANCE_DOWN || instance->state == INSTANCE_EJECTED;
        sum->total[instance->is_local] += weight;
        sum->usable[instance->is_local] += is_usable(instance) ? weight : 0;
        sum->doubtful += is_out ? weight : 0;
    }
}

static void tell_panic(struct instance_group *group, uint32_t priority, bool is_panic)
{
    struct registry *registry = group->keeper->registry;
    const struct cluster *cluster = group->cluster;
    char room[4];
    struct strbuf number = strbuf_over(room, sizeof room);
    strbuf_add_u64(&number, priority);
    const struct str labels[3] = {cluster->service->name, cluster->name, strbuf_str(&number)};
    if (group->cells_panic[priority] == 0) {
        group->cells_panic[priority] = registry_hold(registry, METRIC_panic, labels);
    }
    stats_set(registry->block, group->cells_panic[priority], is_panic);
    log_line(is_panic ? LOG_ERROR : LOG_WARN, "upstream", "%.*s%s%.*s: priority %u: %s",
             STR_FMT(cluster->service->name), cluster->name.len > 0 ? " " : "",
             STR_FMT(cluster->name), priority,
             is_panic ? "too few instances are usable: panic, all of them are used again"
                      : "enough instances are usable: panic is over");
}

static void set_panic(struct instance_group *group, uint32_t panic)
{
    uint32_t changed = panic ^ group->panic;
    group->panic = panic;
    atomic_store_explicit(&group->cluster->panic, panic, memory_order_relaxed);
    LIST_EACH(node, group->origins) {
        struct origin *origin = CONTAINER_OF(node, struct origin, node);
        if ((changed >> origin->instance.priority & 1) != 0) {
            origin->instance.is_in_panic = (panic >> origin->instance.priority & 1) != 0;
            instance_apply(origin);
        }
    }
    for (uint32_t i = 0; i < INSTANCE_PRIORITIES; i++) {
        if ((changed >> i & 1) != 0) {
            tell_panic(group, i, (panic >> i & 1) != 0);
        }
    }
}

/* Who warms up in this group, and its share of the group's picks. */
static void set_warm(const struct instance_group *group, struct level_group *level)
{
    uint64_t whole = 0, sum = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < level->set.count; i++) {
        const struct instance *instance = &origin_of(level->set.endpoints[i])->instance;
        whole += is_usable(instance) ? instance_weight(instance) : 0;
    }
    for (uint32_t i = 0; i < level->set.count && !group->conf.goes_by_key; i++) {
        const struct instance *instance = &origin_of(level->set.endpoints[i])->instance;
        if (instance->state == INSTANCE_WARMING && whole > 0) {
            sum += (uint64_t)instance_weight(instance) * instance_share(instance) *
                   (UINT32_MAX / INSTANCE_SHARE_ONE) / whole;
            atomic_store_explicit(&level->warm[count].endpoint, level->set.endpoints[i],
                                  memory_order_relaxed);
            atomic_store_explicit(&level->warm[count++].upto, (uint32_t)sum, memory_order_relaxed);
        }
    }
    atomic_store_explicit(&level->warm_count, count, memory_order_release);
}

void instance_group_settle(struct instance_group *group)
{
    struct level_sum sums[INSTANCE_PRIORITIES] = {0};
    group->is_dirty = false;
    count_weights(group, sums);
    struct level_plan plan = levels_plan(sums, INSTANCE_PRIORITIES, group->conf.panic_percent);
    if (plan.panic != group->panic) {
        set_panic(group, plan.panic);
    }
    if (group->levels == NULL) {
        return;
    }
    levels_set(group->levels, &plan, sums);
    for (uint32_t i = 0; i < group->levels->group_count; i++) {
        set_warm(group, &group->levels->groups[i]);
    }
}

static void on_task(struct loop *loop, struct task *task)
{
    struct instance_keeper *keeper = CONTAINER_OF(task, struct instance_keeper, task);
    bool has_warming = false;
    (void)loop;
    LIST_EACH(node, &keeper->groups) {
        struct instance_group *group = CONTAINER_OF(node, struct instance_group, node);
        has_warming |= group->has_warming;
        if (group->is_dirty) {
            instance_group_settle(group);
        }
    }
    if (has_warming && !keeper->timer.is_set) {
        instance_keeper_tick(keeper);
    }
}

void instance_group_touch(struct instance_group *group)
{
    group->is_dirty = true;
    loop_later(group->keeper->loop, &group->keeper->task);
}

void instance_group_configure(struct instance_group *group, const struct instance_conf *conf)
{
    group->conf = *conf;
    LIST_EACH(node, group->origins) {
        struct origin *origin = CONTAINER_OF(node, struct origin, node);
        if (origin->instance.is_warming && conf->slow_start_ms == 0) {
            end_warming(origin, "slow start is no longer asked for");
        }
        instance_apply(origin);
    }
    instance_group_touch(group);
}

void instance_group_publish(struct instance_group *group, struct levels *levels)
{
    group->levels = levels;
    group->is_settled = true;
    instance_group_settle(group);
}

void instance_keeper_init(struct instance_keeper *keeper, struct loop *loop,
                          struct registry *registry)
{
    *keeper = (struct instance_keeper){.loop = loop, .registry = registry};
    keeper->timer.fire = on_timer;
    keeper->task.run = on_task;
    list_init(&keeper->groups);
}

void instance_keeper_drop(struct instance_keeper *keeper)
{
    timer_stop(&keeper->timer);
    task_cancel(&keeper->task);
}

void instance_group_init(struct instance_group *group, struct instance_keeper *keeper,
                         struct cluster *cluster, struct list *origins)
{
    *group = (struct instance_group){.keeper = keeper, .cluster = cluster, .origins = origins};
    list_push_back(&keeper->groups, &group->node);
}
