/* scan_sse42.c - 16 bytes at a time; see scan.h. A byte is classed by two table look-ups, one for
 * each of its halves: it is a tchar when the row of its low half has the bit of its high half (the
 * method of Langdale and Lemire, "Parsing gigabytes of JSON per second", 2019). */
#include "http/h1/scan.h"

#include "http/h1/scan_bytewise.h"
#include "http/intern.h"

#include <immintrin.h>

#define SSE42 __attribute__((target("sse4.2")))

enum { WIDTH = 16 };

SSE42 static inline __m128i load(const char *at)
{
    return _mm_loadu_si128((const __m128i_u *)(const void *)at);
}

/* Hides that `block` is a constant: some compilers would build it again for each use instead of
 * keeping it in a register through the loop. */
SSE42 static inline __m128i keep(__m128i block)
{
    __asm__("" : "+x"(block));
    return block;
}

struct classes {
    __m128i low_rows, high_bits, low_half, one, beyond_space;
};

SSE42 static inline struct classes classes(void)
{
    const __m128i low_rows = _mm_setr_epi8(0x3a, 0x3f, 0x3e, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3e,
                                           0x3e, 0x3d, 0x15, 0x34, 0x15, 0x3d, 0x1c);
    const __m128i high_bits = _mm_setr_epi8(0, 0, 1, 2, 4, 8, 16, 32, 0, 0, 0, 0, 0, 0, 0, 0);
    return (struct classes){.low_rows = keep(low_rows),
                            .high_bits = keep(high_bits),
                            .low_half = keep(_mm_set1_epi8(0x0f)),
                            .one = keep(_mm_set1_epi8(1)),
                            .beyond_space = keep(_mm_set1_epi8(0x21))};
}

/* A set bit for each byte that is no tchar (RFC 9110 5.6.2). */
SSE42 static inline uint32_t not_token(const struct classes *classes, __m128i block)
{
    __m128i high = _mm_and_si128(_mm_srli_epi16(block, 4), classes->low_half);
    __m128i low = _mm_and_si128(block, classes->low_half);
    __m128i both = _mm_and_si128(_mm_shuffle_epi8(classes->low_rows, low),
                                 _mm_shuffle_epi8(classes->high_bits, high));
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(both, _mm_setzero_si128()));
}

/* A set bit for each control and each byte from 0x80, which count as negative; DEL becomes so by
 * adding one. Tab and obs-text, which are good in a value, are rare and looked at singly. */
SSE42 static inline uint32_t maybe_not_text(const struct classes *classes, __m128i block)
{
    __m128i next = _mm_add_epi8(block, classes->one);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpgt_epi8(classes->beyond_space, next));
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

/* The last lines of the buffer, and names longer than a register. Windows that would reach beyond
 * the end are moved to the left. */
SSE42 static struct scan_line scan_line_near_end(const char *begin, const char *at, const char *end)
{
    if (end - begin < WIDTH) {
        return scan_line_bytewise(at, end);
    }
    const struct classes all = classes();
    const char *last = end - WIDTH, *name_end = NULL;
    while (at < end) {
        const char *window = at < last ? at : last;
        __m128i block = load(window);
        if (name_end == NULL) {
            uint32_t stops = not_token(&all, block) >> (at - window);
            at = stops == 0 ? window + WIDTH : at + __builtin_ctz(stops);
            name_end = stops == 0 ? NULL : at;
            continue;
        }
        uint32_t stops = maybe_not_text(&all, block) >> (at - window);
        at = stops == 0 ? window + WIDTH : at + __builtin_ctz(stops);
        if (stops != 0 && !char_is(*at, CHAR_TEXT)) {
            return (struct scan_line){name_end, at};
        }
        at += stops != 0;
    }
    return (struct scan_line){name_end == NULL ? end : name_end, end};
}

/* Where the value ends that begins in `block`, which stands at `at`; NULL when it comes too near to
 * the end of the buffer to tell. */
SSE42 static inline const char *text_end(const struct classes *classes, __m128i block,
                                         const char *at, const char *end)
{
    uint32_t stops = maybe_not_text(classes, block);
    for (;;) {
        while (stops == 0) {
            at += WIDTH;
            if (UNLIKELY(end - at < WIDTH)) {
                return NULL;
            }
            stops = maybe_not_text(classes, load(at));
        }
        const char *stop = at + (unsigned)__builtin_ctz(stops);
        if (LIKELY(*stop == '\r' || !char_is(*stop, CHAR_TEXT))) {
            return stop;
        }
        stops &= stops - 1;
    }
}

SSE42 static inline const char *scan_line(const struct classes *classes, const char *begin,
                                          const char *at, const char *end, const char **name_end)
{
    if (LIKELY(end - at >= WIDTH)) {
        __m128i block = load(at);
        uint32_t stops = not_token(classes, block);
        if (LIKELY(stops != 0)) {
            /* No byte of the name stops text_end: none is a control. */
            const char *stop = text_end(classes, block, at, end);
            *name_end = at + (unsigned)__builtin_ctz(stops);
            if (LIKELY(stop != NULL)) {
                return stop;
            }
        }
    }
    struct scan_line line = scan_line_near_end(begin, at, end);
    *name_end = line.name_end;
    return line.end;
}

#define SCAN_TARGET SSE42
#include "http/h1/scan_fields.inc"

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

const struct scan scan_sse42 = {"sse4.2", scan_fields, target};
