/* decay.h - quantities that fade with time, in one word each.
 *
 * A value that fades as v(t) = v * exp(-(t - t0) / tau) is kept as log2(v) + t0 / tau * log2(e): a
 * number that does not change while time passes. Reading it at any later instant is one
 * subtraction, and an update is one compare-and-swap of one word by whichever core has news. A
 * double has bits for years of uptime with a relative error below 1e-6. */
#pragma once

#include "base/clock.h"

#include <stdatomic.h>
#include <string.h>

#define DECAY_LOG2_E 1.4426950408889634

/* tau of time to first byte, and of failures counted as load. */
#define COST_TAU_NS ((double)(10 * NS_PER_SEC))
#define PENALTY_TAU_NS ((double)(5 * NS_PER_SEC))

/* log2 of 1 ms in ns: no endpoint is believed to be faster, so that one without history does not
 * look free, and noise below a millisecond decides nothing. */
#define COST_LOG_MIN 19.931568569324174

/* How far everything has faded at `now_ns`, in powers of two. */
static inline double decay_clock(int64_t now_ns, double tau_ns)
{
    return (double)now_ns * (DECAY_LOG2_E / tau_ns);
}

static inline double decay_load(const _Atomic uint64_t *word)
{
    uint64_t bits = atomic_load_explicit(word, memory_order_relaxed);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t decay_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* 2^x for 0 <= x < 1000 with a relative error below 1.1e-4, monotone and without a call: the whole
 * part becomes the exponent, a cubic that meets 2^f at both ends the fraction. */
static inline double decay_exp2(double x)
{
    int64_t whole = (int64_t)x;
    double f = x - (double)whole;
    double fraction = 1.0 + f * (0.6954 + f * (0.2264 + f * 0.0782));
    uint64_t bits = (uint64_t)(whole + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power * fraction;
}
