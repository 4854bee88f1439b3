/* checker.c - which checks there are, and when each runs; see checker.h. */
#include "upstream/health/checker.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/limits.h"
#include "base/log.h"
#include "upstream/health/probe.h"
#include "upstream/health/verdict.h"
#include "upstream/origin.h"

struct health_check {
    struct list node; /* in its bucket */
    struct list watches;
    struct list due; /* in health->waiting */
    struct health *health;
    struct health_plan *plan;
    struct addr addr;
    struct str host; /* of the target; in `text` */
    struct health_counter counter;
    struct health_probe *probe;
    struct timer timer;
    int64_t started_ns, at_wall_us;
    uint64_t passed, failed;
    bool is_draining;
    uint32_t cell_passed, cell_failed, cell_up, cell_duration;
    uint32_t why_bytes;
    char why[HEALTH_WHY_BYTES_MAX];
    char text[];
};

/* One instance that goes by a check. */
struct health_watch {
    struct list of_check, of_health;
    struct health_check *check;
    struct origin *origin;
    uint64_t round;
    bool was_draining; /* so it was told last */
};

static void run_next(struct health *health);

void health_init(struct health *health, const struct health_conf *conf)
{
    *health = (struct health){.loop = conf->loop, .registry = conf->registry, .block = conf->block};
    rng_init(&health->rng, conf->seed);
    list_init(&health->plans);
    list_init(&health->watches);
    list_init(&health->waiting);
    for (size_t i = 0; i < HEALTH_BUCKETS; i++) {
        list_init(&health->checks[i]);
    }
}

static enum health_state state_of(const struct health_check *check)
{
    if (!check->counter.has_result) {
        return HEALTH_UNKNOWN;
    }
    return health_counter_is_up(&check->counter, &check->plan->rules) ? HEALTH_UP : HEALTH_DOWN;
}

/* What the instances that go by it are told. */
static void tell(struct health_watch *watch)
{
    const struct health_check *check = watch->check;
    bool is_up = state_of(check) == HEALTH_UP;
    const struct health_told told = {
        .state = state_of(check),
        .is_draining = check->is_draining,
        .was_draining = watch->was_draining,
        .why = is_up ? STR("its checks pass") : str_of(check->why, check->why_bytes)};
    watch->was_draining = check->is_draining;
    health_tell(watch->origin, &told);
}

static void tell_all(const struct health_check *check)
{
    LIST_EACH(node, &check->watches) {
        tell(CONTAINER_OF(node, struct health_watch, of_check));
    }
}

static void count(struct health_check *check, bool has_passed)
{
    struct health *health = check->health;
    int64_t us = (health->loop->now_ns - check->started_ns) / 1000;
    check->passed += has_passed;
    check->failed += !has_passed;
    stats_add(health->block, has_passed ? check->cell_passed : check->cell_failed, 1);
    stats_observe(health->block, check->cell_duration, us);
}

/* The next one starts an interval after this one did, or now when it took longer. */
static void schedule(struct health_check *check)
{
    struct loop *loop = check->health->loop;
    int64_t wait_ms =
        health_counter_wait_ms(&check->counter, &check->plan->rules, &check->health->rng);
    int64_t at_ms = check->started_ns / NS_PER_MS + wait_ms;
    timer_set(loop, &check->timer, at_ms > loop->now_ms ? at_ms : loop->now_ms + 1);
}

static void on_end(void *owner, enum health_verdict verdict, struct str why)
{
    struct health_check *check = owner;
    struct health *health = check->health;
    bool has_passed = verdict != HEALTH_FAIL, was_draining = check->is_draining;
    check->probe = NULL;
    health->in_flight--;
    check->at_wall_us = health->loop->wall_us;
    check->why_bytes = (uint32_t)why.len;
    memcpy(check->why, why.at, why.len);
    count(check, has_passed);
    bool has_changed = health_counter_note(&check->counter, &check->plan->rules, has_passed);
    check->is_draining = verdict == HEALTH_DRAIN || (was_draining && !has_passed);
    if (has_changed) {
        stats_set(health->block, check->cell_up, state_of(check) == HEALTH_UP);
    }
    if (has_changed || was_draining != check->is_draining) {
        tell_all(check);
    }
    schedule(check);
    run_next(health);
}

static void run(struct health_check *check)
{
    struct health *health = check->health;
    const struct health_probe_conf conf = {.loop = health->loop,
                                           .plan = check->plan,
                                           .addr = check->addr,
                                           .host = check->host,
                                           .rng = &health->rng,
                                           .on_end = on_end,
                                           .owner = check};
    check->started_ns = health->loop->now_ns;
    check->probe = health_probe_start(&conf);
    if (check->probe == NULL) {
        schedule(check); /* no memory: no verdict either */
        return;
    }
    health->in_flight++;
}

/* As many as may be in flight at once, those that wait longest first. */
static void run_next(struct health *health)
{
    while (!list_is_empty(&health->waiting) &&
           health->in_flight < LIMIT_VALUE(health_in_flight)) {
        struct health_check *check = CONTAINER_OF(health->waiting.next, struct health_check, due);
        list_remove(&check->due);
        run(check);
    }
    stats_set(health->block, CELL_health_in_flight, health->in_flight);
}

static void on_due(struct loop *loop, struct timer *timer)
{
    struct health_check *check = CONTAINER_OF(timer, struct health_check, timer);
    (void)loop;
    list_push_back(&check->health->waiting, &check->due);
    run_next(check->health);
}

static uint32_t bucket_of(const struct addr *addr)
{
    uint64_t hash = hash_stable(str_of((const char *)addr->ip, sizeof addr->ip), addr->port);
    return (uint32_t)hash % HEALTH_BUCKETS;
}

static struct health_plan *plan_for(struct health *health, const struct conf_health *conf)
{
    struct arena scratch;
    struct health_plan *plan = NULL;
    arena_init_heap(&scratch, LIMIT_VALUE(health_plan_bytes));
    struct str spec = health_plan_spec(conf, &scratch);
    LIST_EACH(node, &health->plans) {
        struct health_plan *known = CONTAINER_OF(node, struct health_plan, node);
        plan = str_eq(known->spec, spec) ? known : plan;
    }
    arena_reset(&scratch);
    if (plan == NULL) {
        plan = health_plan_new(conf);
        if (plan != NULL) {
            list_push_back(&health->plans, &plan->node);
        }
    }
    return plan;
}

static void name_cells(struct health_check *check)
{
    struct registry *registry = check->health->registry;
    char text[ADDR_TEXT_BYTES_MAX];
    struct strbuf addr = strbuf_over(text, sizeof text);
    addr_add(&addr, &check->addr);
    const struct str kind = str_from_c(check->plan->kind), where = strbuf_str(&addr);
    const struct str passed[3] = {kind, where, STR("passed")};
    const struct str failed[3] = {kind, where, STR("failed")};
    const struct str state[2] = {kind, where};
    check->cell_passed = registry_hold(registry, METRIC_health_checks, passed);
    check->cell_failed = registry_hold(registry, METRIC_health_checks, failed);
    check->cell_up = registry_hold(registry, METRIC_health_up, state);
    check->cell_duration = registry_hold(registry, METRIC_health_check_duration, &kind);
}

static struct health_check *check_new(struct health *health, struct health_plan *plan,
                                      const struct addr *addr, struct str host)
{
    if (health->check_count >= LIMIT_VALUE(health_checks)) {
        return NULL;
    }
    struct health_check *check = heap_new(sizeof *check + host.len + 1);
    if (check == NULL) {
        return NULL;
    }
    check->health = health;
    check->plan = plan;
    check->addr = *addr;
    memcpy(check->text, host.at, host.len);
    check->host = str_of(check->text, host.len);
    check->timer.fire = on_due;
    list_init(&check->watches);
    list_init(&check->due);
    list_push_back(&health->checks[bucket_of(addr)], &check->node);
    plan->use_count++;
    health->check_count++;
    name_cells(check);
    stats_set(health->block, CELL_health_checked, health->check_count);
    timer_set(health->loop, &check->timer,
              health->loop->now_ms + health_counter_first_ms(&plan->rules, &health->rng));
    return check;
}

static void check_free(struct health_check *check)
{
    struct health *health = check->health;
    CHECK(list_is_empty(&check->watches));
    if (check->probe != NULL) {
        health_probe_cancel(&check->probe);
        health->in_flight--;
    }
    timer_stop(&check->timer);
    list_remove(&check->due);
    list_remove(&check->node);
    registry_retire(health->registry, METRIC_health_checks, check->cell_passed);
    registry_retire(health->registry, METRIC_health_checks, check->cell_failed);
    registry_retire(health->registry, METRIC_health_up, check->cell_up);
    check->plan->use_count--;
    health->check_count--;
    stats_set(health->block, CELL_health_checked, health->check_count);
    heap_free(check);
}

static struct health_check *check_for(struct health *health, struct health_plan *plan,
                                      const struct origin *origin)
{
    struct addr addr = origin->endpoint.addr;
    struct str host = STR("");
    if (plan->has_target_name) {
        host = *atomic_load_explicit(&origin->host, memory_order_relaxed);
    }
    addr.port = plan->conf.port > 0 ? (uint16_t)plan->conf.port : addr.port;
    LIST_EACH(node, &health->checks[bucket_of(&addr)]) {
        struct health_check *check = CONTAINER_OF(node, struct health_check, node);
        if (check->plan == plan && addr_eq(&check->addr, &addr) && str_eq(check->host, host)) {
            return check;
        }
    }
    return check_new(health, plan, &addr, host);
}

void health_begin(struct health *health)
{
    health->round++;
}

static void watch_free(struct health_watch *watch)
{
    struct health_check *check = watch->check;
    watch->origin->watch = NULL;
    list_remove(&watch->of_check);
    list_remove(&watch->of_health);
    heap_free(watch);
    if (list_is_empty(&check->watches)) {
        check_free(check);
    }
}

static struct health_watch *watch_new(struct health *health, struct origin *origin)
{
    struct health_watch *watch = heap_new(sizeof *watch);
    if (watch != NULL) {
        watch->origin = origin;
        list_init(&watch->of_check);
        list_push_back(&health->watches, &watch->of_health);
        origin->watch = watch;
    }
    return watch;
}

/* The instance goes by another check from here on; what the old one said holds until the new one
 * has said something. */
static void watch_move(struct health_watch *watch, struct health_check *check)
{
    struct health_check *old = watch->check;
    list_remove(&watch->of_check);
    list_push_back(&check->watches, &watch->of_check);
    watch->check = check;
    if (old != NULL && list_is_empty(&old->watches)) {
        check_free(old);
    }
}

void health_want(struct health *health, struct origin *origin, const struct conf_health *conf)
{
    struct health_watch *watch = origin->watch;
    if (watch != NULL && watch->round == health->round) {
        return; /* listed twice */
    }
    struct health_plan *plan = plan_for(health, conf);
    struct health_check *check = plan == NULL ? NULL : check_for(health, plan, origin);
    bool is_new = watch == NULL;
    if (check != NULL && is_new) {
        watch = watch_new(health, origin);
    }
    if (check == NULL || watch == NULL) {
        log_line(LOG_ERROR, "health", "%.*s is not checked: no memory, or more than %d checks",
                 STR_FMT(origin->endpoint.name), LIMIT_VALUE(health_checks));
        if (check != NULL && list_is_empty(&check->watches)) {
            check_free(check);
        }
        return;
    }
    watch->round = health->round;
    if (watch->check != check) {
        watch_move(watch, check);
        if (state_of(check) != HEALTH_UNKNOWN) {
            tell(watch);
        }
    }
    if (is_new && conf->initial == 1 && state_of(check) == HEALTH_UNKNOWN) {
        health_tell_unproved(origin);
    }
}

void health_end(struct health *health)
{
    LIST_EACH_SAFE(node, &health->watches) {
        struct health_watch *watch = CONTAINER_OF(node, struct health_watch, of_health);
        if (watch->round != health->round) {
            const struct health_told unknown = {.state = HEALTH_UNKNOWN,
                                                .was_draining = watch->was_draining,
                                                .why = STR("no longer checked")};
            health_tell(watch->origin, &unknown);
            watch_free(watch);
        }
    }
    LIST_EACH_SAFE(node, &health->plans) {
        struct health_plan *plan = CONTAINER_OF(node, struct health_plan, node);
        if (plan->use_count == 0) {
            health_plan_free(plan);
        }
    }
    run_next(health);
}

bool health_look(const struct origin *origin, struct health_view *out)
{
    if (origin->watch == NULL) {
        return false;
    }
    const struct health_check *check = origin->watch->check;
    *out = (struct health_view){.kind = str_from_c(check->plan->kind),
                                .addr = check->addr,
                                .state = state_of(check),
                                .why = str_of(check->why, check->why_bytes),
                                .at_wall_us = check->at_wall_us,
                                .passed = check->passed,
                                .failed = check->failed};
    return true;
}

void health_drop(struct health *health)
{
    if (health->loop == NULL) {
        return; /* all zero: it was never made */
    }
    LIST_EACH_SAFE(node, &health->watches) {
        watch_free(CONTAINER_OF(node, struct health_watch, of_health));
    }
    LIST_EACH_SAFE(node, &health->plans) {
        health_plan_free(CONTAINER_OF(node, struct health_plan, node));
    }
}
