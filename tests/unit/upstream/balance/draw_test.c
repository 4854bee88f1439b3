#include "upstream/balance/draw.h"

#include "balance_kit.h"
#include "test.h"

static const struct balance_tried nothing = {0};

static struct ask ask_of(struct fleet *fleet)
{
    return (struct ask){&fleet->set, &nothing, &fleet->rng, fleet->now_ns, 0};
}

TEST(draws_follow_the_weights_without_replacement)
{
    static const uint32_t weights[] = {1, 2, 3, 4};
    struct fleet fleet;
    uint32_t firsts[4] = {0}, pairs = 0, rounds = 200000;
    fleet_open(&fleet, "random_two", 4, weights);
    for (uint32_t i = 0; i < rounds; i++) {
        struct endpoint *drawn[2];
        const struct ask ask = ask_of(&fleet);
        if (!draw_two(&ask, drawn)) {
            continue;
        }
        pairs++;
        WANT(drawn[0] != drawn[1]);
        firsts[drawn[0] - fleet.endpoints]++;
    }
    WANT_INT(pairs, rounds);
    for (uint32_t i = 0; i < 4; i++) {
        WANT(firsts[i] > rounds * weights[i] / 10 * 97 / 100);
        WANT(firsts[i] < rounds * weights[i] / 10 * 103 / 100);
    }
    fleet_close(&fleet);
}

TEST(a_weight_that_changes_is_seen_when_the_sums_are_old)
{
    struct fleet fleet;
    struct endpoint *drawn[2];
    fleet_open(&fleet, "random_two", 2, (const uint32_t[]){1, 0});
    struct ask ask = ask_of(&fleet);
    WANT(!draw_two(&ask, drawn));
    endpoint_set_weight(fleet.list[1], 1, ENDPOINT_WEIGHT_ONE);
    ask.now_ns += DRAW_AGE_NS - 1;
    WANT(!draw_two(&ask, drawn));
    ask.now_ns += 1;
    WANT(draw_two(&ask, drawn));
    fleet_close(&fleet);
}

TEST(nothing_to_draw_from_is_no_harm)
{
    struct fleet fleet;
    struct endpoint *drawn[2];
    fleet_open(&fleet, "random_two", 3, (const uint32_t[]){0, 0, 0});
    const struct ask ask = ask_of(&fleet);
    WANT(!draw_two(&ask, drawn));
    WANT_INT(fleet_pick(&fleet), -1);
    fleet_close(&fleet);
}

TEST(powers_of_two_are_monotone_and_close)
{
    double before = 0;
    for (int i = 0; i < 4000; i++) {
        double x = i * 0.01, power = decay_exp2(x), exact = __builtin_exp2(x);
        WANT(power > before);
        WANT(power > exact * 0.99985 && power < exact * 1.00015);
        before = power;
    }
}
