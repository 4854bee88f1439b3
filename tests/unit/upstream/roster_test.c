/* roster_test.c - services, versions and instances over reloads: what stays, what comes, and that
 * nothing changes for a core before it has taken an update over. */
#include "scene.h"

#include "base/heap.h"

static struct scene scene;

static struct cluster *open_cluster(const uint16_t *ports, uint32_t count)
{
    scene_open(&scene);
    struct service *service = roster_service(&scene.roster, STR("it"), 8);
    CHECK(service != NULL);
    struct cluster *cluster = roster_cluster(&scene.roster, service, STR("v1"));
    CHECK(cluster != NULL);
    scene_targets(&scene, cluster, ports, count);
    scene_publish(&scene);
    return cluster;
}

static enum err pick(struct cluster *cluster, uint32_t core)
{
    struct origin *origin;
    TRY(scene_pick(&scene, cluster, core, NULL, &origin));
    endpoint_end(&origin->endpoint);
    return OK;
}

TEST(the_same_name_is_the_same_object_with_its_load)
{
    static const uint16_t ports[] = {1001, 1002};
    struct cluster *cluster = open_cluster(ports, 2);
    struct service *service = roster_service(&scene.roster, STR("it"), 9);
    WANT(service == cluster->service);
    WANT_INT(atomic_load(&service->queue_max), 9);
    WANT(roster_cluster(&scene.roster, service, STR("v1")) == cluster);
    WANT(roster_cluster(&scene.roster, service, STR("v2")) != cluster);
    const struct endpoint *first = roster_set_of(&scene.roster, cluster)->endpoints[0];
    scene_targets(&scene, cluster, ports, 2);
    WANT(roster_take_updates(&scene.roster) == NULL); /* nothing has changed */
    static const uint16_t more[] = {1003, 1001};
    scene_targets(&scene, cluster, more, 2);
    scene_publish(&scene);
    WANT(roster_set_of(&scene.roster, cluster)->endpoints[1] == first);
    WANT_STR(first->name, STR("127.0.0.1:1001"));
    scene_close(&scene);
}

TEST(instances_serve_until_every_core_has_the_new_ones)
{
    static const uint16_t old_ports[] = {1001}, new_ports[] = {1002};
    struct cluster *cluster = open_cluster(old_ports, 1);
    struct endpoint *removed = roster_set_of(&scene.roster, cluster)->endpoints[0];
    scene_targets(&scene, cluster, new_ports, 1);
    /* Compiled, not published: the rest of a large file may take seconds, or be refused. */
    WANT(endpoint_is_usable(removed));
    WANT_INT(pick(cluster, 0), OK);
    struct roster_update *updates = roster_take_updates(&scene.roster);
    roster_apply(updates, &scene.cores[0]);
    WANT_INT(pick(cluster, 0), OK);
    WANT_INT(pick(cluster, 1), OK); /* still the old one */
    roster_apply(updates, &scene.cores[1]);
    roster_release(&scene.roster, updates);
    WANT(!endpoint_is_usable(removed));
    WANT_INT(pick(cluster, 1), OK);
    scene_close(&scene);
}

TEST(an_instance_that_comes_back_before_it_was_gone_stays_usable)
{
    static const uint16_t both[] = {1001, 1002}, one[] = {1002};
    struct cluster *cluster = open_cluster(both, 2);
    struct endpoint *back = roster_set_of(&scene.roster, cluster)->endpoints[0];
    scene_targets(&scene, cluster, one, 1);
    struct roster_update *first = roster_take_updates(&scene.roster);
    scene_targets(&scene, cluster, both, 2);
    struct roster_update *second = roster_take_updates(&scene.roster);
    for (uint32_t i = 0; i < SCENE_CORES; i++) {
        roster_apply(first, &scene.cores[i]);
        roster_apply(second, &scene.cores[i]);
    }
    roster_release(&scene.roster, first);
    roster_release(&scene.roster, second);
    WANT(endpoint_is_usable(back));
    /* Two updates in one publication. */
    scene_targets(&scene, cluster, one, 1);
    scene_targets(&scene, cluster, both, 2);
    scene_publish(&scene);
    WANT(endpoint_is_usable(back));
    scene_close(&scene);
}

TEST(an_instance_is_freed_when_nobody_uses_it)
{
    static const uint16_t old_ports[] = {1001}, new_ports[] = {1002};
    struct cluster *cluster = open_cluster(old_ports, 1);
    struct endpoint *removed = roster_set_of(&scene.roster, cluster)->endpoints[0];
    WANT(endpoint_try_begin(removed));
    scene_targets(&scene, cluster, new_ports, 1);
    scene_publish(&scene);
    for (int i = 0; i < 4; i++) {
        roster_sweep(&scene.roster);
    }
    WANT_INT(endpoint_in_flight(removed), 1); /* a sanitizer would tell */
    endpoint_end(removed);
    for (int i = 0; i < 2; i++) {
        roster_sweep(&scene.roster);
    }
    scene_targets(&scene, cluster, old_ports, 1); /* as new */
    scene_publish(&scene);
    WANT_INT(pick(cluster, 0), OK);
    scene_close(&scene);
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
