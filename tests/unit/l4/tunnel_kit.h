/* tunnel_kit.h - one core with tunnels, a service of up to three instances that the test plays,
 * and a client: for tests of l4/. The scene of upstream/ does the rest. Closing wants everything
 * to be given back. */
#pragma once

#include "l4/tunnel.h"
#include "net/socket.h"
#include "pair.h"
#include "scene.h"
#include "stats/stats.h"
#include "test.h"

enum { KIT_INSTANCES = 3 };

struct tunnel_kit {
    struct scene scene;
    struct core *core;
    struct tunnels tunnels;
    struct pipe_pool pipes;
    struct cluster *cluster;
    struct split_version version;
    struct tunnel_service service;
    struct tunnel_conf conf;
    int listen_fds[KIT_INSTANCES];
    struct pair pair; /* of the client: far is its end */
    int origin_fd;    /* the connection that an instance took */
};

void tunnel_kit_turn(struct tunnel_kit *kit, int64_t ms);
/* `instances` of them listen; one more target refuses when `has_refusing`. Each takes `connections_max` at a time. */
void tunnel_kit_open(struct tunnel_kit *kit, uint32_t instances, bool has_refusing,
                     uint32_t connections_max);
/* A client connects; its end is kit->pair.far. */
void tunnel_kit_client(struct tunnel_kit *kit);
/* The connection that instance `at` gets, in kit->origin_fd. False: none came. */
bool tunnel_kit_accept(struct tunnel_kit *kit, uint32_t at);
uint64_t tunnel_kit_ends(const struct tunnel_kit *kit, enum err reason);
/* Turns until `fd` has as many bytes in `at`, or has ended; returns how many, -1 after a reset. */
ssize_t tunnel_kit_hear(struct tunnel_kit *kit, int fd, char *at, size_t bytes);
bool tunnel_kit_say(int fd, const char *text);
void tunnel_kit_close(struct tunnel_kit *kit);
