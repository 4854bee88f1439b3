/* roster_watch.c - passive detection at work: some times a second the control thread adds up what
 * the cores have counted of every instance, asks outlier.c, and tells the instances. */
#include "base/clock.h"
#include "base/log.h"
#include "upstream/roster_inner.h"

enum { WATCH_INTERVAL_MS = 250, READMIT_SLACK_MS = 1000 };

static void log_share(const struct origin *origin, const char *what)
{
    const struct outlier *outlier = &origin->outlier;
    const struct cluster *cluster = origin->cluster;
    log_line(LOG_INFO, "upstream", "%.*s%s%.*s: %.*s %s, it has %u %% of its share: %.*s",
             STR_FMT(cluster->service->name), cluster->name.len > 0 ? " " : "",
             STR_FMT(cluster->name), STR_FMT(origin->endpoint.name), what,
             outlier_share(outlier) * 100 / OUTLIER_SHARE_ONE, STR_FMT(outlier_reason(outlier)));
}

/* What was decided about one instance becomes its share and its state. */
static void carry_out(struct origin *origin, uint32_t share_before)
{
    const struct outlier *outlier = &origin->outlier;
    struct str reason = outlier_reason(outlier);
    uint32_t share = outlier_share(outlier);
    switch ((enum outlier_event)outlier->event) {
    case OUTLIER_NOTHING: return;
    case OUTLIER_EJECTED:
        /* The timer of the instance is a net below our own: whoever readmits it first, it comes
         * back with little. */
        instance_set_share(origin, INSTANCE_BY_OUTLIER, OUTLIER_SHARE_PROBING, reason);
        instance_eject(origin, outlier->until_ms + READMIT_SLACK_MS, reason);
        return;
    case OUTLIER_READMITTED:
        instance_set_share(origin, INSTANCE_BY_OUTLIER, share, reason);
        instance_readmit(origin, reason);
        return;
    case OUTLIER_KEPT: log_share(origin, "would be out, but too few would stay"); break;
    case OUTLIER_REDUCED:
        if (share_before == OUTLIER_SHARE_ONE) {
            log_share(origin, "does worse than the others");
        }
        break;
    case OUTLIER_RAISED:
        if (share == OUTLIER_SHARE_ONE) {
            log_share(origin, "does as well as the others");
        }
        break;
    }
    instance_set_share(origin, INSTANCE_BY_OUTLIER, share, reason);
}

/* Detection was switched off: what it had decided is void. */
static void let_go(struct roster_cluster *state)
{
    LIST_EACH(node, &state->origins) {
        struct origin *origin = CONTAINER_OF(node, struct origin, node);
        bool is_out = origin->outlier.is_out;
        if (is_out || origin->outlier.withheld > 0) {
            outlier_reset(&origin->outlier);
            instance_set_share(origin, INSTANCE_BY_OUTLIER, INSTANCE_SHARE_ONE, STR("eject: off"));
        }
        if (is_out) {
            instance_readmit(origin, STR("eject: off"));
        }
    }
}

/* Whether others than passive detection leave it in. */
static bool is_usable(const struct origin *origin)
{
    uint64_t word = atomic_load_explicit(&origin->endpoint.load.state, memory_order_relaxed);
    uint64_t bars = word >> ENDPOINT_BARS_SHIFT & ~(uint64_t)ENDPOINT_BAR_EJECTED;
    return bars == 0 && (uint32_t)word > 0;
}

static void watch_cluster(struct roster_cluster *state, struct arena *arena)
{
    const struct balance_set *set = state->current == NULL ? NULL : &state->current->set;
    struct roster *roster = state->roster;
    if (state->spec.eject.window_ms == 0 || set == NULL || set->count == 0) {
        return;
    }
    struct outlier_seat *seats = ARENA_ARRAY(arena, set->count, struct outlier_seat);
    double *scratch = ARENA_ARRAY(arena, (size_t)set->count * 2, double);
    uint32_t *before = ARENA_ARRAY(arena, set->count, uint32_t);
    if (seats == NULL || scratch == NULL || before == NULL) {
        return; /* the next look will see what this one did not */
    }
    for (uint32_t i = 0; i < set->count; i++) {
        struct origin *origin = origin_of(set->endpoints[i]);
        before[i] = outlier_share(&origin->outlier);
        seats[i] = (struct outlier_seat){.outlier = &origin->outlier,
                                         .tally = tally_read(origin, roster->core_count),
                                         .priority = origin->instance.priority,
                                         .is_usable = is_usable(origin)};
    }
    const struct outlier_pool pool = {.conf = &state->spec.eject,
                                      .seats = seats,
                                      .scratch = scratch,
                                      .count = set->count,
                                      .rng = &roster->watch_rng};
    outlier_step(&pool, roster->loop->now_ms);
    for (uint32_t i = 0; i < set->count; i++) {
        carry_out(origin_of(set->endpoints[i]), before[i]);
    }
}

static void tell_breaker(struct roster_cluster *state)
{
    const struct breaker *breaker = &state->breaker;
    struct registry *registry = state->roster->registry;
    const struct cluster *cluster = state->cluster;
    const struct str labels[2] = {cluster->service->name, cluster->name};
    if (state->cell_breaker == 0) {
        state->cell_breaker = registry_hold(registry, METRIC_breaker_state, labels);
    }
    stats_set(registry->block, state->cell_breaker, breaker->state);
    log_line(breaker->state == BREAKER_OPEN ? LOG_WARN : LOG_INFO, "upstream",
             "%.*s%s%.*s: the breaker is %s: %.*s", STR_FMT(cluster->service->name),
             cluster->name.len > 0 ? " " : "", STR_FMT(cluster->name),
             breaker_state_text((enum breaker_state)breaker->state), (int)breaker->reason_len,
             breaker->reason);
}

static void watch_breaker(struct roster_cluster *state)
{
    const struct breaker_conf *conf = &state->spec.breaker;
    struct cluster *cluster = state->cluster;
    struct breaker_counts now = {0};
    if (conf->window_ms == 0) {
        return;
    }
    for (uint32_t i = 0; i < cluster->core_count; i++) {
        const struct cluster_part *part = &cluster->parts[i];
        now.total += atomic_load_explicit(&part->attempts, memory_order_relaxed);
        now.failed += atomic_load_explicit(&part->failed, memory_order_relaxed);
        now.slow += atomic_load_explicit(&part->slow, memory_order_relaxed);
    }
    uint8_t before = state->breaker.state;
    if (breaker_step(&state->breaker, conf, &now, state->roster->loop->now_ms)) {
        breaker_set_gate(&cluster->gate, &state->breaker, conf);
        if (state->breaker.state != before) {
            tell_breaker(state);
        }
    }
}

static void learn_ceiling(struct roster_cluster *state, struct origin *origin)
{
    struct roster *roster = state->roster;
    const struct cluster *cluster = state->cluster;
    const struct tally_sum now = tally_read(origin, roster->core_count);
    const struct tally_sum *seen = &origin->learned_from;
    uint32_t samples = tally_answers(&now) - tally_answers(seen);
    uint64_t log_sum = now.ttfb_log_sum - seen->ttfb_log_sum;
    uint32_t limit = gradient_step(&origin->gradient, &state->spec.concurrency, samples,
                                   samples == 0 ? 0 : (double)log_sum / samples,
                                   endpoint_in_flight(&origin->endpoint));
    uint32_t max = state->spec.connections_max;
    origin->learned_from = now;
    endpoint_set_ceiling(&origin->endpoint, max != 0 && limit > max ? max : limit);
    if (origin->cell_ceiling == 0) {
        const struct str labels[3] = {cluster->service->name, cluster->name, origin->endpoint.name};
        origin->cell_ceiling = registry_hold(roster->registry, METRIC_endpoint_ceiling, labels);
    }
    stats_set(roster->registry->block, origin->cell_ceiling, limit);
}

static void learn_ceilings(struct roster_cluster *state)
{
    const struct balance_set *set = state->current == NULL ? NULL : &state->current->set;
    if (state->spec.concurrency.max == 0 || set == NULL) {
        return;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        learn_ceiling(state, origin_of(set->endpoints[i]));
    }
}

void roster_watch(struct roster *roster)
{
    struct arena arena;
    arena_init_heap(&arena, SET_ARENA_BYTES_MAX);
    LIST_EACH(node, &roster->clusters) {
        watch_breaker(CONTAINER_OF(node, struct roster_cluster, node));
        learn_ceilings(CONTAINER_OF(node, struct roster_cluster, node));
        watch_cluster(CONTAINER_OF(node, struct roster_cluster, node), &arena);
    }
    arena_reset(&arena);
}

static void on_timer(struct loop *loop, struct timer *timer)
{
    roster_watch(CONTAINER_OF(timer, struct roster, watch));
    timer_set(loop, timer, loop->now_ms + WATCH_INTERVAL_MS);
}

void roster_watch_start(struct roster *roster)
{
    rng_init(&roster->watch_rng, rng_seed_from_kernel());
    roster->watch.fire = on_timer;
    timer_set(roster->loop, &roster->watch, roster->loop->now_ms + WATCH_INTERVAL_MS);
}

void roster_watch_conf(struct roster_cluster *state)
{
    if (state->spec.eject.window_ms == 0) {
        let_go(state);
    }
    const struct breaker_conf *breaker = &state->spec.breaker;
    int64_t slow_ns = breaker->window_ms == 0      ? 0
                      : breaker->slow_percent == 0 ? INT64_MAX
                                                   : breaker->slow_ms * NS_PER_MS;
    atomic_store_explicit(&state->cluster->slow_ns, slow_ns, memory_order_relaxed);
    if (breaker->window_ms == 0 && state->breaker.state != BREAKER_CLOSED) {
        state->breaker = (struct breaker){0};
        breaker_set_gate(&state->cluster->gate, &state->breaker, breaker);
        tell_breaker(state);
    }
}
