#include "base/check.h"
#include "base/rng.h"
#include "loop/wheel.h"
#include "test.h"

struct probe {
    struct timer timer;
    int64_t fired_ms;
    int fired_count;
};

static void on_fire(struct loop *loop, struct timer *timer)
{
    struct probe *probe = CONTAINER_OF(timer, struct probe, timer);
    probe->fired_ms = loop->now_ms;
    probe->fired_count++;
}

/* A loop without a kernel: time is what the test says. */
static void fake_loop(struct loop *loop, int64_t now_ms)
{
    *loop = (struct loop){.now_ms = now_ms};
    wheel_init(loop);
}

static void go_to(struct loop *loop, int64_t now_ms)
{
    loop->now_ms = now_ms;
    wheel_advance(loop);
}

TEST(timers_fire_once_at_their_time_at_every_distance)
{
    static const int64_t spans[] = {1, 2, 63, 64, 65, 127, 128, 4095, 4096, 4097, 262143, 262144, 300000, 16777216,
                                    20000000, 1073741823, 1073741824, 5000000000};
    for (int64_t start = 1000; start < 1130; start += 1) {
        for (size_t i = 0; i < COUNT_OF(spans); i++) {
            struct loop loop;
            struct probe probe = {.timer.fire = on_fire};
            fake_loop(&loop, start);
            timer_set(&loop, &probe.timer, start + spans[i]);
            int steps = 0;
            while (probe.fired_count == 0 && steps++ < 200) {
                int wait_ms = wheel_wait_ms(&loop);
                CHECK(wait_ms >= 0);
                go_to(&loop, loop.now_ms + (wait_ms > 0 ? wait_ms : 1));
            }
            WANT_INT(probe.fired_count, 1);
            WANT_INT(probe.fired_ms, start + spans[i]);
            WANT_INT(wheel_wait_ms(&loop), -1);
        }
    }
}

TEST(a_timer_that_moves_later_fires_at_its_last_time_only)
{
    struct loop loop;
    struct probe probe = {.timer.fire = on_fire};
    fake_loop(&loop, 5);
    for (int64_t at = 100; at < 1000; at += 100) {
        timer_set(&loop, &probe.timer, at);
    }
    for (int64_t now = 5; now < 900; now += 7) {
        go_to(&loop, now);
        WANT_INT(probe.fired_count, 0);
    }
    go_to(&loop, 901);
    WANT_INT(probe.fired_count, 1);
    timer_set(&loop, &probe.timer, 5000);
    timer_set(&loop, &probe.timer, 950);
    go_to(&loop, 950);
    WANT_INT(probe.fired_count, 2);
    go_to(&loop, 6000);
    WANT_INT(probe.fired_count, 2);
}

TEST(a_stopped_timer_never_fires)
{
    struct loop loop;
    struct probe probe = {.timer.fire = on_fire};
    fake_loop(&loop, 0);
    timer_stop(&probe.timer);
    timer_set(&loop, &probe.timer, 10);
    timer_stop(&probe.timer);
    timer_stop(&probe.timer);
    go_to(&loop, 1000);
    WANT_INT(probe.fired_count, 0);
}

TEST(random_timers_all_fire_exactly_when_due)
{
    static struct probe probes[2000];
    struct rng rng;
    struct loop loop;
    rng_init(&rng, 42);
    fake_loop(&loop, 123456);
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        probes[i] = (struct probe){.timer.fire = on_fire};
        timer_set(&loop, &probes[i].timer, loop.now_ms + 1 + rng_below(&rng, 1000000));
    }
    while (wheel_wait_ms(&loop) >= 0) {
        go_to(&loop, loop.now_ms + 1 + rng_below(&rng, 50));
        for (size_t i = 0; i < COUNT_OF(probes); i++) {
            bool is_due = probes[i].timer.at_ms <= loop.now_ms;
            WANT((probes[i].fired_count == 1) == is_due);
        }
    }
}
