#include "upstream/balance/draw.h"

#include "balance_kit.h"
#include "test.h"

static bool draw_at(struct fleet *fleet, int64_t later_ns, struct endpoint *drawn[2])
{
    struct balance_ask ask = fleet_ask(fleet);
    ask.now_ns += later_ns;
    const struct search search = {&fleet->set, &ask, 0};
    return draw_two(&search, drawn);
}

TEST(draws_follow_the_weights_without_replacement)
{
    static const uint32_t weights[] = {1, 2, 3, 4};
    struct fleet fleet;
    uint32_t firsts[4] = {0}, pairs = 0, rounds = 200000;
    fleet_open(&fleet, "random_two", 4, weights);
    for (uint32_t i = 0; i < rounds; i++) {
        struct endpoint *drawn[2];
        if (!draw_at(&fleet, 0, drawn)) {
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
    WANT(!draw_at(&fleet, 0, drawn));
    endpoint_set_weight(fleet.list[1], 1, ENDPOINT_WEIGHT_ONE);
    WANT(!draw_at(&fleet, DRAW_AGE_NS - 1, drawn));
    WANT(draw_at(&fleet, DRAW_AGE_NS, drawn));
    fleet_close(&fleet);
}

TEST(nothing_to_draw_from_is_no_harm)
{
    struct fleet fleet;
    struct endpoint *drawn[2];
    fleet_open(&fleet, "random_two", 3, (const uint32_t[]){0, 0, 0});
    WANT(!draw_at(&fleet, 0, drawn));
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
