/* roster_set_test.c - instances over the sets that list them: gone, back, freed. */
#include "scene.h"

#include "upstream/roster_inner.h"

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
