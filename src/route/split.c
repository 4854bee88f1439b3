/* split.c - versions by weight and cohort; see split.h. */
#include "route/split.h"

#include "base/check.h"
#include "base/hash.h"

#include <math.h>

/* The output step of splitmix64 (Steele, Lea, Flood 2014): every bit depends on every bit. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static bool has_name_before(const struct split_version *versions, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (str_eq(versions[i].name, versions[index].name)) {
            return true;
        }
    }
    return false;
}

enum err split_init(struct split *split, struct split_version *versions, uint32_t count,
                    struct str seed)
{
    *split = (struct split){versions, 0, 0, hash_stable(seed, 0)};
    if (count > SPLIT_VERSIONS_MAX) {
        return ERR_RANGE;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (versions[i].weight > SPLIT_WEIGHT_MAX) {
            return ERR_RANGE;
        }
        if (has_name_before(versions, i)) {
            return ERR_EXISTS;
        }
        versions[i].id = hash_stable(versions[i].name, split->seed);
        split->total_weight += versions[i].weight;
    }
    split->count = count;
    static_assert((uint64_t)SPLIT_VERSIONS_MAX * SPLIT_WEIGHT_MAX <= UINT32_MAX,
                  "a total is a bound of rng_below");
    CHECK(split->total_weight <= UINT32_MAX);
    return OK;
}

uint64_t split_key(const struct split *split, struct str key)
{
    return hash_stable(key, split->seed);
}

/* An exponential draw with the version's weight as its rate: the least of several is version i's
 * with probability weight[i] / total. */
static double draw(const struct split_version *version, uint64_t key)
{
    uint64_t bits = mix(key + version->id * UINT64_C(0x9e3779b97f4a7c15));
    double u = (double)((bits >> 11) + 1) * 0x1p-53; /* in (0, 1] */
    return -log(u) / (double)version->weight;
}

enum err split_pick_key(const struct split *split, uint64_t key, const struct split_version **out)
{
    const struct split_version *best = NULL;
    double least = 0;
    for (uint32_t i = 0; i < split->count; i++) {
        const struct split_version *version = &split->versions[i];
        if (version->weight == split->total_weight && version->weight > 0) {
            *out = version; /* the others are drained */
            return OK;
        }
        if (version->weight == 0) {
            continue;
        }
        double drawn = draw(version, key);
        if (best == NULL || drawn < least) {
            best = version;
            least = drawn;
        }
    }
    *out = best;
    return best == NULL ? ERR_NO_VERSION : OK;
}

enum err split_pick(const struct split *split, struct rng *rng, const struct split_version **out)
{
    *out = NULL;
    if (split->total_weight == 0) {
        return ERR_NO_VERSION;
    }
    uint32_t left = rng_below(rng, (uint32_t)split->total_weight);
    for (uint32_t i = 0; i < split->count; i++) {
        const struct split_version *version = &split->versions[i];
        if (left < version->weight) {
            *out = version;
            return OK;
        }
        left -= version->weight;
    }
    CHECK(*out != NULL);
    return ERR_NO_VERSION;
}
