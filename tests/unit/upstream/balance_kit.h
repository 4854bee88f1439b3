/* balance_kit.h - endpoints under one method for tests that pick by hand. Traffic over time is
 * simulated by kit/sim.h. */
#pragma once

#include "upstream/balance.h"

enum { FLEET_MAX = 1024 };

struct fleet {
    struct arena arena;
    struct endpoint *endpoints; /* aligned to cache lines */
    struct endpoint *list[FLEET_MAX];
    struct balance_set set;
    struct rng rng;
    int64_t now_ns;
};

/* `count` endpoints of weight 1 under the method `name`; weights may be NULL. */
void fleet_open(struct fleet *fleet, const char *name, uint32_t count, const uint32_t *weights);
void fleet_close(struct fleet *fleet);
/* What a pick without tried endpoints, key or affinity asks, now. */
struct balance_ask fleet_ask(struct fleet *fleet);
/* The index of the endpoint that is picked (and stays in flight), or -1. */
int fleet_pick(struct fleet *fleet);
/* Picks and ends at once, `picks` times, and counts by index. */
void fleet_count(struct fleet *fleet, uint32_t picks, uint32_t *counts);
