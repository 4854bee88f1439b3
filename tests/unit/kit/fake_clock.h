/* fake_clock.h - the monotonic clock as a test sets it: programs that depend on test_clock_dep read
 * it from here, so that half an hour of checks takes no time. Wall time stays real. */
#pragma once

#include "base/platform.h"

/* Starts at some instant well above 0. */
void fake_clock_set_ms(int64_t now_ms);
void fake_clock_add_ms(int64_t ms);
int64_t fake_clock_ms(void);
