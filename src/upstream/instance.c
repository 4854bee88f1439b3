/* instance.c - facts about an instance, the state that follows, and who is told; see instance.h. */
#include "upstream/instance.h"

#include "base/check.h"
#include "base/log.h"
#include "stats/registry.h"
#include "upstream/cluster.h"
#include "upstream/instance_group.h"

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
    return instance->is_warming ? INSTANCE_WARMING : INSTANCE_ACTIVE;
}

static unsigned bars_of(const struct instance *instance)
{
    bool is_drained = instance->admin == INSTANCE_ADMIN_DRAIN || instance->is_told_to_drain ||
                      instance_weight(instance) == 0 || instance_share(instance) == 0;
    bool is_drawn = instance->is_warming && !is_drained && instance->group != NULL &&
                    !instance->group->conf.goes_by_key;
    bool is_believed = !instance->is_in_panic;
    bool is_down = instance->health == INSTANCE_HEALTH_DOWN;
    return (instance->admin == INSTANCE_ADMIN_MAINT ? ENDPOINT_BAR_MAINTENANCE : 0u) |
           (is_down && is_believed ? ENDPOINT_BAR_HEALTH : 0u) |
           (instance->is_ejected && is_believed ? ENDPOINT_BAR_EJECTED : 0u) |
           (is_drained ? ENDPOINT_BAR_DRAINED : 0u) | (is_drawn ? ENDPOINT_BAR_WARMING : 0u);
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

void instance_apply(struct origin *origin)
{
    const struct instance *instance = &origin->instance;
    endpoint_set_weight(&origin->endpoint, instance_weight(instance), instance_share(instance));
    endpoint_set_bars(&origin->endpoint, bars_of(instance));
}

static bool is_out(enum instance_state state)
{
    return state == INSTANCE_DOWN || state == INSTANCE_EJECTED || state == INSTANCE_MAINTENANCE;
}

/* Some fact has changed: state, weight and bars follow. */
static void compose(struct origin *origin, enum instance_source news)
{
    struct instance *instance = &origin->instance;
    enum instance_state before = (enum instance_state)instance->state, after = derive(instance);
    if (is_out(before) && after == INSTANCE_ACTIVE) {
        instance_group_warm(origin);
        after = derive(instance);
    }
    instance->state = (uint8_t)after;
    instance_apply(origin);
    if (after != before || instance->moment_count == 0) {
        note(origin, news, before);
    }
    if (instance->group != NULL) {
        instance_group_touch(instance->group);
    }
}

static void hear(struct origin *origin, enum instance_source source, struct str reason)
{
    keep_reason(&origin->instance.reasons[source], reason);
    compose(origin, source);
}

void instance_list(struct origin *origin, uint32_t weight)
{
    struct instance *instance = &origin->instance;
    bool is_new = !instance->is_listed;
    instance->weight = weight;
    instance->is_listed = true;
    if (is_new && derive(instance) == INSTANCE_ACTIVE) {
        instance_group_warm(origin);
    }
    endpoint_unbar(&origin->endpoint, ENDPOINT_BAR_REMOVED);
    hear(origin, INSTANCE_BY_DISCOVERY, weight == 0 ? STR("weight 0") : STR("listed"));
}

void instance_place(struct origin *origin, uint32_t priority, bool is_local)
{
    CHECK(priority < INSTANCE_PRIORITIES);
    origin->instance.priority = (uint8_t)priority;
    origin->instance.is_local = is_local;
}

void instance_unlist(struct origin *origin)
{
    origin->instance.is_listed = false;
    origin->instance.is_warming = false;
    origin->instance.withheld[INSTANCE_BY_WARMUP] = 0;
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
        instance_keeper_tick(origin->instance.group->keeper);
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
