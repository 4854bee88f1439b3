/* clock.h - the only place that reads the kernel's clocks. Instants are int64_t nanoseconds or
 * milliseconds of a monotonic clock; wall time is for logs and dates only. */
#pragma once

#include "base/platform.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_SEC INT64_C(1000000000)

/* Nanoseconds since some start; never goes back. */
int64_t clock_mono_ns(void);
/* Microseconds since 1970-01-01 UTC. */
int64_t clock_wall_us(void);
