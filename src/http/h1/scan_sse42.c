/* scan_sse42.c - 16 bytes at a time; see scan.h. A byte is classed by two table look-ups, one for each
 * of its halves: it is a tchar when the row of its low half has the bit of its high half (the method
 * of Langdale and Lemire, "Parsing gigabytes of JSON per second", 2019). */
#include "http/h1/scan.h"

#include <immintrin.h>

#define SSE42 __attribute__((target("sse4.2")))

enum { WIDTH = 16 };

SSE42 static inline __m128i load(const char *at)
{
    return _mm_loadu_si128((const __m128i_u *)(const void *)at);
}

/* A set bit for each byte that is no tchar (RFC 9110 5.6.2). */
SSE42 static inline uint32_t not_token(__m128i block)
{
    const __m128i low_rows = _mm_setr_epi8(0x3a, 0x3f, 0x3e, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3e,
                                           0x3e, 0x3d, 0x15, 0x34, 0x15, 0x3d, 0x1c);
    const __m128i high_bits = _mm_setr_epi8(0, 0, 1, 2, 4, 8, 16, 32, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i half = _mm_set1_epi8(0x0f);
    __m128i low = _mm_shuffle_epi8(low_rows, _mm_and_si128(block, half));
    __m128i high = _mm_shuffle_epi8(high_bits, _mm_and_si128(_mm_srli_epi16(block, 4), half));
    __m128i none = _mm_cmpeq_epi8(_mm_and_si128(low, high), _mm_setzero_si128());
    return (uint32_t)_mm_movemask_epi8(none);
}

/* A set bit for each control other than tab. */
SSE42 static inline uint32_t not_text(__m128i block)
{
    const __m128i last_control = _mm_set1_epi8(0x1f);
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block);
    __m128i tab = _mm_cmpeq_epi8(block, _mm_set1_epi8('\t'));
    __m128i del = _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, control), del));
}

/* A set bit for each byte that is not visible ASCII, or '#'. Bytes from 0x80 count as negative. */
SSE42 static inline uint32_t not_target(__m128i block)
{
    __m128i visible = _mm_cmpgt_epi8(block, _mm_set1_epi8(0x20));
    __m128i del = _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f));
    __m128i hash = _mm_cmpeq_epi8(block, _mm_set1_epi8('#'));
    __m128i good = _mm_andnot_si128(_mm_or_si128(del, hash), visible);
    return ~(uint32_t)_mm_movemask_epi8(good) & 0xffffU;
}

SSE42 static const char *field(const char *begin, const char *at, const char *end,
                               const char **name_end)
{
    if (end - begin < WIDTH || at == end) {
        return scan_scalar.field(begin, at, end, name_end);
    }
    const char *last = end - WIDTH;
    const char *window = at < last ? at : last;
    __m128i block = load(window);
    uint32_t stops = not_token(block) >> (at - window);
    while (stops == 0) {
        at = window + WIDTH;
        if (at == end) {
            *name_end = end;
            return end;
        }
        window = at < last ? at : last;
        block = load(window);
        stops = not_token(block) >> (at - window);
    }
    at += __builtin_ctz(stops);
    *name_end = at;
    stops = not_text(block) >> (at - window);
    while (stops == 0) {
        at = window + WIDTH;
        if (at == end) {
            return end;
        }
        window = at < last ? at : last;
        stops = not_text(load(window)) >> (at - window);
    }
    return at + __builtin_ctz(stops);
}

SSE42 static const char *target(const char *begin, const char *at, const char *end)
{
    if (end - begin < WIDTH) {
        return scan_scalar.target(begin, at, end);
    }
    const char *last = end - WIDTH;
    while (at < end) {
        const char *window = at < last ? at : last;
        uint32_t stops = not_target(load(window)) >> (at - window);
        if (stops != 0) {
            return at + __builtin_ctz(stops);
        }
        at = window + WIDTH;
    }
    return end;
}

const struct scan scan_sse42 = {"sse4.2", field, target};
