/* fake_clock.c - a clock that stands; see fake_clock.h. The linker names the wrapped function. */
#include "fake_clock.h"

#include "base/clock.h"

int64_t __wrap_clock_mono_ns(void);

static int64_t now_ns = INT64_C(1000000) * NS_PER_MS;

int64_t __wrap_clock_mono_ns(void)
{
    return now_ns;
}

void fake_clock_set_ms(int64_t now_ms)
{
    now_ns = now_ms * NS_PER_MS;
}

void fake_clock_add_ms(int64_t ms)
{
    now_ns += ms * NS_PER_MS;
}

int64_t fake_clock_ms(void)
{
    return now_ns / NS_PER_MS;
}
