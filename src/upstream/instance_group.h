/* instance_group.h - what the instances of one cluster decide together: how much each priority and
 * zone takes, when health is no longer believed (panic), and how a fresh one comes to its share.
 * Facts about single instances come from instance.h; shares go to levels.h. One clock serves all
 * groups: ejections that end, and those that warm up. All functions: control thread only. */
#pragma once

#include "loop/loop.h"
#include "upstream/instance.h"

struct cluster;
struct levels;
struct registry;

enum { INSTANCE_PRIORITIES = 16 };

struct instance_conf {
    int64_t slow_start_ms; /* 0: a fresh instance has its whole share at once */
    double slow_start_exponent; /* its share grows with the time to the power of this */
    uint32_t slow_start_min; /* what it begins with, of INSTANCE_SHARE_ONE */
    uint32_t panic_percent;  /* of usable weight, below which health is not believed; 0: never */
    bool goes_by_key; /* the method gives each its own keys: no draws for those that warm up */
};

/* In the roster's state of a cluster. */
struct instance_group {
    struct instance_keeper *keeper;
    struct cluster *cluster;
    struct list *origins;
    struct list node;      /* in the keeper */
    struct levels *levels; /* of the newest set; NULL: it has none */
    struct instance_conf conf;
    uint32_t panic;   /* bit by priority */
    bool is_settled;  /* it has been published: who comes now joins others */
    bool is_dirty;    /* its shares are to be made anew at the end of this turn */
    bool has_warming; /* since the last tick */
    uint32_t cells_panic[INSTANCE_PRIORITIES]; /* 0: never been */
};

/* The clock of all groups; in the roster. */
struct instance_keeper {
    struct loop *loop;
    struct registry *registry;
    struct list groups;
    struct timer timer;
    struct task task; /* makes shares anew */
};

/* Starts without groups; the timer is set when something has a time. `drop` stops it. */
void instance_keeper_init(struct instance_keeper *keeper, struct loop *loop,
                          struct registry *registry);
void instance_keeper_drop(struct instance_keeper *keeper);
/* Names cluster, keeper and the list of its origins. */
void instance_group_init(struct instance_group *group, struct instance_keeper *keeper,
                         struct cluster *cluster, struct list *origins);
/* Says how they come back and when health is believed; may change what they are. */
void instance_group_configure(struct instance_group *group, const struct instance_conf *conf);
/* A set with these levels (NULL: none) goes to the cores next. */
void instance_group_publish(struct instance_group *group, struct levels *levels);
/* Makes shares and panic anew now; otherwise it is done at the end of the turn in which a state
 * changed. */
void instance_group_settle(struct instance_group *group);

/* For instance.c: something has changed that others may have to know. */
void instance_group_touch(struct instance_group *group);
/* For instance.c: this one is fresh: its share begins small, when others can carry the rest. */
void instance_group_warm(struct origin *origin);
/* For instance.c: the timer is set to what comes first. */
void instance_keeper_tick(struct instance_keeper *keeper);
