/* scan_avx2.c - 32 bytes at a time; see scan.h. A byte is classed by two table look-ups, one for each
 * of its halves: it is a tchar when the row of its low half has the bit of its high half (the method
 * of Langdale and Lemire, "Parsing gigabytes of JSON per second", 2019). */
#include "http/h1/scan.h"

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

enum { WIDTH = 32 };

AVX2 static inline __m256i load(const char *at)
{
    return _mm256_loadu_si256((const __m256i_u *)(const void *)at);
}

/* A set bit for each byte that is no tchar (RFC 9110 5.6.2). */
AVX2 static inline uint32_t not_token(__m256i block)
{
    const __m256i low_rows =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0x3a, 0x3f, 0x3e, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
                                                  0x3e, 0x3e, 0x3d, 0x15, 0x34, 0x15, 0x3d, 0x1c));
    const __m256i high_bits = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, 1, 2, 4, 8, 16, 32, 0, 0, 0, 0, 0, 0, 0, 0));
    const __m256i half = _mm256_set1_epi8(0x0f);
    __m256i low = _mm256_shuffle_epi8(low_rows, _mm256_and_si256(block, half));
    __m256i high =
        _mm256_shuffle_epi8(high_bits, _mm256_and_si256(_mm256_srli_epi16(block, 4), half));
    __m256i none = _mm256_cmpeq_epi8(_mm256_and_si256(low, high), _mm256_setzero_si256());
    return (uint32_t)_mm256_movemask_epi8(none);
}

/* A set bit for each control other than tab. */
AVX2 static inline uint32_t not_text(__m256i block)
{
    const __m256i last_control = _mm256_set1_epi8(0x1f);
    __m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(block, last_control), block);
    __m256i tab = _mm256_cmpeq_epi8(block, _mm256_set1_epi8('\t'));
    __m256i del = _mm256_cmpeq_epi8(block, _mm256_set1_epi8(0x7f));
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(_mm256_andnot_si256(tab, control), del));
}

/* A set bit for each byte that is not visible ASCII, or '#'. Bytes from 0x80 count as negative. */
AVX2 static inline uint32_t not_target(__m256i block)
{
    __m256i visible = _mm256_cmpgt_epi8(block, _mm256_set1_epi8(0x20));
    __m256i del = _mm256_cmpeq_epi8(block, _mm256_set1_epi8(0x7f));
    __m256i hash = _mm256_cmpeq_epi8(block, _mm256_set1_epi8('#'));
    __m256i good = _mm256_andnot_si256(_mm256_or_si256(del, hash), visible);
    return ~(uint32_t)_mm256_movemask_epi8(good);
}

AVX2 static const char *field(const char *begin, const char *at, const char *end,
                              const char **name_end)
{
    if (end - begin < WIDTH || at == end) {
        return scan_scalar.field(begin, at, end, name_end);
    }
    const char *last = end - WIDTH;
    const char *window = at < last ? at : last;
    __m256i block = load(window);
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

AVX2 static const char *target(const char *begin, const char *at, const char *end)
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

const struct scan scan_avx2 = {"avx2", field, target};
