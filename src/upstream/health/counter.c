/* counter.c - rise, fall and the waits between checks; see counter.h. */
#include "upstream/health/counter.h"

enum { BACK_OFF_SHIFT_MAX = 20 };

bool health_counter_is_up(const struct health_counter *counter, const struct health_rules *rules)
{
    return counter->health >= rules->rise;
}

bool health_counter_note(struct health_counter *counter, const struct health_rules *rules,
                         bool has_passed)
{
    const uint32_t full = rules->rise + rules->fall - 1;
    bool is_first = !counter->has_result, was_up = health_counter_is_up(counter, rules);
    counter->has_result = true;
    counter->failures = has_passed ? 0 : counter->failures + (counter->failures < UINT32_MAX);
    if (is_first) {
        counter->health = has_passed ? full : 0;
        return true;
    }
    if (has_passed) {
        counter->health += counter->health < full;
        counter->health = health_counter_is_up(counter, rules) ? full : counter->health;
    } else {
        counter->health -= counter->health > 0;
        counter->health = health_counter_is_up(counter, rules) ? counter->health : 0;
    }
    return was_up != health_counter_is_up(counter, rules);
}

static int64_t jittered(int64_t ms, uint32_t percent, struct rng *rng)
{
    int64_t most = ms * percent / 100;
    if (most > 0) {
        ms += (int64_t)rng_below(rng, (uint32_t)(2 * most + 1)) - most;
    }
    return ms < 1 ? 1 : ms;
}

/* The first failures of one that is down are `fall` old already. */
static int64_t down_ms(const struct health_counter *counter, const struct health_rules *rules)
{
    uint32_t over = counter->failures > rules->fall ? counter->failures - rules->fall : 0;
    over = over > BACK_OFF_SHIFT_MAX ? BACK_OFF_SHIFT_MAX : over;
    int64_t ms = rules->down_ms << over;
    return ms > rules->down_ms_max ? rules->down_ms_max : ms;
}

int64_t health_counter_wait_ms(const struct health_counter *counter,
                               const struct health_rules *rules, struct rng *rng)
{
    const uint32_t full = rules->rise + rules->fall - 1;
    int64_t ms = !counter->has_result              ? rules->fast_ms
                 : counter->health == full         ? rules->interval_ms
                 : counter->health > 0             ? rules->fast_ms
                                                   : down_ms(counter, rules);
    return jittered(ms, rules->jitter_percent, rng);
}

int64_t health_counter_first_ms(const struct health_rules *rules, struct rng *rng)
{
    int64_t most = rules->fast_ms < rules->interval_ms ? rules->fast_ms : rules->interval_ms;
    return (int64_t)rng_below(rng, (uint32_t)most);
}
