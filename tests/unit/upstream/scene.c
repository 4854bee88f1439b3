/* scene.c - cores, counters and a roster without threads, and sockets of origins on loopback.
 * What the conductor was told stands in `told`; closing wants every slab to be back at nothing.
 * See scene.h. */
#include "scene.h"

#include "base/check.h"

#include "base/clock.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct told told;

static void scene_on_connected(struct exchange *ex, enum err e)
{
    told.ex = ex;
    told.e = e;
    told.connected++;
}

static void scene_on_ready(struct exchange *ex, unsigned ready)
{
    (void)ready;
    told.ex = ex;
    told.ready++;
}

static void scene_on_timer(struct exchange *ex)
{
    told.ex = ex;
    told.timers++;
}

static const struct conductor scene_conductor = {.on_origin_connected = scene_on_connected,
                                                 .on_origin_ready = scene_on_ready,
                                                 .on_origin_timer = scene_on_timer};

static void scene_on_change(struct roster *roster)
{
    struct scene *scene = roster->owner;
    scene->changes++;
}

void scene_open(struct scene *scene)
{
    const struct resolver_conf resolver = {.servers = "127.0.0.1:9", .timeout_ms = 50, .tries = 1};
    memset(scene, 0, sizeof *scene);
    told = (struct told){0};
    CHECK(loop_init(&scene->control) == OK);
    CHECK(stats_init(&scene->stats, SCENE_CORES + 1) == OK);
    CHECK(registry_init(&scene->registry, &scene->stats, &scene->stats.blocks[SCENE_CORES]) == OK);
    CHECK(resolver_init(&scene->resolver, &scene->control, &resolver) == OK);
    for (uint32_t i = 0; i < SCENE_CORES; i++) {
        CHECK(core_init(&scene->cores[i], i, SCENE_CORES) == OK);
        scene->cores[i].stats = &scene->stats.blocks[i];
        scene->cores[i].conductor = &scene_conductor;
        scene->cores[i].current = &scene->generation;
        scene->core_list[i] = &scene->cores[i];
    }
    const struct roster_conf conf = {.loop = &scene->control,
                                     .cores = scene->core_list,
                                     .core_count = SCENE_CORES,
                                     .resolver = &scene->resolver,
                                     .registry = &scene->registry,
                                     .on_change = scene_on_change,
                                     .owner = scene};
    roster_init(&scene->roster, &conf);
}

void scene_close(struct scene *scene)
{
    for (uint32_t i = 0; i < SCENE_CORES; i++) {
        loop_turn(&scene->cores[i].loop, 0); /* what died is reaped */
        WANT_INT(scene->cores[i].conns.used_count, 0);
        WANT_INT(scene->cores[i].exchanges.used_count, 0);
        WANT_INT(scene->cores[i].blocks.used_count, 0);
    }
    roster_drop(&scene->roster);
    resolver_drop(&scene->resolver);
    registry_drop(&scene->registry);
    for (uint32_t i = 0; i < SCENE_CORES; i++) {
        core_drop(&scene->cores[i]);
    }
    stats_drop(&scene->stats);
    loop_drop(&scene->control);
}

void scene_targets(struct scene *scene, struct cluster *cluster, const uint16_t *ports,
                   uint32_t count)
{
    struct roster_target targets[8] = {0};
    CHECK(count <= COUNT_OF(targets));
    for (uint32_t i = 0; i < count; i++) {
        CHECK(addr_parse_ip(STR("127.0.0.1"), &targets[i].addr) == OK);
        targets[i].addr.port = ports[i];
        targets[i].text = STR("it");
        targets[i].weight = 1;
    }
    const struct roster_cluster_conf conf = {.targets = targets,
                                             .target_count = count,
                                             .balance = balance_types[BALANCE_ID_round_robin],
                                             .connections_max = 1};
    CHECK(roster_configure(&scene->roster, cluster, &conf) == OK);
}

void scene_publish(struct scene *scene)
{
    struct roster_update *updates = roster_take_updates(&scene->roster);
    for (uint32_t i = 0; i < SCENE_CORES; i++) {
        roster_apply(updates, &scene->cores[i]);
    }
    roster_release(&scene->roster, updates);
}

struct exchange *scene_begin(struct scene *scene, uint32_t core)
{
    struct exchange *ex = exchange_open(&scene->cores[core], NULL);
    CHECK(ex != NULL);
    return ex;
}

void scene_end(struct exchange *ex)
{
    exchange_move(ex, EX_DONE);
    exchange_close(&ex);
}

int scene_listen(uint16_t *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(bind(fd, (const struct sockaddr *)&name, bytes) == 0);
    CHECK(listen(fd, 16) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&name, &bytes) == 0);
    *port = ntohs(name.sin_port);
    return fd;
}

void scene_run_ms(struct scene *scene, uint32_t core, int64_t ms)
{
    int64_t until_ms = clock_mono_ns() / NS_PER_MS + ms;
    do {
        loop_turn(&scene->cores[core].loop, 1);
    } while (clock_mono_ns() / NS_PER_MS < until_ms);
}

enum err scene_pick(struct scene *scene, struct cluster *cluster, uint32_t core,
                    const struct balance_tried *tried, struct origin **out)
{
    struct core *at = &scene->cores[core];
    const struct balance_ask ask = {.tried = tried, .rng = &at->rng, .now_ns = at->loop.now_ns};
    return cluster_pick(cluster, at, &ask, out);
}
