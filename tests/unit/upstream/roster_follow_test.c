/* roster_follow_test.c - clusters that follow a source: before its first list, after, over reloads. */
#include "scene.h"

#include "upstream/roster_inner.h"

#include <stdio.h>
#include <stdlib.h>

static struct scene scene;
static char path[] = "/tmp/sluice-follow-XXXXXX";
static struct conf_discover discover;

static void put(const char *text)
{
    FILE *file = fopen(path, "w");
    WANT(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static struct cluster *begin(void)
{
    scene_open(&scene);
    int fd = mkstemp(path);
    WANT(fd >= 0);
    close(fd);
    discover = (struct conf_discover){.from = str_from_c(path),
                                      .kind = CONF_DISCOVER_FILE,
                                      .url = str_from_c(path),
                                      .every_ms = 1000};
    struct service *service = roster_service(&scene.roster, STR("it"), 8);
    return roster_cluster(&scene.roster, service, STR(""));
}

static void end(void)
{
    scene_close(&scene);
    (void)unlink(path);
    memcpy(path + strlen(path) - 6, "XXXXXX", 6);
}

static void configure(struct cluster *cluster, const struct conf_discover *conf)
{
    const struct roster_target target = {.text = STR("10.0.0.9:80"), .port = 80, .weight = 1,
                                         .addr = {.family = ADDR_V4, .port = 80, .ip = {10, 0, 0, 9}}};
    const struct roster_cluster_conf cluster_conf = {
        .targets = &target,
        .target_count = conf == NULL ? 1 : 0,
        .discover = conf,
        .balance = balance_types[BALANCE_ID_round_robin]};
    WANT_INT(roster_configure(&scene.roster, cluster, &cluster_conf), OK);
}

static void wait_changes(unsigned changes)
{
    for (int i = 0; i < 300 && scene.changes < changes; i++) {
        loop_turn(&scene.control, 10);
    }
    WANT_INT(scene.changes, changes);
    scene_publish(&scene);
}

static enum err pick(struct cluster *cluster, struct str *name)
{
    struct origin *origin;
    *name = (struct str){0};
    TRY(scene_pick(&scene, cluster, 0, NULL, &origin));
    *name = origin->endpoint.name;
    endpoint_end(&origin->endpoint);
    return OK;
}

TEST(a_cluster_waits_for_its_first_list_and_follows_the_next)
{
    struct cluster *cluster = begin();
    struct str name;
    configure(cluster, &discover);
    scene_publish(&scene);
    WANT_INT(pick(cluster, &name), ERR_NAME_UNRESOLVED);
    put("- 10.0.0.1:80\n");
    wait_changes(1);
    WANT_INT(pick(cluster, &name), OK);
    WANT_STR(name, STR("10.0.0.1:80"));
    put("- 10.0.0.2:80\n");
    wait_changes(2);
    WANT_INT(pick(cluster, &name), OK);
    WANT_STR(name, STR("10.0.0.2:80"));
    end();
}

TEST(a_reload_that_says_the_same_keeps_the_source_and_its_list)
{
    struct cluster *cluster = begin();
    struct str name;
    put("- 10.0.0.1:80\n");
    configure(cluster, &discover);
    scene_publish(&scene);
    wait_changes(1);
    configure(cluster, &discover);
    scene_publish(&scene);
    WANT_INT(pick(cluster, &name), OK);
    WANT_STR(name, STR("10.0.0.1:80"));
    end();
}

TEST(the_old_instances_serve_until_a_new_source_has_answered)
{
    struct cluster *cluster = begin();
    struct str name;
    put("- 10.0.0.1:80\n");
    configure(cluster, NULL);
    scene_publish(&scene);
    WANT_INT(pick(cluster, &name), OK);
    WANT_STR(name, STR("10.0.0.9:80"));
    configure(cluster, &discover);
    scene_publish(&scene);
    WANT_INT(pick(cluster, &name), OK);
    WANT_STR(name, STR("10.0.0.9:80"));
    wait_changes(1);
    WANT_INT(pick(cluster, &name), OK);
    WANT_STR(name, STR("10.0.0.1:80"));
    configure(cluster, NULL);
    scene_publish(&scene);
    WANT_INT(pick(cluster, &name), OK);
    WANT_STR(name, STR("10.0.0.9:80"));
    end();
}

TEST(a_reload_that_is_given_up_leaves_the_source_as_it_was)
{
    struct cluster *cluster = begin();
    struct str name;
    put("- 10.0.0.1:80\n");
    configure(cluster, &discover);
    scene_publish(&scene);
    wait_changes(1);
    struct conf_discover other = discover;
    other.every_ms = 2000;
    configure(cluster, &other);
    roster_discard(&scene.roster);
    put("- 10.0.0.2:80\n");
    wait_changes(2);
    WANT_INT(pick(cluster, &name), OK);
    WANT_STR(name, STR("10.0.0.2:80"));
    end();
}
