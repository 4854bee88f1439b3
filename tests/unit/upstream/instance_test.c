#include "upstream/instance.h"

#include "scene.h"

static struct scene scene;
static struct cluster *cluster;

/* A cluster of `count` instances, published. */
static void open_with(uint32_t count)
{
    static const uint16_t ports[4] = {1001, 1002, 1003, 1004};
    scene_open(&scene);
    struct service *service = roster_service(&scene.roster, STR("orders"), 8);
    cluster = roster_cluster(&scene.roster, service, STR("v1"));
    scene_targets(&scene, cluster, ports, count);
    scene_publish(&scene);
}

static struct origin *origin_at(uint32_t index)
{
    return origin_of(roster_set_of(&scene.roster, cluster)->endpoints[index]);
}

static void pass_ms(int64_t ms)
{
    scene.control.now_ms += ms;
    scene.roster.keeper.timer.fire(&scene.control, &scene.roster.keeper.timer);
}

static struct str last_reason(const struct origin *origin)
{
    return instance_reason_str(&instance_moment(&origin->instance, 0)->reason);
}

TEST(an_instance_that_is_listed_is_active)
{
    open_with(2);
    const struct instance_moment *moment = instance_moment(&origin_at(0)->instance, 0);
    WANT_INT(moment->state, INSTANCE_ACTIVE);
    WANT_INT(moment->source, INSTANCE_BY_DISCOVERY);
    WANT(instance_moment(&origin_at(0)->instance, 1) == NULL);
    WANT(endpoint_is_usable(&origin_at(0)->endpoint));
    scene_close(&scene);
}

TEST(the_state_that_matters_most_is_told_and_the_others_are_kept)
{
    open_with(1);
    struct origin *origin = origin_at(0);
    instance_set_signal(origin, true, STR("Sluice-Drain"));
    WANT_INT(origin->instance.state, INSTANCE_DRAINING);
    WANT(endpoint_takes_bound(&origin->endpoint));
    instance_eject(origin, scene.control.now_ms + 1000, STR("5 errors"));
    WANT_INT(origin->instance.state, INSTANCE_EJECTED);
    instance_set_health(origin, INSTANCE_HEALTH_DOWN, STR("connection refused"));
    WANT_INT(origin->instance.state, INSTANCE_DOWN);
    WANT(!endpoint_takes_bound(&origin->endpoint));
    instance_set_admin(origin, &(struct instance_order){.admin = INSTANCE_ADMIN_MAINT,
                                                        .reason = STR("new disks")});
    WANT_INT(origin->instance.state, INSTANCE_MAINTENANCE);
    WANT_STR(last_reason(origin), STR("new disks"));
    instance_set_admin(origin, &(struct instance_order){0});
    WANT_INT(origin->instance.state, INSTANCE_DOWN);
    WANT_STR(last_reason(origin), STR("connection refused"));
    instance_set_health(origin, INSTANCE_HEALTH_UP, STR("200"));
    WANT_INT(origin->instance.state, INSTANCE_EJECTED);
    instance_readmit(origin, STR("by hand"));
    WANT_INT(origin->instance.state, INSTANCE_DRAINING);
    WANT_STR(last_reason(origin), STR("Sluice-Drain"));
    instance_set_signal(origin, false, STR(""));
    WANT(endpoint_is_usable(&origin->endpoint));
    scene_close(&scene);
}

TEST(an_ejection_ends_by_itself)
{
    open_with(2);
    instance_eject(origin_at(0), scene.control.now_ms + 500, STR("slow"));
    instance_eject(origin_at(1), scene.control.now_ms + 900, STR("slow"));
    pass_ms(499);
    WANT(!endpoint_is_usable(&origin_at(0)->endpoint));
    pass_ms(1);
    WANT(endpoint_is_usable(&origin_at(0)->endpoint));
    WANT(!endpoint_is_usable(&origin_at(1)->endpoint));
    pass_ms(400);
    WANT(endpoint_is_usable(&origin_at(1)->endpoint));
    scene_close(&scene);
}

TEST(shares_of_all_sources_are_multiplied_and_none_of_them_drains_but_zero)
{
    open_with(1);
    struct origin *origin = origin_at(0);
    instance_set_share(origin, INSTANCE_BY_AGENT, 128, STR("50%"));
    instance_set_share(origin, INSTANCE_BY_OUTLIER, 64, STR("slow"));
    WANT_INT(endpoint_weight_units(&origin->endpoint), 32);
    instance_set_share(origin, INSTANCE_BY_OUTLIER, 1, STR("slow"));
    instance_set_share(origin, INSTANCE_BY_AGENT, 1, STR("0.4%"));
    WANT_INT(endpoint_weight_units(&origin->endpoint), 1);
    WANT_INT(origin->instance.state, INSTANCE_ACTIVE);
    instance_set_share(origin, INSTANCE_BY_AGENT, 0, STR("0%"));
    WANT_INT(origin->instance.state, INSTANCE_DRAINING);
    WANT_INT(instance_moment(&origin->instance, 0)->source, INSTANCE_BY_AGENT);
    scene_close(&scene);
}

TEST(the_weight_of_an_operator_stands_above_that_of_the_file)
{
    open_with(1);
    struct origin *origin = origin_at(0);
    instance_set_admin(origin, &(struct instance_order){.has_weight = true, .weight = 7});
    WANT_INT(endpoint_weight_units(&origin->endpoint), 7 * ENDPOINT_WEIGHT_ONE);
    instance_list(origin, 3);
    WANT_INT(endpoint_weight_units(&origin->endpoint), 7 * ENDPOINT_WEIGHT_ONE);
    instance_set_admin(origin, &(struct instance_order){.has_weight = true});
    WANT_INT(origin->instance.state, INSTANCE_DRAINING);
    instance_set_admin(origin, &(struct instance_order){0});
    WANT_INT(endpoint_weight_units(&origin->endpoint), 3 * ENDPOINT_WEIGHT_ONE);
    scene_close(&scene);
}

TEST(the_time_line_keeps_the_latest_and_long_reasons_are_cut)
{
    static const char reason[INSTANCE_REASON_BYTES + 9] = "a reason that is too long";
    open_with(1);
    struct origin *origin = origin_at(0);
    for (uint32_t i = 0; i < INSTANCE_MOMENTS; i++) {
        instance_set_health(origin, INSTANCE_HEALTH_DOWN, str_of(reason, sizeof reason));
        instance_set_health(origin, INSTANCE_HEALTH_UP, STR(""));
    }
    WANT_INT(origin->instance.moment_count, 2 * INSTANCE_MOMENTS + 1);
    WANT_INT(instance_moment(&origin->instance, 1)->reason.len, INSTANCE_REASON_BYTES);
    WANT(instance_moment(&origin->instance, INSTANCE_MOMENTS - 1) != NULL);
    WANT(instance_moment(&origin->instance, INSTANCE_MOMENTS) == NULL);
    scene_close(&scene);
}

TEST(states_are_counted_and_so_are_changes_by_their_source)
{
    open_with(1);
    struct origin *origin = origin_at(0);
    struct str state[4] = {STR("orders"), STR("v1"), origin->endpoint.name, STR("active")};
    const struct str change[4] = {STR("orders"), STR("v1"), STR("down"), STR("health")};
    uint32_t active = registry_series(&scene.registry, METRIC_endpoint_state, state);
    WANT_INT(stats_read(&scene.stats, active), 1);
    instance_set_health(origin, INSTANCE_HEALTH_DOWN, STR("refused"));
    state[3] = STR("down");
    uint32_t down = registry_series(&scene.registry, METRIC_endpoint_state, state);
    uint32_t changes = registry_series(&scene.registry, METRIC_endpoint_transitions, change);
    WANT_INT(stats_read(&scene.stats, active), 0);
    WANT_INT(stats_read(&scene.stats, down), 1);
    WANT_INT(stats_read(&scene.stats, changes), 1);
    scene_close(&scene);
}

TEST(an_instance_of_no_group_has_a_state_all_the_same)
{
    struct origin origin = {0};
    instance_list(&origin, 1);
    instance_set_health(&origin, INSTANCE_HEALTH_DOWN, STR("down"));
    WANT_INT(origin.instance.state, INSTANCE_DOWN);
    instance_eject(&origin, 5, STR("slow"));
    WANT(!endpoint_is_usable(&origin.endpoint));
}
