/* balance_kit.c - endpoints for tests, and a simulated fleet; see balance_kit.h. */
#include "balance_kit.h"

#include "base/check.h"
#include "base/clock.h"

#include <math.h>
#include <string.h>

enum { IN_FLIGHT_MAX = 65536 };

void fleet_open(struct fleet *fleet, const char *name, uint32_t count, const uint32_t *weights)
{
    *fleet = (struct fleet){.now_ns = 1000 * NS_PER_SEC};
    CHECK(count <= FLEET_MAX);
    arena_init_heap(&fleet->arena, (size_t)1 << 30);
    size_t bytes = count * sizeof *fleet->endpoints;
    char *raw = arena_zalloc(&fleet->arena, bytes + CACHE_LINE_BYTES);
    CHECK(raw != NULL);
    raw += (CACHE_LINE_BYTES - (uintptr_t)raw % CACHE_LINE_BYTES) % CACHE_LINE_BYTES;
    fleet->endpoints = (struct endpoint *)(void *)raw;
    for (uint32_t i = 0; i < count; i++) {
        fleet->list[i] = &fleet->endpoints[i];
        endpoint_set_weight(fleet->list[i], weights == NULL ? 1 : weights[i], ENDPOINT_WEIGHT_ONE);
    }
    rng_init(&fleet->rng, 42);
    const struct balance_set_conf conf = {
        .type = balance_find(str_from_c(name)),
        .endpoints = fleet->list,
        .count = count,
        .seed = 7,
    };
    CHECK(conf.type != NULL);
    CHECK(balance_set_init(&fleet->set, &fleet->arena, &conf) == OK);
}

void fleet_close(struct fleet *fleet)
{
    arena_reset(&fleet->arena);
}

struct balance_ask fleet_ask(struct fleet *fleet)
{
    return (struct balance_ask){.rng = &fleet->rng, .now_ns = fleet->now_ns};
}

int fleet_pick(struct fleet *fleet)
{
    const struct balance_ask ask = fleet_ask(fleet);
    struct endpoint *endpoint;
    enum balance_verdict verdict = balance_pick(&fleet->set, &ask, &endpoint);
    CHECK((verdict == BALANCE_PICKED) == (endpoint != NULL));
    return endpoint == NULL ? -1 : (int)(endpoint - fleet->endpoints);
}

void fleet_count(struct fleet *fleet, uint32_t picks, uint32_t *counts)
{
    memset(counts, 0, fleet->set.count * sizeof *counts);
    for (uint32_t i = 0; i < picks; i++) {
        int index = fleet_pick(fleet);
        CHECK(index >= 0);
        counts[index]++;
        endpoint_end(&fleet->endpoints[index]);
    }
}

struct in_flight {
    int64_t begun_ns, ends_ns;
    int index;
};

/* Exchanges in flight, a heap with the next to end first. */
struct flights {
    struct in_flight at[IN_FLIGHT_MAX];
    uint32_t count;
};

static void flights_push(struct flights *flights, struct in_flight flight)
{
    CHECK(flights->count < IN_FLIGHT_MAX);
    uint32_t at = flights->count++;
    while (at > 0 && flights->at[(at - 1) / 2].ends_ns > flight.ends_ns) {
        flights->at[at] = flights->at[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    flights->at[at] = flight;
}

static struct in_flight flights_pop(struct flights *flights)
{
    struct in_flight first = flights->at[0], last = flights->at[--flights->count];
    uint32_t at = 0;
    for (uint32_t child = 1; child < flights->count; child = at * 2 + 1) {
        child += child + 1 < flights->count &&
                 flights->at[child + 1].ends_ns < flights->at[child].ends_ns;
        if (flights->at[child].ends_ns >= last.ends_ns) {
            break;
        }
        flights->at[at] = flights->at[child];
        at = child;
    }
    flights->at[at] = last;
    return first;
}

static double exponential(struct rng *rng)
{
    return -log((double)((rng_next(rng) >> 11) + 1) * 0x1p-53);
}

static void end_flights(struct fleet *fleet, const struct simulation *simulation,
                        struct flights *flights)
{
    while (flights->count > 0 && flights->at[0].ends_ns <= fleet->now_ns) {
        struct in_flight flight = flights_pop(flights);
        const struct balance_sample sample = {
            .outcome = simulation->behaviours[flight.index].outcome,
            .ttfb_ns = flight.ends_ns - flight.begun_ns,
        };
        endpoint_end(&fleet->endpoints[flight.index]);
        balance_note(&fleet->endpoints[flight.index], &sample, flight.ends_ns);
    }
}

void fleet_simulate(struct fleet *fleet, const struct simulation *simulation, uint32_t *counts)
{
    static struct flights flights;
    struct rng rng;
    rng_init(&rng, 99);
    flights.count = 0;
    memset(counts, 0, fleet->set.count * sizeof *counts);
    while (fleet->now_ns < simulation->until_ns) {
        fleet->now_ns +=
            (int64_t)(exponential(&rng) / simulation->requests_per_s * (double)NS_PER_SEC);
        end_flights(fleet, simulation, &flights);
        int index = fleet_pick(fleet);
        CHECK(index >= 0);
        counts[index] += fleet->now_ns >= simulation->count_from_ns;
        double answer_ns = simulation->behaviours[index].answer_ms * (double)NS_PER_MS;
        flights_push(&flights, (struct in_flight){
                                   fleet->now_ns,
                                   fleet->now_ns + (int64_t)(exponential(&rng) * answer_ns),
                                   index,
                               });
    }
    int64_t last_ns = fleet->now_ns;
    fleet->now_ns = INT64_MAX;
    end_flights(fleet, simulation, &flights);
    fleet->now_ns = last_ns;
}
