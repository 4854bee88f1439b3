#include "base/rng.h"
#include "test.h"

TEST(the_generator_gives_the_numbers_of_its_paper)
{
    /* xoshiro256** from the state 1, 2, 3, 4: the first outputs of the authors' C code. */
    struct rng rng = {{1, 2, 3, 4}};
    static const uint64_t wanted[] = {UINT64_C(11520), 0, UINT64_C(1509978240),
                                      UINT64_C(1215971899390074240)};
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        WANT(rng_next(&rng) == wanted[i]);
    }
}

TEST(a_seed_is_spread_as_splitmix64_does)
{
    /* The first outputs of splitmix64 from the seed 0. */
    struct rng rng;
    rng_init(&rng, 0);
    WANT(rng.state[0] == UINT64_C(0xe220a8397b1dcdaf));
    WANT(rng.state[1] == UINT64_C(0x6e789e6aa1b965f4));
}

TEST(the_same_seed_gives_the_same_run)
{
    struct rng left, right, other;
    bool differs = false;
    rng_init(&left, 42);
    rng_init(&right, 42);
    rng_init(&other, 43);
    for (int i = 0; i < 1000; i++) {
        uint64_t wanted = rng_next(&left);
        WANT(rng_next(&right) == wanted);
        differs = rng_next(&other) != wanted || differs;
    }
    WANT(differs);
}

TEST(numbers_below_a_bound_are_below_it_and_evenly_spread)
{
    struct rng rng;
    uint32_t counts[10] = {0};
    rng_init(&rng, 7);
    for (int i = 0; i < 100000; i++) {
        uint32_t n = rng_below(&rng, COUNT_OF(counts));
        if (n >= COUNT_OF(counts)) {
            WANT(n < COUNT_OF(counts));
            return;
        }
        counts[n]++;
    }
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        WANT(counts[i] > 9500 && counts[i] < 10500);
    }
    WANT_INT(rng_below(&rng, 1), 0);
}

TEST(seeds_of_the_kernel_differ)
{
    WANT(rng_seed_from_kernel() != rng_seed_from_kernel());
}
