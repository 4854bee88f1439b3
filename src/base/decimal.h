/* decimal.h - numbers as decimal text, two digits at a time, straight into the caller's memory.
 * For the data path: log lines, lengths, metrics. */
#pragma once

#include "base/platform.h"

#include <string.h>

enum { DECIMAL_BYTES_MAX = 20 };

/* "00" to "99"; powers of ten, but with 0 for the first, as zero has a digit too. */
extern const char decimal_pairs[200];
extern const uint64_t decimal_powers[DECIMAL_BYTES_MAX];

/* How many digits the number has. */
static inline uint32_t decimal_digits(uint64_t value)
{
    /* 1233 / 4096 is log10(2) rounded up a little: the number of digits, or one less. */
    uint32_t bits = 64u - (uint32_t)__builtin_clzll(value | 1);
    uint32_t guess = (bits * 1233) >> 12;
    return guess + (value >= decimal_powers[guess]);
}

/* Writes the digits at `at`, which has room for DECIMAL_BYTES_MAX; returns the end of them. */
static inline char *decimal_put(char *at, uint64_t value)
{
    if (value < 100) {
        /* The pair is always copied: the second digit may be overwritten by what follows. */
        memcpy(at, &decimal_pairs[value * 2], 2);
        *at = value < 10 ? (char)('0' + value) : *at;
        return at + 1 + (value >= 10);
    }
    if (value < 1000) {
        *at = (char)('0' + value / 100);
        memcpy(at + 1, &decimal_pairs[value % 100 * 2], 2);
        return at + 3;
    }
    char *end = at + decimal_digits(value), *to = end;
    while (value >= 100) {
        to -= 2;
        memcpy(to, &decimal_pairs[value % 100 * 2], 2);
        value /= 100;
    }
    if (value >= 10) {
        memcpy(at, &decimal_pairs[value * 2], 2);
    } else {
        *at = (char)('0' + value);
    }
    return end;
}
