/* scene.h - cores, counters and a roster for tests of upstream/, with a conductor that only notes
 * what it is told. Loops are turned by the test; origins are listening sockets that it owns. */
#pragma once

#include "pair.h"
#include "test.h"
#include "upstream/conn.h"
#include "upstream/roster.h"

#include <unistd.h>

enum { SCENE_CORES = 2 };

struct scene {
    struct loop control;
    struct stats stats;
    struct registry registry;
    struct resolver resolver;
    struct roster roster;
    struct core cores[SCENE_CORES];
    struct core *core_list[SCENE_CORES];
    struct generation generation;
    unsigned changes;
};

/* What the conductor was told last. */
struct told {
    struct exchange *ex;
    enum err e;
    unsigned connected, ready, timers;
};

extern struct told told;
void scene_open(struct scene *scene);
void scene_close(struct scene *scene);
/* Says which ports of 127.0.0.1 a cluster has; one set for each call that changes something. */
void scene_targets(struct scene *scene, struct cluster *cluster, const uint16_t *ports,
                   uint32_t count);
/* Publishes to all cores at once. */
void scene_publish(struct scene *scene);
/* An exchange as if it had been routed; ended by scene_end. */
struct exchange *scene_begin(struct scene *scene, uint32_t core);
void scene_end(struct exchange *ex);
/* cluster_pick on that core, without key or affinity; `tried` may be NULL. */
MUST_USE enum err scene_pick(struct scene *scene, struct cluster *cluster, uint32_t core,
                             const struct balance_tried *tried, struct origin **out);
/* A socket that listens on loopback. */
int scene_listen(uint16_t *port);
/* Turns a core's loop for about so long. */
void scene_run_ms(struct scene *scene, uint32_t core, int64_t ms);
