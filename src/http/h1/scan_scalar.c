/* scan_scalar.c - the path for every processor: names through the table of chars.h (they are
 * short), values and targets eight bytes at a time in a plain register. */
#include "http/h1/scan.h"

#include "http/h1/scan_bytewise.h"
#include "http/intern.h"

#include <string.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t load8(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

/* Bit 7 of each byte below `limit` (at most 0x80). Exact for the lowest such byte; bytes above it
 * may be reported wrongly, because the subtraction borrows. */
static inline uint64_t bytes_below(uint64_t word, uint8_t limit)
{
    return (word - EACH(limit)) & ~word & EACH(0x80U);
}

/* The last 1 to 7 bytes of the buffer, from `at`, in a word that is filled up with letters: the
 * last whole word is loaded and shifted, so that nothing behind the end is read. */
static inline uint64_t load_last(const char *at, const char *end)
{
    unsigned missing_bits = 8 * (unsigned)(8 - (end - at));
    return load8(end - 8) >> missing_bits | EACH((uint8_t)'a') << (64 - missing_bits);
}

static inline uint64_t text_stops(uint64_t word)
{
    return bytes_below(word, 0x20) | bytes_below(word ^ EACH(0x7fU), 1);
}

static inline uint64_t target_stops(uint64_t word)
{
    return bytes_below(word, 0x21) | bytes_below(word ^ EACH(0x7fU), 1) |
           bytes_below(word ^ EACH((uint8_t)'#'), 1) | (word & EACH(0x80U));
}

static inline const char *scan_text(const char *begin, const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t stops = text_stops(load8(at));
        if (stops == 0) {
            at += 8;
            continue;
        }
        at += __builtin_ctzll(stops) / 8;
        if (*at != '\t') {
            return at;
        }
        at++;
    }
    if (at == end || end - begin < 8 || text_stops(load_last(at, end)) != 0) {
        return chars_span(at, end, CHAR_TEXT);
    }
    return end;
}

/* Nothing to keep in registers here. */
struct classes {
    char unused;
};

static inline struct classes classes(void)
{
    return (struct classes){0};
}

static inline const char *scan_line(const struct classes *classes, const char *begin,
                                    const char *at, const char *end, const char **name_end)
{
    (void)classes;
    *name_end = chars_span(at, end, CHAR_TOKEN);
    return scan_text(begin, *name_end, end);
}

#define SCAN_TARGET
#include "http/h1/scan_fields.inc"

static const char *target(const char *begin, const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t stops = target_stops(load8(at));
        if (stops != 0) {
            return at + __builtin_ctzll(stops) / 8;
        }
        at += 8;
    }
    if (at == end || end - begin < 8 || target_stops(load_last(at, end)) != 0) {
        return chars_span(at, end, CHAR_TARGET);
    }
    return end;
}

const struct scan scan_scalar = {"scalar", scan_fields, target};
