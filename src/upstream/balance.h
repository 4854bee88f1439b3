/* balance.h - which instance of a cluster gets an exchange. One face for every method; they are
 * listed in balance/balance.def, one file each. Methods read the load of endpoints as all cores
 * together make it (endpoint.h), so a choice is as good with 64 cores as with one. */
#pragma once

#include "base/arena.h"
#include "base/rng.h"
#include "upstream/endpoint.h"

struct balance_set;
struct balance_table;

enum { BALANCE_TRIED_MAX = 16 };

/* Endpoints that this exchange has tried already; they are not picked again. */
struct balance_tried {
    const struct endpoint *at[BALANCE_TRIED_MAX];
    uint32_t count;
};

/* What a pick goes by besides the endpoints themselves. */
struct balance_ask {
    const struct balance_tried *tried; /* NULL: none */
    struct rng *rng;                   /* the caller's own */
    int64_t now_ns;
    uint64_t hash;                /* of the key that consistent hashing goes by */
    bool has_hash;                /* the exchange has such a key */
    bool has_in_flight;           /* the next is known; otherwise it is summed up when needed */
    uint32_t in_flight;           /* at all endpoints of the set together */
    const struct endpoint *bound; /* who had the client before; NULL: nobody. It is picked while it
                                     takes bound clients (endpoint_takes_bound) and has room */
};

enum balance_verdict {
    BALANCE_PICKED, /* *out has one exchange more in flight: the caller owes endpoint_end */
    BALANCE_FULL,   /* there are usable endpoints, all at their ceiling: queue */
    BALANCE_TRIED,  /* every usable endpoint was tried */
    BALANCE_NONE    /* no endpoint is usable */
};

enum balance_keyed_by {
    BALANCE_BY_NOTHING,
    BALANCE_BY_KEY,    /* what the configuration says */
    BALANCE_BY_NETWORK /* of the client: BALANCE_NETWORK_BITS_V4, _V6 of its address */
};

enum { BALANCE_NETWORK_BITS_V4 = 24, BALANCE_NETWORK_BITS_V6 = 56 };

struct balance_type {
    const char *name; /* as in the configuration: "p2c_ewma" */
    const char *summary;
    uint8_t keyed_by;        /* enum balance_keyed_by: what balance_ask.hash is of */
    bool is_weighed_at_init; /* weights are built in: other weights want a new set */
    /* Makes set->table; `seed` is where a schedule starts. ERR_MEMORY. NULL: there is none. */
    enum err (*init)(struct balance_set *set, struct arena *arena, uint64_t seed);
    /* See balance_pick. */
    enum balance_verdict (*pick)(const struct balance_set *set, const struct balance_ask *ask,
                                 struct endpoint **out);
    /* What the method compares, the least is best; for explain and dashboards. NULL: it goes by
     * turn and compares nothing. */
    double (*score)(const struct endpoint *endpoint, int64_t now_ns);
};

enum balance_id {
#define BALANCE(name) BALANCE_ID_##name,
#include "upstream/balance/balance.def"
#undef BALANCE
    BALANCE_COUNT
};

extern const struct balance_type *const balance_types[BALANCE_COUNT];

/* NULL when there is no such method. */
const struct balance_type *balance_find(struct str name);

enum { MAGLEV_ENTRIES = 65537, BALANCE_BOUND_PERCENT = 125 };

/* What methods may be told besides; zero: their default. */
struct balance_options {
    uint32_t bound_percent; /* of an even share that an endpoint may have in flight; 0: any */
    uint32_t table_entries; /* of maglev: a prime; 0: MAGLEV_ENTRIES */
};

/* The endpoints of one cluster under one method. The list is fixed: discovery makes a new set and
 * publishes it; load stays with the endpoints. */
struct balance_set {
    const struct balance_type *type;
    struct endpoint *const *endpoints;
    uint32_t count;
    struct balance_table *table; /* what picks share: schedule, cumulated weights */
    const uint32_t *weights;     /* by endpoint, as they were at init; NULL: all 1 */
    struct balance_options options;
};

struct balance_set_conf {
    const struct balance_type *type;
    struct endpoint *const *endpoints; /* borrowed */
    uint32_t count;
    uint64_t seed;           /* where round robin starts */
    const uint32_t *weights; /* by endpoint, without what is held back for a while; borrowed. Only
                                asked by methods with is_weighed_at_init. NULL: all 1 */
    struct balance_options options;
};

/* ERR_MEMORY. */
MUST_USE enum err balance_set_init(struct balance_set *set, struct arena *arena,
                                   const struct balance_set_conf *conf);

/* Picks one for a new attempt. Any thread. */
MUST_USE enum balance_verdict balance_pick(const struct balance_set *set,
                                           const struct balance_ask *ask, struct endpoint **out);

/* The part of it that is about ask->bound: begun; NULL: it is not of the set, or cannot be had. */
struct endpoint *balance_pick_bound(const struct balance_set *set, const struct balance_ask *ask);

enum balance_outcome {
    BALANCE_ANSWERED,   /* a response that is not one of the next two */
    BALANCE_OVERLOADED, /* 429, 503: as if it had taken max(5 s, Retry-After up to 300 s) */
    BALANCE_FAILED,     /* other 5xx, no connection, reset, timeout: as if it had taken 5 s */
    BALANCE_UNKNOWN     /* the client went away, an upgraded tunnel: says nothing */
};

struct balance_sample {
    enum balance_outcome outcome;
    int64_t ttfb_ns;        /* from the attempt's start to the first byte of the response head */
    int64_t retry_after_ms; /* OVERLOADED: 0 when there was none */
};

/* Tells what became of an attempt, once, when its response head or failure is there. A failure
 * always counts as slow: an instance that fails fast must not look idle and draw all traffic. */
void balance_note(struct endpoint *endpoint, const struct balance_sample *sample, int64_t now_ns);
/* Expected time to first byte, as p2c_ewma sees it. */
int64_t balance_cost_ns(const struct endpoint *endpoint, int64_t now_ns);
