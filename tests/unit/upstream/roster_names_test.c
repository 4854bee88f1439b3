/* roster_names_test.c - names of targets: before they are resolved, shared, given back, wrong. */
#include "scene.h"

static struct scene scene;

static enum err pick(struct cluster *cluster, uint32_t core)
{
    struct origin *origin;
    TRY(scene_pick(&scene, cluster, core, NULL, &origin));
    endpoint_end(&origin->endpoint);
    return OK;
}

static void use_name(struct cluster *cluster, struct str host, bool is_every_address)
{
    const struct roster_target target = {
        .text = host, .host = host, .port = 80, .is_every_address = is_every_address, .weight = 1};
    const struct roster_cluster_conf conf = {
        .targets = &target, .target_count = 1, .balance = balance_types[BALANCE_ID_p2c_ewma]};
    WANT_INT(roster_configure(&scene.roster, cluster, &conf), OK);
}

static void wait_for_change(unsigned changes)
{
    for (int i = 0; i < 300 && scene.changes < changes; i++) {
        loop_turn(&scene.control, 10);
    }
}

static uint32_t name_count(void)
{
    uint32_t count = 0;
    LIST_EACH(node, &scene.roster.names)
    {
        count++;
    }
    return count;
}

TEST(a_name_has_no_instances_before_it_is_resolved_and_keeps_the_last_ones)
{
    scene_open(&scene);
    struct service *service = roster_service(&scene.roster, STR("it"), 8);
    struct cluster *cluster = roster_cluster(&scene.roster, service, STR(""));
    use_name(cluster, STR("localhost"), false);
    scene_publish(&scene);
    WANT_INT(pick(cluster, 0), ERR_NAME_UNRESOLVED);
    wait_for_change(1);
    WANT_INT(scene.changes, 1);
    scene_publish(&scene);
    WANT_INT(pick(cluster, 0), OK);
    /* A name that is not known: what there was serves on. */
    use_name(cluster, STR("no-such-name.invalid"), false);
    scene_publish(&scene);
    WANT_INT(pick(cluster, 0), OK);
    WANT_INT(name_count(), 1);
    scene_close(&scene);
}

TEST(a_name_is_asked_for_once_unless_other_addresses_of_it_are_wanted)
{
    scene_open(&scene);
    struct service *service = roster_service(&scene.roster, STR("it"), 8);
    struct cluster *one = roster_cluster(&scene.roster, service, STR("one"));
    struct cluster *two = roster_cluster(&scene.roster, service, STR("two"));
    struct cluster *all = roster_cluster(&scene.roster, service, STR("all"));
    use_name(one, STR("localhost"), false);
    use_name(two, STR("localhost"), false);
    WANT_INT(name_count(), 1);
    use_name(all, STR("localhost"), true);
    WANT_INT(name_count(), 2);
    static const uint16_t ports[] = {1001};
    scene_targets(&scene, one, ports, 1);
    WANT_INT(name_count(), 2);
    scene_targets(&scene, two, ports, 1);
    scene_targets(&scene, all, ports, 1);
    WANT_INT(name_count(), 0);
    scene_close(&scene);
}

TEST(a_host_that_is_no_name_is_refused_and_nothing_is_left_behind)
{
    scene_open(&scene);
    struct service *service = roster_service(&scene.roster, STR("it"), 8);
    struct cluster *cluster = roster_cluster(&scene.roster, service, STR(""));
    use_name(cluster, STR("not a name"), false);
    WANT_INT(name_count(), 0);
    scene_publish(&scene);
    WANT_INT(pick(cluster, 0), ERR_NAME_UNRESOLVED);
    scene_close(&scene);
}
