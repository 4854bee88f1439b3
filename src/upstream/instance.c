/* instance.c - facts about an instance, the state that follows, and who is told; see instance.h. */
#include "upstream/instance.h"

#include "base/check.h"
#include "base/log.h"
#include "stats/registry.h"
#include "upstream/cluster.h"

static const char *const state_texts[INSTANCE_STATE_COUNT] = {
    [INSTANCE_ACTIVE] = "active",     [INSTANCE_WARMING] = "warming",
    [INSTANCE_DRAINING] = "draining", [INSTANCE_EJECTED] = "ejected",
    [INSTANCE_DOWN] = "down",         [INSTANCE_MAINTENANCE] = "maintenance"};

static const char *const source_texts[INSTANCE_SOURCE_COUNT] = {
    [INSTANCE_BY_DISCOVERY] = "discovery", [INSTANCE_BY_HEALTH] = "health",
    [INSTANCE_BY_OUTLIER] = "outlier",     [INSTANCE_BY_OPERATOR] = "operator",
    [INSTANCE_BY_SIGNAL] = "signal",       [INSTANCE_BY_AGENT] = "agent",
    [INSTANCE_BY_WARMUP] = "warmup"};

const char *instance_state_text(enum instance_state state)
{
    return state_texts[state];
}

const char *instance_source_text(enum instance_source source)
{
    return source_texts[source];
}

static void keep_reason(struct instance_reason *to, struct str text)
{
    to->len = (uint8_t)(text.len < sizeof to->at ? text.len : sizeof to->at);
    if (to->len > 0) {
        memcpy(to->at, text.at, to->len);
    }
}

uint32_t instance_weight(const struct instance *instance)
{
    return instance->has_admin_weight ? instance->admin_weight : instance->weight;
}

uint32_t instance_share(const struct instance *instance)
{
    uint64_t share = INSTANCE_SHARE_ONE;
    bool is_none = false;
    for (size_t i = 0; i < INSTANCE_SOURCE_COUNT; i++) {
        share = share * (uint32_t)(INSTANCE_SHARE_ONE - instance->withheld[i]) / INSTANCE_SHARE_ONE;
        is_none |= instance->withheld[i] == INSTANCE_SHARE_ONE;
    }
    return share == 0 && !is_none ? 1 : (uint32_t)share;
}

static enum instance_state derive(const struct instance *instance)
{
    if (instance->admin == INSTANCE_ADMIN_MAINT) {
        return INSTANCE_MAINTENANCE;
    }
    if (instance->health == INSTANCE_HEALTH_DOWN) {
        return INSTANCE_DOWN;
    }
    if (instance->is_ejected) {
        return INSTANCE_EJECTED;
    }
    if (instance->admin == INSTANCE_ADMIN_DRAIN || instance->is_told_to_drain ||
        instance_weight(instance) == 0 || instance_share(instance) == 0) {
        return INSTANCE_DRAINING;
    }
    return instance->withheld[INSTANCE_BY_WARMUP] > 0 ? INSTANCE_WARMING : INSTANCE_ACTIVE;
}

static unsigned bars_of(const struct instance *instance)
{
    bool is_drained = instance->admin == INSTANCE_ADMIN_DRAIN || instance->is_told_to_drain ||
                      instance_weight(instance) == 0 || instance_share(instance) == 0;
    return (instance->admin == INSTANCE_ADMIN_MAINT ? ENDPOINT_BAR_MAINTENANCE : 0u) |
           (instance->health == INSTANCE_HEALTH_DOWN ? ENDPOINT_BAR_HEALTH : 0u) |
           (instance->is_ejected ? ENDPOINT_BAR_EJECTED : 0u) |
           (is_drained ? ENDPOINT_BAR_DRAINED : 0u);
}

/* Who is at the origin of the state, where that is not who has just spoken. */
static enum instance_source source_of(const struct instance *instance, enum instance_source news)
{
    switch ((enum instance_state)instance->state) {
    case INSTANCE_MAINTENANCE: return INSTANCE_BY_OPERATOR;
    case INSTANCE_DOWN: return INSTANCE_BY_HEALTH;
    case INSTANCE_EJECTED: return INSTANCE_BY_OUTLIER;
    case INSTANCE_DRAINING:
        if (instance->admin == INSTANCE_ADMIN_DRAIN || instance->has_admin_weight) {
            return INSTANCE_BY_OPERATOR;
        }
        if (instance->is_told_to_drain) {
            return INSTANCE_BY_SIGNAL;
        }
        return instance->withheld[INSTANCE_BY_AGENT] == INSTANCE_SHARE_ONE ? INSTANCE_BY_AGENT
                                                                           : INSTANCE_BY_DISCOVERY;
    case INSTANCE_WARMING:
    case INSTANCE_ACTIVE:
    case INSTANCE_STATE_COUNT: break;
    }
    return news;
}

/* The series of the state that it has is 1, those that it had are 0. */
static void count_state(struct origin *origin, const struct instance_moment *moment)
{
    struct instance *instance = &origin->instance;
    struct registry *registry = instance->group->keeper->registry;
    const struct cluster *cluster = instance->group->cluster;
    struct str state = str_from_c(instance_state_text((enum instance_state)moment->state));
    struct str source = str_from_c(instance_source_text((enum instance_source)moment->source));
    const struct str which[4] = {cluster->service->name, cluster->name, origin->endpoint.name,
                                 state};
    const struct str change[4] = {cluster->service->name, cluster->name, state, source};
    if (instance->cell_state != 0) {
        stats_set(registry->block, instance->cell_state, 0);
        registry_retire(registry, METRIC_endpoint_state, instance->cell_state);
    }
    instance->cell_state = registry_hold(registry, METRIC_endpoint_state, which);
    stats_set(registry->block, instance->cell_state, 1);
    stats_add(registry->block, registry_series(registry, METRIC_endpoint_transitions, change), 1);
}

static void log_change(const struct origin *origin, const struct instance_moment *moment,
                       enum instance_state before)
{
    const struct cluster *cluster = origin->instance.group->cluster;
    bool is_bad = moment->state == INSTANCE_DOWN || moment->state == INSTANCE_EJECTED;
    log_line(is_bad ? LOG_WARN : LOG_INFO, "upstream", "%.*s%s%.*s: %.*s is %s, was %s (%s)%s%.*s",
             STR_FMT(cluster->service->name), cluster->name.len > 0 ? " " : "",
             STR_FMT(cluster->name), STR_FMT(origin->endpoint.name),
             instance_state_text((enum instance_state)moment->state), instance_state_text(before),
             instance_source_text((enum instance_source)moment->source),
             moment->reason.len > 0 ? ": " : "", (int)moment->reason.len, moment->reason.at);
}

/* The state has changed by what `news` said, or is the first. */
static void note(struct origin *origin, enum instance_source news, enum instance_state before)
{
    struct instance *instance = &origin->instance;
    uint32_t at = instance->moment_count++ % INSTANCE_MOMENTS;
    struct instance_moment *moment = &instance->moments[at];
    enum instance_source source = source_of(instance, news);
    *moment = (struct instance_moment){
        .state = instance->state, .source = (uint8_t)source, .reason = instance->reasons[source]};
    if (instance->group == NULL) {
        return;
    }
    moment->wall_us = instance->group->keeper->loop->wall_us;
    count_state(origin, moment);
    if (instance->moment_count > 1) {
        log_change(origin, moment, before);
    }
}

/* Some fact has changed: state, weight and bars follow. */
static void compose(struct origin *origin, enum instance_source news)
{
    struct instance *instance = &origin->instance;
    enum instance_state before = (enum instance_state)instance->state, after = derive(instance);
    endpoint_set_weight(&origin->endpoint, instance_weight(instance), instance_share(instance));
    endpoint_set_bars(&origin->endpoint, bars_of(instance));
    if (after != before || instance->moment_count == 0) {
        instance->state = (uint8_t)after;
        note(origin, news, before);
    }
}

static void hear(struct origin *origin, enum instance_source source, struct str reason)
{
    keep_reason(&origin->instance.reasons[source], reason);
    compose(origin, source);
}

static void ring_next(struct instance_keeper *keeper);

void instance_list(struct origin *origin, uint32_t weight)
{
    struct instance *instance = &origin->instance;
    instance->weight = weight;
    instance->is_listed = true;
    endpoint_unbar(&origin->endpoint, ENDPOINT_BAR_REMOVED);
    hear(origin, INSTANCE_BY_DISCOVERY, weight == 0 ? STR("weight 0") : STR("listed"));
}

void instance_unlist(struct origin *origin)
{
    origin->instance.is_listed = false;
    endpoint_bar(&origin->endpoint, ENDPOINT_BAR_REMOVED);
}

void instance_set_health(struct origin *origin, enum instance_health health, struct str reason)
{
    origin->instance.health = (uint8_t)health;
    hear(origin, INSTANCE_BY_HEALTH, reason);
}

void instance_eject(struct origin *origin, int64_t until_ms, struct str reason)
{
    origin->instance.is_ejected = true;
    origin->instance.ejected_until_ms = until_ms;
    hear(origin, INSTANCE_BY_OUTLIER, reason);
    if (origin->instance.group != NULL) {
        ring_next(origin->instance.group->keeper);
    }
}

void instance_readmit(struct origin *origin, struct str reason)
{
    origin->instance.is_ejected = false;
    hear(origin, INSTANCE_BY_OUTLIER, reason);
}

void instance_set_share(struct origin *origin, enum instance_source source, uint32_t share,
                        struct str reason)
{
    CHECK(share <= INSTANCE_SHARE_ONE);
    origin->instance.withheld[source] = (uint16_t)(INSTANCE_SHARE_ONE - share);
    hear(origin, source, reason);
}

void instance_set_admin(struct origin *origin, const struct instance_order *order)
{
    struct instance *instance = &origin->instance;
    CHECK(order->weight <= ENDPOINT_WEIGHT_MAX);
    instance->admin = order->admin;
    instance->has_admin_weight = order->has_weight;
    instance->admin_weight = order->weight;
    hear(origin, INSTANCE_BY_OPERATOR, order->reason);
}

void instance_set_signal(struct origin *origin, bool drains, struct str reason)
{
    origin->instance.is_told_to_drain = drains;
    hear(origin, INSTANCE_BY_SIGNAL, reason);
}

const struct instance_moment *instance_moment(const struct instance *instance, uint32_t age)
{
    uint32_t kept = instance->moment_count < INSTANCE_MOMENTS ? instance->moment_count
                                                              : (uint32_t)INSTANCE_MOMENTS;
    return age >= kept ? NULL
                       : &instance->moments[(instance->moment_count - 1 - age) % INSTANCE_MOMENTS];
}

/* Ends what is over, and says when the next one is; INT64_MAX: nothing is awaited. */
static int64_t group_tick(struct instance_group *group, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    LIST_EACH(node, group->origins) {
        struct origin *origin = CONTAINER_OF(node, struct origin, node);
        const struct instance *instance = &origin->instance;
        if (instance->is_ejected && instance->ejected_until_ms <= now_ms) {
            instance_readmit(origin, STR("its time is over"));
        } else if (instance->is_ejected && instance->ejected_until_ms < next_ms) {
            next_ms = instance->ejected_until_ms;
        }
    }
    return next_ms;
}

static void tick(struct instance_keeper *keeper, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    LIST_EACH(node, &keeper->groups) {
        struct instance_group *group = CONTAINER_OF(node, struct instance_group, node);
        int64_t group_ms = group_tick(group, now_ms);
        next_ms = group_ms < next_ms ? group_ms : next_ms;
    }
    if (next_ms != INT64_MAX) {
        timer_set(keeper->loop, &keeper->timer, next_ms);
    }
}

static void on_timer(struct loop *loop, struct timer *timer)
{
    tick(CONTAINER_OF(timer, struct instance_keeper, timer), loop->now_ms);
}

/* Something new has a time: the timer is set to the earliest. */
static void ring_next(struct instance_keeper *keeper)
{
    tick(keeper, keeper->loop->now_ms);
}

void instance_keeper_init(struct instance_keeper *keeper, struct loop *loop,
                          struct registry *registry)
{
    *keeper = (struct instance_keeper){.loop = loop, .registry = registry};
    keeper->timer.fire = on_timer;
    list_init(&keeper->groups);
}

void instance_keeper_drop(struct instance_keeper *keeper)
{
    timer_stop(&keeper->timer);
}

void instance_group_init(struct instance_group *group, struct instance_keeper *keeper,
                         struct cluster *cluster, struct list *origins)
{
    *group = (struct instance_group){.keeper = keeper, .cluster = cluster, .origins = origins};
    list_push_back(&keeper->groups, &group->node);
}
