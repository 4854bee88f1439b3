/* probe.h - one check in progress: a connection of its own, TLS where it is asked for, the
 * protocol's talk over it, and one timeout for all of that. What is read is bounded by LIMIT
 * health_response_bytes, however much an instance sends and however slowly. */
#pragma once

#include "base/addr.h"
#include "loop/loop.h"
#include "upstream/health/talk.h"

struct health_probe;

struct health_probe_conf {
    struct loop *loop;
    struct health_plan *plan; /* must live until the end of the probe */
    struct addr addr;
    struct str host; /* likewise */
    struct rng *rng;
    /* Told once, from the loop, after which the probe is gone. `why` is empty unless it failed. */
    void (*on_end)(void *owner, enum health_verdict verdict, struct str why);
    void *owner;
};

/* NULL: no memory. It ends with on_end, never before this returns. */
struct health_probe *health_probe_start(const struct health_probe_conf *conf);
/* Ends it without a word. */
void health_probe_cancel(struct health_probe **probe);
