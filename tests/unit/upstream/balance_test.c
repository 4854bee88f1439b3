#include "upstream/balance.h"

#include "balance_kit.h"
#include "base/clock.h"
#include "test.h"

static const char *const methods[] = {"p2c_ewma",   "round_robin", "least_request",
                                      "random_two", "least_time",  "first",
                                      "ip_hash",    "ring",        "maglev"};
/* Those by which all get their share, to a fifth or so. */
static const char *const even_methods[] = {"p2c_ewma",   "round_robin", "least_request",
                                           "random_two", "least_time",  "maglev"};

TEST(methods_are_found_by_name_and_the_default_is_first)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        const struct balance_type *type = balance_find(str_from_c(methods[i]));
        WANT(type == balance_types[i]);
        WANT(type != NULL && type->summary[0] != '\0');
    }
    WANT(balance_find(STR("p2c")) == NULL);
    WANT(balance_find(STR("")) == NULL);
    WANT_INT(BALANCE_ID_p2c_ewma, 0);
}

/* What every method must do, for a small and a large set. */
static void every_method(void (*check)(const char *method, uint32_t count))
{
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        check(methods[i], 3);
        check(methods[i], 40);
    }
}

static void want_verdicts(const char *method, uint32_t count)
{
    struct fleet fleet;
    struct endpoint *endpoint;
    fleet_open(&fleet, method, count, NULL);
    const struct balance_ask ask = fleet_ask(&fleet);
    for (uint32_t i = 0; i < count; i++) {
        endpoint_set_ceiling(fleet.list[i], 2);
    }
    for (uint32_t i = 0; i < count * 2; i++) {
        WANT(fleet_pick(&fleet) >= 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        WANT_INT(endpoint_in_flight(fleet.list[i]), 2);
    }
    WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_FULL);
    WANT(endpoint == NULL);
    endpoint_end(fleet.list[count - 1]);
    WANT_INT(fleet_pick(&fleet), count - 1);
    for (uint32_t i = 0; i < count; i++) {
        endpoint_bar(fleet.list[i], ENDPOINT_BAR_HEALTH);
    }
    WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_NONE);
    fleet_close(&fleet);
}

static void every_even_method(void (*check)(const char *method, uint32_t count))
{
    for (size_t i = 0; i < COUNT_OF(even_methods); i++) {
        check(even_methods[i], 3);
        check(even_methods[i], 40);
    }
}

TEST(full_is_not_none)
{
    every_method(want_verdicts);
}

static void want_tried_skipped(const char *method, uint32_t count)
{
    struct fleet fleet;
    struct endpoint *endpoint;
    fleet_open(&fleet, method, count, NULL);
    struct balance_tried tried = {0};
    struct balance_ask ask = fleet_ask(&fleet);
    ask.tried = &tried;
    uint32_t tries = count < BALANCE_TRIED_MAX ? count : BALANCE_TRIED_MAX;
    for (uint32_t i = 0; i < tries; i++) {
        WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_PICKED);
        for (uint32_t j = 0; j < tried.count; j++) {
            WANT(tried.at[j] != endpoint);
        }
        tried.at[tried.count++] = endpoint;
        endpoint_end(endpoint);
    }
    if (tries == count) {
        WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_TRIED);
    }
    fleet_close(&fleet);
}

TEST(no_endpoint_is_tried_twice)
{
    every_method(want_tried_skipped);
}

static void want_drained_left_alone(const char *method, uint32_t count)
{
    struct fleet fleet;
    uint32_t counts[FLEET_MAX];
    fleet_open(&fleet, method, count, NULL);
    endpoint_set_weight(fleet.list[0], 0, ENDPOINT_WEIGHT_ONE);
    endpoint_bar(fleet.list[1], ENDPOINT_BAR_EJECTED);
    fleet_count(&fleet, 5000, counts);
    WANT_INT(counts[0], 0);
    WANT_INT(counts[1], 0);
    endpoint_set_weight(fleet.list[0], 1, ENDPOINT_WEIGHT_ONE);
    endpoint_unbar(fleet.list[1], ENDPOINT_BAR_EJECTED);
    fleet.now_ns += 100 * NS_PER_MS;
    fleet_count(&fleet, count * 1000, counts);
    for (uint32_t i = 0; i < count; i++) {
        WANT(counts[i] > 800);
        WANT(counts[i] < 1200);
    }
    fleet_close(&fleet);
}

TEST(drained_and_barred_endpoints_get_nothing_and_come_back)
{
    every_even_method(want_drained_left_alone);
}

static void want_bound_kept(const char *method, uint32_t count)
{
    struct fleet fleet;
    struct endpoint *endpoint;
    fleet_open(&fleet, method, count, NULL);
    struct endpoint *own = fleet.list[count - 1];
    struct balance_ask ask = fleet_ask(&fleet);
    ask.bound = own;
    for (int i = 0; i < 20; i++) {
        WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_PICKED);
        WANT(endpoint == own);
    }
    endpoint_set_weight(own, 0, ENDPOINT_WEIGHT_ONE);
    endpoint_bar(own, ENDPOINT_BAR_DRAINED);
    WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_PICKED);
    WANT(endpoint == own);
    endpoint_set_ceiling(own, 21);
    WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_PICKED);
    WANT(endpoint != NULL && endpoint != own); /* full */
    endpoint_set_ceiling(own, 0);
    const struct balance_tried tried = {.at = {own}, .count = 1};
    ask.tried = &tried;
    WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_PICKED);
    WANT(endpoint != NULL && endpoint != own);
    ask.tried = NULL;
    endpoint_bar(own, ENDPOINT_BAR_HEALTH);
    WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_PICKED);
    WANT(endpoint != NULL && endpoint != own);
    fleet_close(&fleet);
}

TEST(a_bound_client_keeps_its_endpoint_while_it_drains_and_no_longer)
{
    every_method(want_bound_kept);
}

TEST(who_is_bound_to_an_endpoint_of_another_set_is_balanced)
{
    struct fleet fleet;
    struct endpoint stranger = {0}, *endpoint;
    endpoint_set_weight(&stranger, 1, ENDPOINT_WEIGHT_ONE);
    fleet_open(&fleet, "p2c_ewma", 3, NULL);
    struct balance_ask ask = fleet_ask(&fleet);
    ask.bound = &stranger;
    WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_PICKED);
    WANT(endpoint != &stranger);
    fleet_close(&fleet);
}

static void want_ceilings_kept(const char *method, uint32_t count)
{
    struct fleet fleet;
    fleet_open(&fleet, method, count, NULL);
    for (uint32_t i = 0; i < count; i++) {
        endpoint_set_ceiling(fleet.list[i], 1 + i % 3);
    }
    while (fleet_pick(&fleet) >= 0) {
    }
    for (uint32_t i = 0; i < count; i++) {
        WANT_INT(endpoint_in_flight(fleet.list[i]), 1 + i % 3);
    }
    fleet_close(&fleet);
}

TEST(ceilings_are_met_exactly)
{
    every_method(want_ceilings_kept);
}

TEST(an_empty_set_has_nothing)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        struct fleet fleet;
        struct endpoint *endpoint;
        fleet_open(&fleet, methods[i], 0, NULL);
        const struct balance_ask ask = fleet_ask(&fleet);
        WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_NONE);
        WANT(endpoint == NULL);
        fleet_close(&fleet);
    }
}

static void want_weights_followed(const char *method, uint32_t count)
{
    struct fleet fleet;
    uint32_t counts[FLEET_MAX], weights[FLEET_MAX], total = 0;
    for (uint32_t i = 0; i < count; i++) {
        weights[i] = 1 + i % 3;
        total += weights[i];
    }
    fleet_open(&fleet, method, count, weights);
    static int flights[400];
    memset(counts, 0, sizeof counts);
    /* So many in flight at any time that load tells. */
    for (uint32_t i = 0; i < 40000 + COUNT_OF(flights); i++) {
        uint32_t slot = i % COUNT_OF(flights);
        if (i >= COUNT_OF(flights)) {
            endpoint_end(fleet.list[flights[slot]]);
        }
        flights[slot] = fleet_pick(&fleet);
        counts[flights[slot]] += i >= COUNT_OF(flights);
    }
    for (uint32_t i = 0; i < count; i++) {
        double expected = 40000.0 * weights[i] / total;
        WANT(counts[i] > expected * 0.8);
        WANT(counts[i] < expected * 1.2);
    }
    fleet_close(&fleet);
}

TEST(shares_follow_the_weights)
{
    every_even_method(want_weights_followed);
}

static const struct balance_sample fast = {.outcome = BALANCE_ANSWERED, .ttfb_ns = 2 * NS_PER_MS};
static const struct balance_sample failed = {.outcome = BALANCE_FAILED, .ttfb_ns = 1000};

TEST(one_slow_answer_counts_at_once_and_fades_with_ten_seconds)
{
    struct endpoint endpoint = {0};
    int64_t now_ns = 500 * NS_PER_SEC;
    WANT_INT((balance_cost_ns(&endpoint, now_ns) + 500) / 1000, 1000);
    balance_note(&endpoint, &(struct balance_sample){.ttfb_ns = 800 * NS_PER_MS}, now_ns);
    int64_t cost_us = balance_cost_ns(&endpoint, now_ns) / 1000;
    WANT(cost_us > 799800 && cost_us < 800200);
    balance_note(&endpoint, &fast, now_ns);
    WANT_INT(balance_cost_ns(&endpoint, now_ns) / 1000, cost_us);
    now_ns += 10 * NS_PER_SEC;
    cost_us = balance_cost_ns(&endpoint, now_ns) / 1000;
    WANT(cost_us > 294000 && cost_us < 294600); /* 800 / e */
    balance_note(&endpoint, &fast, now_ns);
    cost_us = balance_cost_ns(&endpoint, now_ns) / 1000;
    WANT(cost_us > 295300 && cost_us < 295900); /* and 2 ms for the rest */
    now_ns += 1000 * NS_PER_SEC;
    WANT_INT((balance_cost_ns(&endpoint, now_ns) + 500) / 1000, 1000);
}

TEST(faster_answers_are_noted_once_in_ten_milliseconds_and_slower_ones_always)
{
    struct endpoint endpoint = {0};
    const struct balance_sample quick = {.ttfb_ns = 400 * 1000}, slow = {.ttfb_ns = 4 * NS_PER_MS};
    int64_t now_ns = 500 * NS_PER_SEC;
    balance_note(&endpoint, &quick, now_ns);
    WANT_INT(atomic_load(&endpoint.load.cost_at_ns), now_ns);
    balance_note(&endpoint, &quick, now_ns + 9 * NS_PER_MS); /* below what is told apart */
    WANT_INT(atomic_load(&endpoint.load.cost_at_ns), now_ns);
    balance_note(&endpoint, &slow, now_ns + 9 * NS_PER_MS);
    WANT_INT(atomic_load(&endpoint.load.cost_at_ns), now_ns + 9 * NS_PER_MS);
    int64_t cost_us = balance_cost_ns(&endpoint, now_ns + 9 * NS_PER_MS) / 1000;
    WANT(cost_us >= 3999 && cost_us <= 4001);
    balance_note(&endpoint, &slow, now_ns + 10 * NS_PER_MS);
    WANT_INT(atomic_load(&endpoint.load.cost_at_ns), now_ns + 10 * NS_PER_MS);
    balance_note(&endpoint, &quick, now_ns + 19 * NS_PER_MS);
    WANT_INT(atomic_load(&endpoint.load.cost_at_ns), now_ns + 10 * NS_PER_MS);
    balance_note(&endpoint, &quick, now_ns + 20 * NS_PER_MS);
    WANT_INT(atomic_load(&endpoint.load.cost_at_ns), now_ns + 20 * NS_PER_MS);
}

TEST(ten_seconds_of_faster_answers_fade_alike_however_many_they_are)
{
    int64_t cost_us[3];
    for (int i = 0; i < 3; i++) {
        static const int64_t step_ns[] = {NS_PER_MS / 10, 9 * NS_PER_MS, 200 * NS_PER_MS};
        struct endpoint endpoint = {0};
        int64_t now_ns = 500 * NS_PER_SEC, end_ns = now_ns + 10 * NS_PER_SEC;
        balance_note(&endpoint, &(struct balance_sample){.ttfb_ns = 800 * NS_PER_MS}, now_ns);
        for (; now_ns < end_ns; now_ns += step_ns[i]) {
            balance_note(&endpoint, &(struct balance_sample){.ttfb_ns = 2 * NS_PER_MS}, now_ns);
        }
        cost_us[i] = balance_cost_ns(&endpoint, end_ns) / 1000;
    }
    WANT(cost_us[0] > 295300 && cost_us[0] < 296100); /* 800 / e, and 2 ms for the rest */
    WANT(cost_us[1] > 295000 && cost_us[1] < 296400);
    WANT(cost_us[2] > 295000 && cost_us[2] < 296400);
}

TEST(failures_count_as_slow_whatever_time_they_took)
{
    static const struct {
        struct balance_sample sample;
        int64_t cost_ms;
    } rows[] = {
        {{.outcome = BALANCE_FAILED, .ttfb_ns = 1000}, 5000},
        {{.outcome = BALANCE_FAILED, .ttfb_ns = 15 * NS_PER_SEC}, 15000},
        {{.outcome = BALANCE_OVERLOADED, .ttfb_ns = 1000}, 5000},
        {{.outcome = BALANCE_OVERLOADED, .retry_after_ms = 20000}, 20000},
        {{.outcome = BALANCE_OVERLOADED, .retry_after_ms = 1}, 5000},
        {{.outcome = BALANCE_OVERLOADED, .retry_after_ms = INT64_MAX}, 300000},
        {{.outcome = BALANCE_UNKNOWN, .ttfb_ns = 15 * NS_PER_SEC}, 1},
        {{.outcome = BALANCE_ANSWERED, .ttfb_ns = -5}, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct endpoint endpoint = {0};
        balance_note(&endpoint, &rows[i].sample, 77 * NS_PER_SEC);
        double cost_ms = (double)balance_cost_ns(&endpoint, 77 * NS_PER_SEC) / (double)NS_PER_MS;
        WANT(cost_ms > (double)rows[i].cost_ms * 0.999);
        WANT(cost_ms < (double)rows[i].cost_ms * 1.001);
    }
}

TEST(a_clock_at_zero_or_going_back_does_no_harm)
{
    struct endpoint endpoint = {0};
    balance_note(&endpoint, &fast, 0);
    balance_note(&endpoint, &failed, 0);
    WANT(balance_cost_ns(&endpoint, 0) > 4990 * NS_PER_MS);
    balance_note(&endpoint, &fast, -NS_PER_SEC);
    balance_note(&endpoint, &fast, 50 * NS_PER_SEC);
    balance_note(&endpoint, &fast, 40 * NS_PER_SEC);
    int64_t cost_ns = balance_cost_ns(&endpoint, 100 * NS_PER_SEC);
    WANT(cost_ns >= NS_PER_MS * 999 / 1000);
    WANT(cost_ns < NS_PER_SEC);
}
