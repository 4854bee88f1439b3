#include "route/split.h"

#include "base/strbuf.h"
#include "test.h"

enum { KEYS = 20000 };

static const char *const names[] = {"v1", "v2", "v3", "v4", "v5"};

static struct split split_of(struct split_version *versions, const uint32_t *weights,
                             uint32_t count)
{
    struct split split;
    for (uint32_t i = 0; i < count; i++) {
        versions[i] = (struct split_version){.name = str_from_c(names[i]), .weight = weights[i]};
    }
    WANT_INT(split_init(&split, versions, count, STR("orders")), OK);
    return split;
}

/* The index of the version that key number `n` meets. */
static uint32_t version_of(const struct split *split, uint32_t n)
{
    char text[16];
    struct strbuf key = strbuf_over(text, sizeof text);
    const struct split_version *version = NULL;
    strbuf_add_u64(&key, n);
    WANT_INT(split_pick_key(split, split_key(split, strbuf_str(&key)), &version), OK);
    return (uint32_t)(version - split->versions);
}

/* Pearson's statistic of counts against weights. */
static double chi_square(const uint32_t *counts, const uint32_t *weights, uint32_t count)
{
    double total = 0, drawn = 0, sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += weights[i];
        drawn += counts[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        double expected = drawn * weights[i] / total;
        double off = counts[i] - expected;
        sum += expected > 0 ? off * off / expected : 0;
    }
    return sum;
}

TEST(random_picks_follow_the_weights)
{
    static const uint32_t weights[] = {95, 5, 0, 300, 600};
    struct split_version versions[5];
    struct split split = split_of(versions, weights, 5);
    uint32_t counts[5] = {0};
    struct rng rng;
    rng_init(&rng, 7);
    for (int i = 0; i < 1000000; i++) {
        const struct split_version *version;
        WANT_INT(split_pick(&split, &rng, &version), OK);
        counts[version - versions]++;
    }
    WANT_INT(counts[2], 0);
    WANT(chi_square(counts, weights, 5) < 16.3); /* 3 degrees of freedom, p = 0.001 */
}

TEST(cohorts_follow_the_weights)
{
    static const uint32_t weights[] = {950000, 50000, 0, 500000, 1};
    struct split_version versions[5];
    struct split split = split_of(versions, weights, 4);
    uint32_t counts[5] = {0};
    for (uint32_t n = 0; n < 200000; n++) {
        counts[version_of(&split, n)]++;
    }
    WANT_INT(counts[2], 0);
    WANT(chi_square(counts, weights, 4) < 13.8); /* 2 degrees of freedom, p = 0.001 */
}

/* The promise that operators rely on: raise one weight, and nobody moves but into that version. */
TEST(a_change_of_one_weight_moves_keys_only_into_or_out_of_that_version)
{
    static const uint32_t steps[][4] = {
        {95, 5, 0, 40},  {95, 6, 0, 40},   {95, 50, 0, 40},    {95, 50, 1, 40},
        {95, 50, 9, 40}, {95, 50, 9, 400}, {95, 5, 9, 400},    {0, 5, 9, 400},
        {1, 5, 9, 400},  {1, 5, 9, 0},     {1000000, 5, 9, 0},
    };
    for (size_t step = 1; step < COUNT_OF(steps); step++) {
        struct split_version before_versions[4], after_versions[4];
        struct split before = split_of(before_versions, steps[step - 1], 4);
        struct split after = split_of(after_versions, steps[step], 4);
        uint32_t changed = 0;
        while (steps[step][changed] == steps[step - 1][changed]) {
            changed++;
        }
        bool is_raised = steps[step][changed] > steps[step - 1][changed];
        uint32_t strays = 0;
        for (uint32_t n = 0; n < KEYS; n++) {
            uint32_t from = version_of(&before, n), to = version_of(&after, n);
            strays += from != to && (is_raised ? to : from) != changed;
        }
        WANT_INT(strays, 0);
    }
}

TEST(order_in_the_file_means_nothing)
{
    static const uint32_t weights[] = {10, 20, 30};
    struct split_version versions[3], turned[3];
    struct split split = split_of(versions, weights, 3);
    for (uint32_t i = 0; i < 3; i++) {
        turned[i] =
            (struct split_version){.name = versions[2 - i].name, .weight = versions[2 - i].weight};
    }
    struct split other;
    WANT_INT(split_init(&other, turned, 3, STR("orders")), OK);
    uint32_t moved = 0;
    for (uint32_t n = 0; n < KEYS; n++) {
        moved += version_of(&split, n) != 2 - version_of(&other, n);
    }
    WANT_INT(moved, 0);
}

/* Written down once: another process, machine or release must say the same. */
TEST(cohorts_are_the_same_in_every_process)
{
    static const uint32_t weights[] = {50, 30, 20};
    static const char wanted[] = "11211212222123111131123322221233";
    struct split_version versions[3];
    struct split split = split_of(versions, weights, 3);
    char got[sizeof wanted] = {0};
    for (uint32_t n = 0; n < sizeof wanted - 1; n++) {
        got[n] = (char)('1' + version_of(&split, n));
    }
    WANT_STR(str_from_c(got), str_from_c(wanted));
}

TEST(another_seed_shuffles_the_cohorts)
{
    static const uint32_t weights[] = {50, 50};
    struct split_version versions[2], shuffled[2];
    struct split split = split_of(versions, weights, 2), other;
    memcpy(shuffled, versions, sizeof shuffled);
    WANT_INT(split_init(&other, shuffled, 2, STR("orders/2")), OK);
    uint32_t moved = 0;
    for (uint32_t n = 0; n < KEYS; n++) {
        moved += version_of(&split, n) != version_of(&other, n);
    }
    WANT(moved > KEYS * 45 / 100);
    WANT(moved < KEYS * 55 / 100);
}

TEST(a_split_with_nothing_to_give_is_no_version)
{
    static const uint32_t weights[] = {0, 0};
    struct split_version versions[2];
    struct split split = split_of(versions, weights, 2), empty = {0};
    const struct split_version *version;
    struct rng rng;
    rng_init(&rng, 1);
    WANT_INT(split_pick(&split, &rng, &version), ERR_NO_VERSION);
    WANT_INT(split_pick_key(&split, 42, &version), ERR_NO_VERSION);
    WANT_INT(split_pick(&empty, &rng, &version), ERR_NO_VERSION);
    WANT_INT(split_pick_key(&empty, 42, &version), ERR_NO_VERSION);
}

TEST(one_version_gets_everything)
{
    static const uint32_t weights[] = {0, 1, 0};
    struct split_version versions[3];
    struct split split = split_of(versions, weights, 3);
    for (uint32_t n = 0; n < 100; n++) {
        WANT_INT(version_of(&split, n), 1);
    }
}

TEST(weights_names_and_count_are_judged)
{
    struct split split;
    struct split_version heavy[] = {{.name = STR("a"), .weight = SPLIT_WEIGHT_MAX + 1}};
    struct split_version twins[] = {{.name = STR("a"), .weight = 1},
                                    {.name = STR("a"), .weight = 1}};
    static struct split_version many[SPLIT_VERSIONS_MAX + 1];
    WANT_INT(split_init(&split, heavy, 1, STR("")), ERR_RANGE);
    WANT_INT(split_init(&split, twins, 2, STR("")), ERR_EXISTS);
    WANT_INT(split_init(&split, many, COUNT_OF(many), STR("")), ERR_RANGE);
}
