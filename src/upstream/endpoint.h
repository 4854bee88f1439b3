/* endpoint.h - one instance of a service, and the load on it as all cores together see it.
 * Load is what cores share about an instance: C11 atomics in one cache line, exact over the whole
 * process. It belongs to the runtime registry, not to a snapshot, and survives every reload. */
#pragma once

#include "base/addr.h"

#include <stdatomic.h>

/* Why an endpoint gets no new exchanges; none of them set: it may. */
enum endpoint_bar {
    ENDPOINT_BAR_HEALTH = 1,       /* active checks say it is down */
    ENDPOINT_BAR_EJECTED = 2,      /* outlier detection or a breaker took it out */
    ENDPOINT_BAR_DRAINED = 4,      /* no new clients; those that are bound to it are served */
    ENDPOINT_BAR_REMOVED = 8,      /* discovery no longer lists it */
    ENDPOINT_BAR_MAINTENANCE = 16, /* an operator wants nobody there */
    ENDPOINT_BAR_WARMING = 32 /* levels.h alone picks it, by its share */
};

/* Weights are kept in units of 1/256, so that warming up has steps below weight 1. */
enum { ENDPOINT_WEIGHT_ONE = 256, ENDPOINT_WEIGHT_MAX = 1000000, ENDPOINT_BARS_SHIFT = 32 };

/* Written through the functions below and by balance/ only; all zero is an endpoint without
 * history, ceiling or weight. */
struct endpoint_load {
    _Atomic uint32_t in_flight;     /* exchanges begun and not ended */
    _Atomic uint32_t in_flight_max; /* ceiling; 0 is none */
    _Atomic uint64_t state;         /* live weight * ENDPOINT_WEIGHT_ONE (0 drains), and above it
                                       the bits of enum endpoint_bar, << ENDPOINT_BARS_SHIFT */
    _Atomic uint64_t cost_log;      /* double: see balance/decay.h */
    _Atomic int64_t cost_at_ns;     /* instant of the last sample */
    _Atomic uint64_t penalty_log;   /* double: recent failures, see balance/decay.h */
    _Atomic uint64_t weight_log;    /* double: log2 of the live weight in units */
    _Atomic uint32_t average_us;    /* moving average of time to first byte; 0: no history */
    _Atomic uint32_t time_log;      /* float: log2 of it in steps, see balance/least_time.c */
} CACHE_ALIGNED;
static_assert(sizeof(struct endpoint_load) == CACHE_LINE_BYTES, "one line, shared by nobody else");

struct endpoint {
    struct endpoint_load load;
    struct addr addr;
    struct str name; /* as operators know it, such as "10.0.0.1:8080" */
    uint64_t id;     /* endpoint_id of its name: what hashing and cookies know it by */
    _Atomic bool keeps_average; /* some set picks by load.average_us: it is kept from then on */
};

/* Counts one more exchange unless the endpoint is at its ceiling; exact over all cores. Every true
 * is paid back with one endpoint_end. */
MUST_USE bool endpoint_try_begin(struct endpoint *endpoint);
/* The same, also unless it has `in_flight_max` already. */
MUST_USE bool endpoint_try_begin_below(struct endpoint *endpoint, uint32_t in_flight_max);
void endpoint_end(struct endpoint *endpoint);
/* `weight` in 0..ENDPOINT_WEIGHT_MAX, scaled by `warmth` 0..256 of 256; a weight above 0 never
 * becomes 0 by scaling. Takes effect at once, in round robin within 100 ms. */
void endpoint_set_weight(struct endpoint *endpoint, uint32_t weight, uint32_t warmth);
/* The same in every process for the same name. */
uint64_t endpoint_id(struct str name);
void endpoint_set_ceiling(struct endpoint *endpoint, uint32_t in_flight_max);
void endpoint_bar(struct endpoint *endpoint, enum endpoint_bar why);
void endpoint_unbar(struct endpoint *endpoint, enum endpoint_bar why);
/* Sets all bars at once but ENDPOINT_BAR_REMOVED, which stays. For upstream/instance.h. */
void endpoint_set_bars(struct endpoint *endpoint, unsigned bars);

static inline uint32_t endpoint_in_flight(const struct endpoint *endpoint)
{
    return atomic_load_explicit(&endpoint->load.in_flight, memory_order_relaxed);
}

/* The live weight, or 0 when it may get no new exchanges, whatever its ceiling says. */
static inline uint32_t endpoint_weight_units(const struct endpoint *endpoint)
{
    uint64_t state = atomic_load_explicit(&endpoint->load.state, memory_order_relaxed);
    return state >> ENDPOINT_BARS_SHIFT == 0 ? (uint32_t)state : 0;
}

static inline bool endpoint_is_usable(const struct endpoint *endpoint)
{
    uint64_t state = atomic_load_explicit(&endpoint->load.state, memory_order_relaxed);
    return state - 1 < UINT32_MAX; /* a weight, and no bar above it */
}

/* Whether clients that are bound to it may still go there: a draining endpoint keeps them, one that
 * is down, ejected or removed does not. */
static inline bool endpoint_takes_bound(const struct endpoint *endpoint)
{
    uint64_t state = atomic_load_explicit(&endpoint->load.state, memory_order_relaxed);
    static const uint64_t welcome = ENDPOINT_BAR_DRAINED | ENDPOINT_BAR_WARMING;
    return (state >> ENDPOINT_BARS_SHIFT & ~welcome) == 0;
}

/* Whether checks or errors keep it from being used, and nothing else does. */
static inline bool endpoint_is_doubtful(const struct endpoint *endpoint)
{
    static const uint64_t doubts = ENDPOINT_BAR_HEALTH | ENDPOINT_BAR_EJECTED;
    uint64_t state = atomic_load_explicit(&endpoint->load.state, memory_order_relaxed);
    uint64_t bars = state >> ENDPOINT_BARS_SHIFT;
    return (bars & doubts) != 0 && (bars & ~doubts) == 0;
}

/* Whether its being warmed up is all that bars it. */
static inline bool endpoint_is_warming(const struct endpoint *endpoint)
{
    uint64_t state = atomic_load_explicit(&endpoint->load.state, memory_order_relaxed);
    return state >> ENDPOINT_BARS_SHIFT == ENDPOINT_BAR_WARMING;
}

static inline bool endpoint_is_full(const struct endpoint *endpoint)
{
    uint32_t max = atomic_load_explicit(&endpoint->load.in_flight_max, memory_order_relaxed);
    return endpoint_in_flight(endpoint) > max - 1; /* 0 is no ceiling: it wraps to the largest */
}
