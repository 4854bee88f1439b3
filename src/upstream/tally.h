/* tally.h - what became of the attempts at one instance, as one core counts it.
 * Each core writes its own, the control thread adds them up: what passive detection, breakers and
 * adaptive ceilings know of an instance is the difference of two such sums. Counts only grow and
 * wrap around; a reader takes differences. */
#pragma once

#include "base/platform.h"

#include <stdatomic.h>

struct origin;

enum tally_outcome {
    TALLY_ANSWERED,       /* a response that is not one of the next three */
    TALLY_FAILED_SERVER,  /* 5xx but 501, 502, 503, 504, 505: the instance itself is broken */
    TALLY_FAILED_GATEWAY, /* 502, 503, 504: what stands behind it is, or it takes no more */
    TALLY_OVERLOADED,     /* 429: it works and asks for less */
    TALLY_FAILED_LOCAL,   /* no answer at all: connect, reset, time-out, not HTTP */
    TALLY_OUTCOMES
};

/* Logarithms to base 2 of spans in units of 1,024 ns, in steps of 1/64: sums of them give a
 * geometric mean, which a few slow answers do not move far. */
enum { TALLY_LOG_ONE = 64 };

struct tally {
    _Atomic uint32_t counts[TALLY_OUTCOMES];
    _Atomic uint32_t failures_in_row; /* of this core, since it last saw an answer */
    _Atomic uint64_t ttfb_log_sum;    /* of those with a response head */
};

/* Sums over cores; the rows of counts wrap around. */
struct tally_sum {
    uint32_t counts[TALLY_OUTCOMES];
    uint32_t failures_in_row;
    uint64_t ttfb_log_sum;
};

/* What a response with this status says of its instance; 0: there was none. */
static inline enum tally_outcome tally_of_status(uint32_t status)
{
    if (LIKELY(status - 1 < 499)) {
        return status == 429 ? TALLY_OVERLOADED : TALLY_ANSWERED;
    }
    if (status == 0) {
        return TALLY_FAILED_LOCAL;
    }
    if (status == 501 || status == 505) {
        return TALLY_ANSWERED;
    }
    return status >= 502 && status <= 504 ? TALLY_FAILED_GATEWAY : TALLY_FAILED_SERVER;
}

/* The logarithm of a span as described at TALLY_LOG_ONE; straight between powers of two. */
static inline uint32_t tally_log(int64_t ns)
{
    uint64_t units = ns > 1024 ? (uint64_t)ns >> 10 : 1;
    uint32_t whole = 63u - (uint32_t)__builtin_clzll(units);
    uint64_t part = (units << (63u - whole) << 1) >> 58;
    return whole * TALLY_LOG_ONE + (uint32_t)part;
}

/* Counts one attempt, by the core that owns the tally and no other. `ttfb_ns`: to the first byte of
 * the response head; without one it is not looked at. */
static inline void tally_note(struct tally *tally, enum tally_outcome outcome, int64_t ttfb_ns)
{
    _Atomic uint32_t *count = &tally->counts[outcome];
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    if (outcome != TALLY_FAILED_LOCAL) {
        uint64_t sum = atomic_load_explicit(&tally->ttfb_log_sum, memory_order_relaxed);
        atomic_store_explicit(&tally->ttfb_log_sum, sum + tally_log(ttfb_ns),
                              memory_order_relaxed);
    }
    uint32_t in_row = atomic_load_explicit(&tally->failures_in_row, memory_order_relaxed);
    if (UNLIKELY(outcome == TALLY_ANSWERED ? in_row != 0 : outcome != TALLY_OVERLOADED)) {
        atomic_store_explicit(&tally->failures_in_row, outcome == TALLY_ANSWERED ? 0 : in_row + 1,
                              memory_order_relaxed);
    }
}

/* Adds up what all cores have counted of an instance. */
struct tally_sum tally_read(const struct origin *origin, uint32_t core_count);
/* How many responses a sum stands for: the divisor of ttfb_log_sum. */
uint32_t tally_answers(const struct tally_sum *sum);
/* All failures of a sum: server, gateway and local. */
uint32_t tally_failures(const struct tally_sum *sum);
