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
