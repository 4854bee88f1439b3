/* cluster_test.c - picking an instance, and the lines of those who wait for one, over two cores. */
#include "scene.h"

static struct scene scene;
static struct exchange *ran[8];
static unsigned ran_count;

static void on_task(struct loop *loop, struct task *task)
{
    (void)loop;
    ran[ran_count++ % 8] = CONTAINER_OF(task, struct exchange, task);
}

static struct cluster *open_cluster(uint32_t queue_max)
{
    static const uint16_t ports[] = {1001};
    scene_open(&scene);
    ran_count = 0;
    struct service *service = roster_service(&scene.roster, STR("it"), queue_max);
    struct cluster *cluster = roster_cluster(&scene.roster, service, STR(""));
    WANT(cluster != NULL);
    scene_targets(&scene, cluster, ports, 1); /* one at a time */
    scene_publish(&scene);
    return cluster;
}

static struct exchange *begin(uint32_t core)
{
    struct exchange *ex = scene_begin(&scene, core);
    ex->task.run = on_task;
    return ex;
}

static struct endpoint *take(struct cluster *cluster)
{
    struct origin *origin = NULL;
    WANT_INT(scene_pick(&scene, cluster, 0, NULL, &origin), OK);
    return &origin->endpoint;
}

static void turn(void)
{
    for (uint32_t i = 0; i < SCENE_CORES; i++) {
        loop_turn(&scene.cores[i].loop, 0);
    }
}

static uint64_t depth(const struct cluster *cluster)
{
    return stats_read(&scene.stats, cluster->service->cells.queue_depth);
}

TEST(a_pick_says_why_there_is_none)
{
    struct cluster *cluster = open_cluster(4);
    struct origin *origin;
    struct endpoint *taken = take(cluster);
    WANT_INT(scene_pick(&scene, cluster, 0, NULL, &origin), ERR_QUEUE_FULL);
    endpoint_end(taken);
    const struct balance_tried tried = {.at = {taken}, .count = 1};
    WANT_INT(scene_pick(&scene, cluster, 0, &tried, &origin), ERR_NO_ENDPOINT);
    endpoint_bar(taken, ENDPOINT_BAR_DRAINED);
    WANT_INT(scene_pick(&scene, cluster, 0, NULL, &origin), ERR_NO_ENDPOINT);
    struct cluster *unknown = roster_cluster(&scene.roster, cluster->service, STR("new"));
    WANT_INT(scene_pick(&scene, unknown, 0, NULL, &origin), ERR_NAME_UNRESOLVED);
    scene_close(&scene);
}

TEST(who_waits_is_called_in_order_one_for_each_place)
{
    struct cluster *cluster = open_cluster(4);
    struct endpoint *taken = take(cluster);
    struct exchange *first = begin(0), *second = begin(0);
    WANT_INT(cluster_wait(cluster, first), OK);
    WANT_INT(cluster_wait(cluster, second), OK);
    WANT_INT(depth(cluster), 2);
    turn();
    WANT_INT(ran_count, 0);
    endpoint_end(taken);
    cluster_freed(cluster, &scene.cores[0]);
    turn();
    WANT_INT(ran_count, 1);
    WANT(ran[0] == first);
    WANT(first->is_called);
    WANT_INT(depth(cluster), 1);
    /* The place was taken by somebody else meanwhile: back to the front, past the ceiling. */
    taken = take(cluster);
    atomic_store(&cluster->service->queue_max, 1);
    WANT_INT(cluster_wait(cluster, first), OK);
    endpoint_end(taken);
    cluster_freed(cluster, &scene.cores[0]);
    turn();
    WANT_INT(ran_count, 2);
    WANT(ran[1] == first);
    cluster_leave(cluster, first); /* it goes without using its call */
    turn();
    WANT_INT(ran_count, 3);
    WANT(ran[2] == second);
    cluster_leave(cluster, second);
    WANT(!cluster_has_line(cluster));
    WANT_INT(depth(cluster), 0);
    scene_end(first);
    scene_end(second);
    scene_close(&scene);
}

TEST(the_line_has_a_ceiling_for_the_whole_service)
{
    struct cluster *cluster = open_cluster(1);
    struct endpoint *taken = take(cluster);
    struct exchange *first = begin(0), *second = begin(1);
    WANT_INT(cluster_wait(cluster, first), OK);
    WANT_INT(cluster_wait(cluster, second), ERR_QUEUE_FULL);
    WANT_INT(depth(cluster), 1);
    cluster_leave(cluster, second); /* harmless */
    cluster_leave(cluster, first);
    WANT_INT(atomic_load(&cluster->service->waiting_total), 0);
    endpoint_end(taken);
    scene_end(first);
    scene_end(second);
    scene_close(&scene);
}

TEST(a_place_that_became_free_on_the_way_into_the_line_is_not_lost)
{
    struct cluster *cluster = open_cluster(4);
    struct exchange *ex = begin(0);
    /* The pick failed; before the entry the last one ended and saw nobody. */
    WANT_INT(cluster_wait(cluster, ex), OK);
    turn();
    WANT_INT(ran_count, 1);
    WANT(ex->is_called);
    cluster_leave(cluster, ex);
    scene_end(ex);
    scene_close(&scene);
}

TEST(a_call_to_another_core_goes_by_mail_and_comes_back_when_nobody_is_left)
{
    struct cluster *cluster = open_cluster(4);
    struct endpoint *taken = take(cluster);
    struct exchange *here = begin(0), *there = begin(1);
    WANT_INT(cluster_wait(cluster, there), OK);
    endpoint_end(taken);
    cluster_freed(cluster, &scene.cores[0]);
    WANT_INT(ran_count, 0);
    /* It gives up while the mail is under way, and another one gets in line over here. */
    cluster_leave(cluster, there);
    taken = take(cluster);
    WANT_INT(cluster_wait(cluster, here), OK);
    endpoint_end(taken);
    turn();
    turn();
    WANT_INT(ran_count, 1);
    WANT(ran[0] == here);
    cluster_leave(cluster, here);
    scene_end(here);
    scene_end(there);
    scene_close(&scene);
}
