/* endpoint.c - the load on one instance; see endpoint.h. Relaxed order is enough: each word is
 * exact by itself, and nobody reads one to learn of another. */
#include "upstream/endpoint.h"

#include "base/check.h"
#include "base/hash.h"

#include <math.h>
#include <string.h>

/* Never above the ceiling, not even for a moment: others count on what they read. */
static inline bool begin_below(struct endpoint_load *load, uint32_t max)
{
    uint32_t count = atomic_load_explicit(&load->in_flight, memory_order_relaxed);
    do {
        if (count >= max) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&load->in_flight, &count, count + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

bool endpoint_try_begin(struct endpoint *endpoint)
{
    struct endpoint_load *load = &endpoint->load;
    uint32_t max = atomic_load_explicit(&load->in_flight_max, memory_order_relaxed);
    if (max == 0) {
        atomic_fetch_add_explicit(&load->in_flight, 1, memory_order_relaxed);
        return true;
    }
    return begin_below(load, max);
}

bool endpoint_try_begin_below(struct endpoint *endpoint, uint32_t in_flight_max)
{
    struct endpoint_load *load = &endpoint->load;
    uint32_t max = atomic_load_explicit(&load->in_flight_max, memory_order_relaxed);
    return begin_below(load, max != 0 && max < in_flight_max ? max : in_flight_max);
}

void endpoint_end(struct endpoint *endpoint)
{
    /* Ordered before the look at who waits (cluster_freed): one of the two sees the other. */
    uint32_t before = atomic_fetch_sub_explicit(&endpoint->load.in_flight, 1, memory_order_seq_cst);
    CHECK(before > 0);
}

void endpoint_set_weight(struct endpoint *endpoint, uint32_t weight, uint32_t warmth)
{
    static_assert((uint64_t)ENDPOINT_WEIGHT_MAX * ENDPOINT_WEIGHT_ONE <= UINT32_MAX, "units fit");
    CHECK(weight <= ENDPOINT_WEIGHT_MAX);
    CHECK(warmth <= ENDPOINT_WEIGHT_ONE);
    uint32_t units = weight * warmth;
    units = units == 0 && weight > 0 ? 1 : units;
    double log = log2(units > 0 ? units : 1);
    uint64_t bits;
    memcpy(&bits, &log, sizeof bits);
    atomic_store_explicit(&endpoint->load.weight_log, bits, memory_order_relaxed);
    uint64_t before = atomic_load_explicit(&endpoint->load.state, memory_order_relaxed), after;
    do {
        after = (before >> ENDPOINT_BARS_SHIFT << ENDPOINT_BARS_SHIFT) | units;
    } while (!atomic_compare_exchange_weak_explicit(&endpoint->load.state, &before, after,
                                                    memory_order_relaxed, memory_order_relaxed));
}

uint64_t endpoint_id(struct str name)
{
    return hash_stable(name, 0);
}

void endpoint_set_ceiling(struct endpoint *endpoint, uint32_t in_flight_max)
{
    atomic_store_explicit(&endpoint->load.in_flight_max, in_flight_max, memory_order_relaxed);
}

void endpoint_bar(struct endpoint *endpoint, enum endpoint_bar why)
{
    uint64_t bit = (uint64_t)why << ENDPOINT_BARS_SHIFT;
    atomic_fetch_or_explicit(&endpoint->load.state, bit, memory_order_relaxed);
}

void endpoint_unbar(struct endpoint *endpoint, enum endpoint_bar why)
{
    uint64_t bit = (uint64_t)why << ENDPOINT_BARS_SHIFT;
    atomic_fetch_and_explicit(&endpoint->load.state, ~bit, memory_order_relaxed);
}

void endpoint_set_bars(struct endpoint *endpoint, unsigned bars)
{
    static const uint64_t removed = (uint64_t)ENDPOINT_BAR_REMOVED << ENDPOINT_BARS_SHIFT;
    uint64_t before = atomic_load_explicit(&endpoint->load.state, memory_order_relaxed), after;
    do {
        after = (before & (removed | UINT32_MAX)) | (uint64_t)bars << ENDPOINT_BARS_SHIFT;
    } while (!atomic_compare_exchange_weak_explicit(&endpoint->load.state, &before, after,
                                                    memory_order_relaxed, memory_order_relaxed));
}
