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
    WANT(roster_cluster(&scene.roster, service, STR("v1")) == cluster);
    WANT(roster_cluster(&scene.roster, service, STR("v2")) != cluster);
    const struct endpoint *first = roster_set_of(&scene.roster, cluster)->endpoints[0];
    scene_targets(&scene, cluster, ports, 2);
    WANT(roster_take_updates(&scene.roster) == NULL); /* nothing has changed */
    WANT_INT(atomic_load(&service->queue_max), 9);
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

/* One instance, at port 1001. */
static void configure(struct cluster *cluster, struct str text, uint32_t weight, uint32_t max)
{
    struct roster_target target = {.text = text, .weight = weight};
    CHECK(addr_parse_ip(STR("127.0.0.1"), &target.addr) == OK);
    target.addr.port = 1001;
    const struct roster_cluster_conf conf = {.targets = &target,
                                             .target_count = 1,
                                             .balance = balance_types[BALANCE_ID_round_robin],
                                             .connections_max = max};
    WANT_INT(roster_configure(&scene.roster, cluster, &conf), OK);
}

static struct origin *only_origin(struct cluster *cluster)
{
    return origin_of(roster_set_of(&scene.roster, cluster)->endpoints[0]);
}

TEST(what_is_configured_takes_effect_when_it_is_published_and_not_before)
{
    static const uint16_t ports[] = {1001};
    struct cluster *cluster = open_cluster(ports, 1);
    struct origin *origin = only_origin(cluster);
    struct service *service = roster_service(&scene.roster, STR("it"), 99);
    configure(cluster, STR("other:1001"), 7, 1);
    WANT_INT(endpoint_weight_units(&origin->endpoint), ENDPOINT_WEIGHT_ONE);
    WANT_INT(atomic_load(&origin->endpoint.load.in_flight_max), 1);
    WANT_INT(atomic_load(&service->queue_max), 8);
    WANT_STR(*atomic_load(&origin->host), STR("it"));
    configure(cluster, STR("other:1001"), 7, 3); /* the last word counts */
    scene_publish(&scene);
    WANT_INT(endpoint_weight_units(&origin->endpoint), 7 * ENDPOINT_WEIGHT_ONE);
    WANT_INT(atomic_load(&origin->endpoint.load.in_flight_max), 3);
    WANT_INT(atomic_load(&service->queue_max), 99);
    WANT_STR(*atomic_load(&origin->host), STR("other:1001"));
    WANT(only_origin(cluster) == origin);
    scene_close(&scene);
}

TEST(what_is_discarded_has_never_been)
{
    static const uint16_t ports[] = {1001}, others[] = {1002, 1003};
    struct cluster *cluster = open_cluster(ports, 1);
    struct origin *origin = only_origin(cluster);
    struct service *service = roster_service(&scene.roster, STR("it"), 99);
    struct cluster *fresh = roster_cluster(&scene.roster, service, STR("new"));
    scene_targets(&scene, fresh, others, 2);
    scene_targets(&scene, cluster, others, 2);
    configure(cluster, STR("other:1001"), 0, 3);
    roster_discard(&scene.roster);
    WANT(roster_take_updates(&scene.roster) == NULL);
    WANT_INT(atomic_load(&service->queue_max), 8);
    WANT_INT(endpoint_weight_units(&origin->endpoint), ENDPOINT_WEIGHT_ONE);
    WANT_STR(*atomic_load(&origin->host), STR("it"));
    WANT(only_origin(cluster) == origin);
    WANT(roster_set_of(&scene.roster, fresh) == NULL);
    WANT_INT(pick(cluster, 0), OK);
    scene_close(&scene);
}

/* As the control thread does: what the roster has to say by itself is published. */
static void sweep_and_publish(void)
{
    roster_sweep(&scene.roster);
    scene_publish(&scene);
}

TEST(what_no_generation_names_any_more_is_freed_once_nobody_is_there)
{
    static const uint16_t ports[] = {1001};
    struct exchange *ex;
    scene_open(&scene);
    roster_begin(&scene.roster, 1);
    struct service *gone = roster_service(&scene.roster, STR("gone"), 8);
    struct cluster *cluster = roster_cluster(&scene.roster, gone, STR("v1"));
    scene_targets(&scene, cluster, ports, 1);
    scene_publish(&scene);
    struct endpoint *endpoint = &only_origin(cluster)->endpoint;
    ex = scene_begin(&scene, 0);
    WANT(endpoint_try_begin(endpoint));
    roster_begin(&scene.roster, 2);
    struct service *kept = roster_service(&scene.roster, STR("kept"), 8);
    WANT(roster_cluster(&scene.roster, kept, STR("")) != NULL);
    scene_publish(&scene);
    for (int i = 0; i < 4; i++) {
        sweep_and_publish();
    }
    WANT_INT(pick(cluster, 0), ERR_QUEUE_FULL); /* generation 1 is in use: all of it is there */
    roster_forget(&scene.roster, 2);
    for (int i = 0; i < 4; i++) {
        sweep_and_publish();
    }
    WANT_INT(pick(cluster, 0), ERR_NO_ENDPOINT); /* its instances are gone, but for one exchange */
    endpoint_end(endpoint);
    scene_end(ex);
    for (int i = 0; i < 4; i++) {
        sweep_and_publish();
    }
    size_t services = 0, clusters = 0;
    LIST_EACH(node, &scene.roster.services) {
        services++;
    }
    LIST_EACH(node, &scene.roster.clusters) {
        clusters++;
    }
    WANT_INT(services, 1);
    WANT_INT(clusters, 1);
    roster_begin(&scene.roster, 3);
    WANT(roster_service(&scene.roster, STR("kept"), 8) == kept);
    scene_close(&scene);
}

TEST(what_is_named_again_before_it_is_freed_serves_on)
{
    static const uint16_t ports[] = {1001};
    scene_open(&scene);
    roster_begin(&scene.roster, 1);
    struct service *service = roster_service(&scene.roster, STR("it"), 8);
    struct cluster *cluster = roster_cluster(&scene.roster, service, STR(""));
    scene_targets(&scene, cluster, ports, 1);
    scene_publish(&scene);
    roster_forget(&scene.roster, 2);
    sweep_and_publish();
    WANT_INT(pick(cluster, 0), ERR_NO_ENDPOINT);
    roster_begin(&scene.roster, 3);
    WANT(roster_service(&scene.roster, STR("it"), 8) == service);
    WANT(roster_cluster(&scene.roster, service, STR("")) == cluster);
    scene_targets(&scene, cluster, ports, 1);
    scene_publish(&scene);
    for (int i = 0; i < 4; i++) {
        sweep_and_publish();
    }
    WANT_INT(pick(cluster, 0), OK);
    scene_close(&scene);
}
