/* sim.h - a simulated fleet with a clock of its own: requests come at random, are balanced by the
 * real balance_pick, take the time that their instance takes, and are noted by the real
 * balance_note. One seed gives one run, and a minute of traffic takes some milliseconds.
 *
 *     struct sim sim;
 *     sim_open(&sim, &(struct sim_conf){.method = "p2c_ewma", .count = 10, .answer_ms = 10});
 *     sim.instances[3].answer_ms = 100;
 *     sim_run_s(&sim, 10);                                    // let it settle
 *     sim_reset(&sim);                                        // forget what was counted
 *     sim_run_s(&sim, 20);
 *     WANT(sim_share(&sim, 3) < 0.02);
 *     sim_close(&sim);
 *
 * Hooks bring in what else decides: retries (`again`), outlier detection and warming (`tick`,
 * `noted`), keys and affinity (`ask`). Each may change instances and endpoints at any time. */
#pragma once

#include "upstream/balance.h"

enum { SIM_INSTANCES_MAX = 1024, SIM_SLOTS_MAX = 64, SIM_CLASSES = 2048 };

enum sim_shape {
    SIM_EXPONENTIAL, /* all zero: most are faster than the mean, some much slower */
    SIM_CONSTANT,
    SIM_PARETO /* a heavy tail: alpha 2, the least is half the mean */
};

/* How an instance behaves, and what it was given. May be changed while the simulation runs. */
struct sim_instance {
    double answer_ms;             /* mean time to first byte */
    uint8_t shape;                /* enum sim_shape */
    uint32_t slots;               /* works on so many at a time, others wait in it; 0: on all */
    double fail_share;            /* of its requests that fail, 0 to 1 */
    double fail_ms;               /* and the time that takes */
    enum balance_outcome failure; /* what a failed one is noted as; 0 (ANSWERED): BALANCE_FAILED */
    uint32_t picks, failures, in_flight_max; /* since sim_reset */
    int64_t slot_free_ns[SIM_SLOTS_MAX];
};

struct sim_request {
    int64_t begun_ns;   /* when the client sent it */
    int64_t attempt_ns; /* when the attempt began */
    int64_t ends_ns;    /* when it ends */
    uint64_t hash;
    uint32_t index; /* of the instance */
    bool fails;
    struct balance_tried tried;
    struct sim_request *next; /* of free ones */
};

struct sim {
    struct arena arena;
    struct endpoint *endpoints, *list[SIM_INSTANCES_MAX];
    struct balance_set set;
    struct sim_instance instances[SIM_INSTANCES_MAX];
    uint32_t count;
    double requests_per_s; /* Poisson */
    int64_t now_ns, next_ns, tick_ns, next_tick_ns;
    struct rng rng;    /* of balance_pick */
    struct rng chance; /* of everything else */
    /* Hooks; NULL: nothing special. */
    void (*ask)(struct sim *sim, struct sim_request *request, struct balance_ask *ask);
    void (*noted)(struct sim *sim, uint32_t index, const struct balance_sample *sample);
    bool (*again)(struct sim *sim, struct sim_request *request); /* failed: try another? */
    void (*tick)(struct sim *sim);                               /* every tick_ns */
    void *context;
    /* Since sim_reset. */
    uint32_t requests, attempts, failed, unpicked;
    uint32_t classes[SIM_CLASSES]; /* of the time that clients waited */
    struct sim_request **flights;  /* a heap, the first to end first */
    uint32_t flight_count, flight_cap;
    struct sim_request *spare;
};

struct sim_conf {
    const char *method;
    uint32_t count;
    const uint32_t *weights; /* NULL: all 1 */
    double answer_ms;        /* of every instance; 0: 10 */
    double requests_per_s;   /* 0: 1000 */
    struct balance_options options;
    uint64_t seed;
};

void sim_open(struct sim *sim, const struct sim_conf *conf);
void sim_close(struct sim *sim);
/* Lets so much time pass. */
void sim_run_s(struct sim *sim, double seconds);
/* Forgets what was counted; loads, costs and flights stay. */
void sim_reset(struct sim *sim);
/* The share of an instance of all attempts, 0 to 1. */
double sim_share(const struct sim *sim, uint32_t index);
/* The time that `share` of the clients waited at most, within 2 %. */
double sim_quantile_ms(const struct sim *sim, double share);
