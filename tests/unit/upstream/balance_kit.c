/* balance_kit.c - endpoints for tests; see balance_kit.h. */
#include "balance_kit.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"

#include <string.h>

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
        fleet->list[i]->id = hash_stable(str_of((const char *)&i, sizeof i), 1);
        endpoint_set_weight(fleet->list[i], weights == NULL ? 1 : weights[i], ENDPOINT_WEIGHT_ONE);
    }
    rng_init(&fleet->rng, 42);
    const struct balance_set_conf conf = {
        .type = balance_find(str_from_c(name)),
        .endpoints = fleet->list,
        .count = count,
        .seed = 7,
        .weights = weights,
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
