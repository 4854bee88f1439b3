/* overrides_test.c - what operators said, over reloads, processes and instances that go. */
#include "control/overrides.h"

#include "base/limits.h"
#include "scene.h"

#include <stdlib.h>

static struct scene scene;
static struct cluster *cluster;
static struct overrides overrides;

static void configure(const uint16_t *ports, uint32_t count)
{
    scene_targets(&scene, cluster, ports, count);
    scene_publish(&scene);
    overrides_apply(&overrides);
}

static void begin(int memory_fd)
{
    static const uint16_t ports[2] = {1001, 1002};
    scene_open(&scene);
    struct service *service = roster_service(&scene.roster, STR("orders"), 8);
    cluster = roster_cluster(&scene.roster, service, STR("v1"));
    overrides.memory.fd = memory_fd;
    overrides_init(&overrides, &scene.roster);
    scene.control.wall_us = 1000000;
    configure(ports, 2);
}

static void end(void)
{
    scene_publish(&scene);
    overrides_drop(&overrides);
    scene_close(&scene);
}

static struct instance *instance_at(uint32_t index)
{
    return &origin_of(roster_set_of(&scene.roster, cluster)->endpoints[index])->instance;
}

static struct override_ask about(const char *instance, enum override_verb verb)
{
    return (struct override_ask){.service = STR("orders"),
                                 .instance = str_from_c(instance),
                                 .owner = STR("ann"),
                                 .reason = STR("disks"),
                                 .verb = (uint8_t)verb};
}

static enum err change(struct override_ask ask)
{
    return overrides_change(&overrides, &ask);
}

TEST(a_state_and_a_weight_are_said_one_by_one_and_cleared_together)
{
    begin(-1);
    WANT_INT(change(about("127.0.0.1:1001", OVERRIDE_DRAIN)), OK);
    WANT_INT(instance_at(0)->state, INSTANCE_DRAINING);
    WANT_STR(instance_reason_str(&instance_moment(instance_at(0), 0)->reason), STR("ann: disks"));
    struct override_ask weight = about("127.0.0.1:1001", OVERRIDE_NONE);
    weight.has_weight = true;
    weight.weight = 9;
    WANT_INT(change(weight), OK);
    WANT_INT(instance_at(0)->state, INSTANCE_DRAINING);
    WANT_INT(change(about("127.0.0.1:1001", OVERRIDE_READY)), OK);
    WANT_INT(instance_at(0)->state, INSTANCE_ACTIVE);
    WANT_INT(instance_weight(instance_at(0)), 9);
    WANT_INT(overrides.count, 1);
    WANT_INT(change(about("127.0.0.1:1001", OVERRIDE_CLEAR)), OK);
    WANT_INT(overrides.count, 0);
    WANT_INT(instance_weight(instance_at(0)), 1);
    WANT_INT(instance_at(1)->moment_count, 1);
    end();
}

TEST(what_is_not_there_cannot_be_changed_and_what_has_gone_is_kept)
{
    static const uint16_t one[1] = {1002}, both[2] = {1001, 1002};
    begin(-1);
    WANT_INT(change(about("127.0.0.1:1", OVERRIDE_DRAIN)), ERR_NOT_FOUND);
    WANT_INT(change(about("127.0.0.1:1001", OVERRIDE_MAINT)), OK);
    scene_publish(&scene);
    configure(one, 1);
    WANT_INT(overrides.count, 1);
    const struct override_ask gone = about("127.0.0.1:1001", OVERRIDE_MAINT);
    WANT_INT(overrides_count(&overrides, &gone), 0);
    configure(both, 2);
    WANT_INT(instance_at(0)->state, INSTANCE_MAINTENANCE);
    end();
}

static void pass_us(int64_t us)
{
    scene.control.wall_us += us;
    overrides.timer.fire(&scene.control, &overrides.timer);
}

TEST(it_ends_when_it_was_said_to_and_bound_clients_have_their_time)
{
    begin(-1);
    struct override_ask ask = about("127.0.0.1:1002", OVERRIDE_DRAIN);
    ask.until_us = scene.control.wall_us + 5000000;
    ask.keep_until_us = scene.control.wall_us + 2000000;
    WANT_INT(change(ask), OK);
    pass_us(1999999);
    WANT_INT(instance_at(1)->state, INSTANCE_DRAINING);
    pass_us(1);
    WANT_INT(instance_at(1)->state, INSTANCE_MAINTENANCE);
    pass_us(3000000);
    WANT_INT(instance_at(1)->state, INSTANCE_ACTIVE);
    WANT_INT(overrides.count, 0);
    end();
}

TEST(another_process_goes_on_with_them)
{
    int fd = lastgood_create();
    begin(fd);
    WANT_INT(change(about("127.0.0.1:1001", OVERRIDE_MAINT)), OK);
    end();
    begin(fd);
    overrides_load(&overrides, STR(""));
    WANT_INT(overrides.count, 1);
    WANT_INT(instance_at(0)->state, INSTANCE_MAINTENANCE);
    end();
    lastgood_close(&overrides.memory);
}

TEST(with_a_directory_they_outlive_the_program)
{
    char dir[] = "/tmp/sluice-overrides-XXXXXX";
    WANT(mkdtemp(dir) != NULL);
    begin(-1);
    overrides_load(&overrides, str_from_c(dir));
    WANT_INT(change(about("127.0.0.1:1001", OVERRIDE_DRAIN)), OK);
    end();
    begin(-1);
    overrides_load(&overrides, str_from_c(dir));
    WANT_INT(instance_at(0)->state, INSTANCE_DRAINING);
    WANT_INT(change(about("127.0.0.1:1001", OVERRIDE_CLEAR)), OK);
    end();
    begin(-1);
    overrides_load(&overrides, str_from_c(dir));
    WANT_INT(overrides.count, 0);
    end();
    char path[64];
    snprintf(path, sizeof path, "%s/overrides.json", dir);
    WANT_INT(unlink(path), 0);
    WANT_INT(rmdir(dir), 0);
}

TEST(there_are_no_more_than_the_limit)
{
    begin(-1);
    uint32_t count = LIMIT_VALUE(overrides);
    overrides.count = count; /* as if */
    WANT_INT(change(about("127.0.0.1:1001", OVERRIDE_DRAIN)), ERR_LIMIT);
    overrides.count = 0;
    end();
}
