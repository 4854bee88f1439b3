/* rng.c - seeding; see rng.h. */
#define _GNU_SOURCE
#include "base/rng.h"

#include "base/check.h"

#include <sys/random.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void rng_init(struct rng *rng, uint64_t seed)
{
    for (size_t i = 0; i < COUNT_OF(rng->state); i++) {
        rng->state[i] = splitmix64(&seed);
    }
}

uint64_t rng_seed_from_kernel(void)
{
    uint64_t seed = 0;
    ssize_t got = getrandom(&seed, sizeof seed, 0);
    CHECK(got == (ssize_t)sizeof seed);
    return seed;
}
