/* rng.h - seeded randomness as an argument (xoshiro256**, Blackman and Vigna 2018): fast, good for
 * balancing and jitter, not for secrets. The same seed gives the same run. */
#pragma once

#include "base/platform.h"

struct rng {
    uint64_t state[4];
};

/* Spreads one seed over the state (splitmix64). */
void rng_init(struct rng *rng, uint64_t seed);
/* A seed from the kernel, for start-up. */
uint64_t rng_seed_from_kernel(void);

static inline uint64_t rng_rotate_(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t *s = rng->state;
    const uint64_t result = rng_rotate_(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rng_rotate_(s[3], 45);
    return result;
}

/* Uniform in [0, bound) for bound > 0 (multiply-shift; bias below 2^-32 for bounds below 2^32). */
static inline uint32_t rng_below(struct rng *rng, uint32_t bound)
{
    return (uint32_t)(((rng_next(rng) >> 32) * (uint64_t)bound) >> 32);
}
