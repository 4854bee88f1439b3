/* strbuf.h - text is built with a bounded builder over memory that the caller gives.
 * It remembers that it overflowed, so a chain of appends is checked once at its end; an append
 * that does not fit writes nothing. No length pass ever runs before a copy pass. */
#pragma once

#include "base/check.h"
#include "base/str.h"

struct strbuf {
    char *at;
    size_t len, cap;
    bool has_overflowed;
};

static inline struct strbuf strbuf_over(char *at, size_t cap)
{
    return (struct strbuf){at, 0, cap, false};
}

static inline struct str strbuf_str(const struct strbuf *out)
{
    return (struct str){out->at, out->len};
}

static inline bool strbuf_overflowed(const struct strbuf *out)
{
    return out->has_overflowed;
}

static inline void strbuf_add(struct strbuf *out, struct str s)
{
    if (UNLIKELY(s.len > out->cap - out->len)) {
        out->has_overflowed = true;
        return;
    }
    if (s.len > 0) {
        memcpy(out->at + out->len, s.at, s.len);
        out->len += s.len;
    }
}

static inline void strbuf_add_char(struct strbuf *out, char c)
{
    strbuf_add(out, (struct str){&c, 1});
}

/* A C string; decimal digits of a number. */
void strbuf_add_c(struct strbuf *out, const char *text);
void strbuf_add_u64(struct strbuf *out, uint64_t value);
void strbuf_add_i64(struct strbuf *out, int64_t value);
/* Lower case hexadecimal without leading zeros. */
void strbuf_add_hex(struct strbuf *out, uint64_t value);
/* Two lower case digits for each byte. */
void strbuf_add_hex_bytes(struct strbuf *out, const void *bytes, size_t count);
/* For cold paths only. */
void strbuf_add_fmt(struct strbuf *out, const char *format, ...) PRINTF_LIKE(2, 3);
/* The inside of a JSON string (RFC 8259 7): quotes, backslash and controls escaped, bytes that are
 * not UTF-8 become U+FFFD. At most `bytes_max` input bytes are taken, cut at a character. */
void strbuf_add_json(struct strbuf *out, struct str s, size_t bytes_max);
