/* checker.h - which instances are checked and how that goes, on the control thread.
 * There is one check for each address and plan in the process, whatever number of services list the
 * instance; its verdict goes to all of them. After each publication the present instances are told
 * again: checks that stay keep their counters and their schedule, those that go leave their
 * instances usable, those that come or change leave them as they are until they have a result. */
#pragma once

#include "base/addr.h"
#include "loop/loop.h"
#include "stats/registry.h"
#include "upstream/health/plan.h"

struct health_check;
struct health_watch;
struct origin;

enum { HEALTH_BUCKETS = 1024 };

enum health_state { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_DOWN };

struct health {
    struct loop *loop;
    struct registry *registry;
    struct stats_block *block;
    struct rng rng;
    struct list plans, watches;
    struct list checks[HEALTH_BUCKETS]; /* by address */
    struct list waiting;                /* checks that are due, in turn */
    uint32_t check_count, in_flight;
    uint64_t round; /* of telling which instances there are */
};

struct health_conf {
    struct loop *loop;
    struct registry *registry;
    struct stats_block *block; /* of the control thread */
    uint64_t seed;
};

/* Nothing is checked. It may not be moved after. */
void health_init(struct health *health, const struct health_conf *conf);
/* Ends all checks; instances keep the verdict they have. */
void health_drop(struct health *health);

/* Begins telling all instances that are to be checked. */
void health_begin(struct health *health);
/* This one, as `conf` says. Without memory, or over LIMIT health_checks, it is not checked, and
 * that is logged. */
void health_want(struct health *health, struct origin *origin, const struct conf_health *conf);
/* All have been told: checks of the others end. */
void health_end(struct health *health);

/* What is known of a check, for status and tests. */
struct health_view {
    struct str kind; /* "http" */
    struct addr addr;
    enum health_state state;
    struct str why;     /* of the last check, when it failed */
    int64_t at_wall_us; /* when that ended; 0: none has */
    uint64_t passed, failed;
};
/* The check of an instance; false: it has none. Valid until the loop turns. */
bool health_look(const struct origin *origin, struct health_view *out);
