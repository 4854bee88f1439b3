/* roster_watch_test.c - what cores count becomes shares and states of instances. */
#include "scene.h"

static struct scene scene;
static const uint16_t ports[] = {1001, 1002, 1003};

static struct cluster *open_cluster(const struct outlier_conf *eject)
{
    scene_open(&scene);
    struct service *service = roster_service(&scene.roster, STR("it"), 8);
    CHECK(service != NULL);
    struct cluster *cluster = roster_cluster(&scene.roster, service, STR("v1"));
    CHECK(cluster != NULL);
    struct roster_target targets[COUNT_OF(ports)];
    for (size_t i = 0; i < COUNT_OF(ports); i++) {
        char text[32];
        struct strbuf out = strbuf_over(text, sizeof text);
        strbuf_add_fmt(&out, "127.0.0.1:%u", ports[i]);
        targets[i] = (struct roster_target){.text = STR("t"), .weight = 4};
        WANT_INT(addr_parse(strbuf_str(&out), &targets[i].addr), OK);
    }
    const struct roster_cluster_conf conf = {.targets = targets,
                                             .target_count = COUNT_OF(ports),
                                             .balance = balance_types[BALANCE_ID_round_robin],
                                             .eject = *eject};
    WANT_INT(roster_configure(&scene.roster, cluster, &conf), OK);
    scene_publish(&scene);
    return cluster;
}

static struct origin *origin_at(struct cluster *cluster, uint32_t at)
{
    return origin_of(roster_set_of(&scene.roster, cluster)->endpoints[at]);
}

static void count(struct origin *origin, uint32_t core, enum tally_outcome outcome, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        tally_note(&origin->pools[core].tally, outcome, 5000000);
    }
}

static void watch_after(int64_t ms)
{
    scene.control.now_ms += ms;
    roster_watch(&scene.roster);
}

static const struct outlier_conf usual = {.errors = 5,
                                          .window_ms = 10000,
                                          .error_percent = 5,
                                          .for_ms = 30000,
                                          .for_ms_max = 300000,
                                          .max_share = 33,
                                          .min_healthy = 1};

TEST(errors_in_a_row_on_all_cores_together_take_an_instance_out_and_time_brings_it_back)
{
    struct cluster *cluster = open_cluster(&usual);
    struct origin *bad = origin_at(cluster, 1);
    watch_after(0);
    count(bad, 0, TALLY_FAILED_LOCAL, 3);
    count(bad, 1, TALLY_FAILED_LOCAL, 2);
    count(origin_at(cluster, 0), 0, TALLY_ANSWERED, 4);
    watch_after(250);
    WANT_INT(bad->instance.state, INSTANCE_EJECTED);
    WANT(!endpoint_is_usable(&bad->endpoint));
    const struct instance_moment *moment = instance_moment(&bad->instance, 0);
    WANT_STR(instance_reason_str(&moment->reason), STR("5 errors in a row"));
    WANT_INT(moment->source, INSTANCE_BY_OUTLIER);
    watch_after(34000);
    WANT_INT(bad->instance.state, INSTANCE_ACTIVE);
    WANT_INT(endpoint_weight_units(&bad->endpoint), 4 * OUTLIER_SHARE_PROBING);
    for (uint32_t i = 0; i < 30; i++) {
        count(bad, 0, TALLY_ANSWERED, 3);
        watch_after(250);
    }
    WANT_INT(endpoint_weight_units(&bad->endpoint), 4 * ENDPOINT_WEIGHT_ONE);
    scene_close(&scene);
}

TEST(a_rate_of_errors_halves_the_share_step_by_step)
{
    struct cluster *cluster = open_cluster(&usual);
    struct origin *bad = origin_at(cluster, 2);
    uint32_t before = 4 * ENDPOINT_WEIGHT_ONE;
    watch_after(1000);
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t j = 0; j < 3; j++) {
            count(origin_at(cluster, j), 0, TALLY_ANSWERED, 40);
        }
        count(bad, 0, TALLY_FAILED_SERVER, 40);
        count(bad, 0, TALLY_ANSWERED, 1);
        watch_after(1000);
        WANT_INT(endpoint_weight_units(&bad->endpoint), before / 2);
        before /= 2;
    }
    WANT_INT(bad->instance.state, INSTANCE_ACTIVE);
    WANT_INT(endpoint_weight_units(&origin_at(cluster, 0)->endpoint), 4 * ENDPOINT_WEIGHT_ONE);
    scene_close(&scene);
}

TEST(a_reload_that_switches_it_off_brings_everybody_back)
{
    struct cluster *cluster = open_cluster(&usual);
    struct origin *bad = origin_at(cluster, 0);
    watch_after(0);
    count(bad, 0, TALLY_FAILED_LOCAL, 9);
    watch_after(250);
    WANT_INT(bad->instance.state, INSTANCE_EJECTED);
    scene_targets(&scene, cluster, ports, COUNT_OF(ports));
    WANT_INT(bad->instance.state, INSTANCE_EJECTED); /* until it is in use */
    scene_publish(&scene);
    WANT_INT(bad->instance.state, INSTANCE_ACTIVE);
    WANT_INT(instance_share(&bad->instance), INSTANCE_SHARE_ONE);
    count(bad, 0, TALLY_FAILED_LOCAL, 99);
    watch_after(250);
    WANT_INT(bad->instance.state, INSTANCE_ACTIVE);
    scene_close(&scene);
}

TEST(an_instance_that_is_down_already_is_not_counted_among_those_that_may_go)
{
    struct cluster *cluster = open_cluster(&usual);
    instance_set_health(origin_at(cluster, 0), INSTANCE_HEALTH_DOWN, STR("test"));
    instance_set_health(origin_at(cluster, 1), INSTANCE_HEALTH_DOWN, STR("test"));
    struct origin *last = origin_at(cluster, 2);
    watch_after(0);
    count(last, 0, TALLY_FAILED_LOCAL, 50);
    watch_after(250);
    WANT_INT(last->instance.state, INSTANCE_ACTIVE);
    WANT(endpoint_is_usable(&last->endpoint));
    scene_close(&scene);
}

TEST(the_timer_of_the_roster_looks_by_itself)
{
    struct cluster *cluster = open_cluster(&usual);
    struct origin *bad = origin_at(cluster, 1);
    watch_after(0);
    count(bad, 0, TALLY_FAILED_LOCAL, 5);
    WANT(scene.roster.watch.fire != NULL);
    scene.control.now_ms += 300;
    scene.roster.watch.fire(&scene.control, &scene.roster.watch);
    WANT_INT(bad->instance.state, INSTANCE_EJECTED);
    scene_close(&scene);
}
