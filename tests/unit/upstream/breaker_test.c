#include "upstream/breaker.h"

#include "test.h"

#include <pthread.h>

static const struct breaker_conf usual = {.error_percent = 50,
                                          .slow_percent = 50,
                                          .window_ms = 10000,
                                          .slow_ms = 2000,
                                          .min_requests = 20,
                                          .probes = 5,
                                          .open_ms = 10000};

/* A breaker with its counts and clock. */
struct rig {
    struct breaker breaker;
    struct breaker_counts counts;
    int64_t now_ms;
    struct breaker_gate gate;
};

static bool feed(struct rig *rig, uint32_t total, uint32_t failed, uint32_t slow)
{
    rig->counts.total += total;
    rig->counts.failed += failed;
    rig->counts.slow += slow;
    rig->now_ms += 250;
    bool has_changed = breaker_step(&rig->breaker, &usual, &rig->counts, rig->now_ms);
    if (has_changed) {
        breaker_set_gate(&rig->gate, &rig->breaker, &usual);
    }
    return has_changed;
}

static struct rig start(void)
{
    struct rig rig = {.counts = {UINT32_MAX - 10, UINT32_MAX - 3, 7}, .now_ms = 5000};
    (void)feed(&rig, 0, 0, 0);
    return rig;
}

TEST(few_requests_prove_nothing)
{
    struct rig rig = start();
    WANT(!feed(&rig, 19, 19, 0));
    WANT_INT(rig.breaker.state, BREAKER_CLOSED);
    WANT(feed(&rig, 1, 1, 0));
    WANT_INT(rig.breaker.state, BREAKER_OPEN);
    WANT_STR(str_of(rig.breaker.reason, rig.breaker.reason_len), STR("20 of 20 failed"));
    WANT(!breaker_pass(&rig.gate));
}

TEST(half_is_too_many_and_less_is_not)
{
    struct rig rig = start();
    WANT(!feed(&rig, 1000, 499, 499));
    WANT(feed(&rig, 2, 2, 0));
    rig = start();
    WANT(feed(&rig, 100, 0, 50));
    WANT_STR(str_of(rig.breaker.reason, rig.breaker.reason_len), STR("50 of 100 were slow"));
}

TEST(what_is_older_than_the_window_is_forgotten)
{
    struct rig rig = start();
    (void)feed(&rig, 19, 19, 0);
    for (uint32_t i = 0; i < 44; i++) {
        WANT(!feed(&rig, 0, 0, 0));
    }
    WANT(!feed(&rig, 19, 19, 0));
}

TEST(after_its_time_so_many_probes_pass_and_decide)
{
    struct rig rig = start();
    (void)feed(&rig, 40, 40, 0);
    uint32_t steps = 0;
    while (!feed(&rig, 0, 0, 0)) {
        steps++;
    }
    WANT_INT(steps, 39);
    WANT_INT(rig.breaker.state, BREAKER_HALF_OPEN);
    for (uint32_t i = 0; i < 5; i++) {
        WANT(breaker_pass(&rig.gate));
    }
    WANT(!breaker_pass(&rig.gate));
    WANT(!feed(&rig, 4, 0, 0));
    WANT(feed(&rig, 1, 1, 0));
    WANT_INT(rig.breaker.state, BREAKER_CLOSED);
    WANT(breaker_pass(&rig.gate));
    WANT(!feed(&rig, 10, 10, 0)); /* what was before is forgotten */
}

TEST(probes_that_fail_open_it_for_longer_up_to_a_limit)
{
    struct rig rig = start();
    int64_t spans[6];
    (void)feed(&rig, 40, 40, 0);
    for (uint32_t i = 0; i < 6; i++) {
        WANT_INT(rig.breaker.state, BREAKER_OPEN);
        spans[i] = rig.breaker.until_ms - rig.now_ms;
        while (rig.breaker.state == BREAKER_OPEN) {
            (void)feed(&rig, 0, 0, 0);
        }
        (void)feed(&rig, 5, 5, 0);
    }
    WANT_INT(spans[0], 10000);
    WANT_INT(spans[1], 20000);
    WANT_INT(spans[3], 80000);
    WANT_INT(spans[5], 80000);
}

TEST(probes_that_never_end_are_given_out_again)
{
    struct rig rig = start();
    (void)feed(&rig, 40, 40, 0);
    while (rig.breaker.state == BREAKER_OPEN) {
        (void)feed(&rig, 0, 0, 0);
    }
    while (breaker_pass(&rig.gate)) {
    }
    for (uint32_t i = 0; i < 40; i++) {
        (void)feed(&rig, 0, 0, 0);
    }
    WANT_INT(rig.breaker.state, BREAKER_HALF_OPEN);
    WANT(breaker_pass(&rig.gate));
}

enum { THREADS = 4 };

static void *take_all(void *place)
{
    struct breaker_gate *gate = place;
    uintptr_t taken = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        taken += breaker_pass(gate);
    }
    return (void *)taken;
}

TEST(probes_are_exact_over_all_threads)
{
    struct breaker_gate gate = {1 + 777};
    pthread_t threads[THREADS];
    uintptr_t sum = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        WANT_INT(pthread_create(&threads[i], NULL, take_all, &gate), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        void *taken;
        WANT_INT(pthread_join(threads[i], &taken), 0);
        sum += (uintptr_t)taken;
    }
    WANT_INT(sum, 777);
}
