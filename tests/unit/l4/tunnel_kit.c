/* tunnel_kit.c - a core, a service and its instances without threads; the test turns the loop.
 * See tunnel_kit.h. */
#define _GNU_SOURCE
#include "tunnel_kit.h"

#include "base/check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

void tunnel_kit_turn(struct tunnel_kit *kit, int64_t ms)
{
    scene_run_ms(&kit->scene, 0, ms);
}

void tunnel_kit_open(struct tunnel_kit *kit, uint32_t instances, bool has_refusing,
                     uint32_t connections_max)
{
    struct roster_target targets[KIT_INSTANCES + 1] = {0};
    uint32_t count = instances + (has_refusing ? 1 : 0);
    memset(kit, 0, sizeof *kit);
    scene_open(&kit->scene);
    kit->core = &kit->scene.cores[0];
    CHECK(tunnels_init(&kit->tunnels) == OK);
    pipe_pool_init(&kit->pipes, 4);
    kit->core->tunnels = &kit->tunnels;
    kit->core->pipes = &kit->pipes;
    kit->origin_fd = -1;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t port;
        int fd = scene_listen(&port);
        CHECK(addr_parse_ip(STR("127.0.0.1"), &targets[i].addr) == OK);
        targets[i].addr.port = port;
        targets[i].text = STR("it");
        targets[i].weight = 1;
        if (i < instances) {
            kit->listen_fds[i] = fd;
        } else {
            (void)close(fd);
        }
    }
    struct service *service = roster_service(&kit->scene.roster, STR("db"), 4);
    kit->cluster = roster_cluster(&kit->scene.roster, service, STR(""));
    const struct roster_cluster_conf cluster = {.targets = targets,
                                                .target_count = count,
                                                .balance = balance_types[BALANCE_ID_round_robin],
                                                .connections_max = connections_max};
    CHECK(roster_configure(&kit->scene.roster, kit->cluster, &cluster) == OK);
    scene_publish(&kit->scene);
    const struct str labels[2] = {STR("door"), STR("db")};
    kit->version = (struct split_version){.weight = 1, .value = kit->cluster};
    CHECK(split_init(&kit->service.split, &kit->version, 1, STR("db")) == OK);
    kit->service.service = service;
    kit->service.connect_ms = 200;
    kit->service.cell_ends = registry_series(&kit->scene.registry, METRIC_tunnels, labels);
    kit->conf = (struct tunnel_conf){
        .listener = STR("door"),
        .service = &kit->service,
        .drain_ms = 100,
        .cell_open = registry_series(&kit->scene.registry, METRIC_client_connections, labels),
        .cell_accepted = registry_series(&kit->scene.registry, METRIC_client_connections_accepted, labels),
        .cell_refused = registry_series(&kit->scene.registry, METRIC_client_connections_refused, labels),
        .cell_received_bytes = registry_series(&kit->scene.registry, METRIC_client_received_bytes, labels),
        .cell_sent_bytes = registry_series(&kit->scene.registry, METRIC_client_sent_bytes, labels),
        .cell_ends = kit->service.cell_ends,
        .cell_duration = registry_series(&kit->scene.registry, METRIC_tunnel_duration, labels)};
}

void tunnel_kit_client(struct tunnel_kit *kit)
{
    struct addr peer;
    CHECK(pair_open(&kit->pair) == OK);
    CHECK(fcntl(kit->pair.far, F_SETFL, O_NONBLOCK) == 0);
    CHECK(socket_peer(kit->pair.near, &peer) == OK);
    const struct tunnel_caller caller = {.peer = peer, .slot = 3};
    tunnel_open(kit->core, &kit->conf, kit->pair.near, &caller);
    kit->pair.near = -1;
}

bool tunnel_kit_accept(struct tunnel_kit *kit, uint32_t at)
{
    for (int i = 0; i < 100 && !pair_wait(kit->listen_fds[at], POLLIN, 0); i++) {
        tunnel_kit_turn(kit, 1);
    }
    kit->origin_fd = accept4(kit->listen_fds[at], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    tunnel_kit_turn(kit, 2);
    return kit->origin_fd >= 0;
}

uint64_t tunnel_kit_ends(const struct tunnel_kit *kit, enum err reason)
{
    return stats_read(&kit->scene.stats, kit->service.cell_ends + (uint32_t)reason);
}

ssize_t tunnel_kit_hear(struct tunnel_kit *kit, int fd, char *at, size_t bytes)
{
    size_t heard = 0;
    for (int i = 0; i < 400 && heard < bytes; i++) {
        size_t got;
        enum err e = socket_recv(fd, at + heard, bytes - heard, &got);
        heard += got;
        if (e == ERR_IO) {
            return -1;
        }
        if (e == ERR_CLOSED) {
            break;
        }
        tunnel_kit_turn(kit, 1);
    }
    return (ssize_t)heard;
}

bool tunnel_kit_say(int fd, const char *text)
{
    size_t sent;
    return socket_send_str(fd, str_from_c(text), &sent) == OK && sent == strlen(text);
}

void tunnel_kit_close(struct tunnel_kit *kit)
{
    pair_close(&kit->pair);
    socket_close(&kit->origin_fd);
    for (int i = 0; i < 100 && kit->core->tunnel_count > 0; i++) {
        tunnel_kit_turn(kit, 1);
    }
    for (uint32_t i = 0; i < KIT_INSTANCES; i++) {
        if (kit->listen_fds[i] > 0) {
            (void)close(kit->listen_fds[i]);
        }
    }
    loop_turn(&kit->core->loop, 0);
    WANT_INT(kit->core->tunnel_count, 0);
    WANT_INT(kit->tunnels.slab.used_count, 0);
    WANT_INT(kit->pipes.taken_count, 0);
    WANT_INT(stats_read(&kit->scene.stats, kit->conf.cell_open), 0);
    WANT_INT(stats_read(&kit->scene.stats, kit->service.service->cells.open), 0);
    tunnels_drop(&kit->tunnels);
    pipe_pool_drop(&kit->pipes);
    scene_close(&kit->scene);
}
