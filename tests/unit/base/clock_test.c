#define _GNU_SOURCE
#include "base/clock.h"
#include "test.h"

#include <time.h>

TEST(monotonic_time_never_goes_back)
{
    int64_t last_ns = clock_mono_ns();
    for (int i = 0; i < 100000; i++) {
        int64_t now_ns = clock_mono_ns();
        if (now_ns < last_ns) {
            WANT(now_ns >= last_ns);
            return;
        }
        last_ns = now_ns;
    }
}

TEST(monotonic_time_is_in_nanoseconds)
{
    const struct timespec nap = {.tv_nsec = 2 * NS_PER_MS};
    int64_t before_ns = clock_mono_ns();
    WANT(nanosleep(&nap, NULL) == 0);
    int64_t passed_ns = clock_mono_ns() - before_ns;
    WANT(passed_ns >= 2 * NS_PER_MS);
    WANT(passed_ns < 60 * NS_PER_SEC);
}

TEST(wall_time_is_in_microseconds_since_1970)
{
    int64_t before_s = (int64_t)time(NULL);
    int64_t now_us = clock_wall_us();
    int64_t after_s = (int64_t)time(NULL);
    /* time(2) may lag by a tick of the kernel. */
    WANT(now_us / 1000000 >= before_s && now_us / 1000000 <= after_s + 1);
}
