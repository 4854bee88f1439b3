/* strbuf.c - the bounded builder; see strbuf.h. */
#include "base/strbuf.h"

#include "base/decimal.h"

#include <stdarg.h>
#include <stdio.h>

void strbuf_add_c(struct strbuf *out, const char *text)
{
    strbuf_add(out, str_from_c(text));
}

void strbuf_add_u64(struct strbuf *out, uint64_t value)
{
    char digits[DECIMAL_BYTES_MAX];
    strbuf_add(out, str_of(digits, (size_t)(decimal_put(digits, value) - digits)));
}

void strbuf_add_i64(struct strbuf *out, int64_t value)
{
    if (value < 0) {
        strbuf_add_char(out, '-');
        strbuf_add_u64(out, (uint64_t)0 - (uint64_t)value);
        return;
    }
    strbuf_add_u64(out, (uint64_t)value);
}

static const char hex_digits[] = "0123456789abcdef";

void strbuf_add_hex(struct strbuf *out, uint64_t value)
{
    char digits[16];
    size_t at = sizeof digits;
    do {
        digits[--at] = hex_digits[value & 15];
        value >>= 4;
    } while (value > 0);
    strbuf_add(out, str_of(digits + at, sizeof digits - at));
}

void strbuf_add_hex_bytes(struct strbuf *out, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++) {
        const char pair[2] = {hex_digits[at[i] >> 4], hex_digits[at[i] & 15]};
        strbuf_add(out, str_of(pair, 2));
    }
}

void strbuf_add_fmt(struct strbuf *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = out->cap - out->len;
    int wanted = vsnprintf(room == 0 ? NULL : out->at + out->len, room, format, args);
    va_end(args);
    /* vsnprintf needs room for its NUL, which is not kept. */
    if (wanted < 0 || (size_t)wanted >= room) {
        out->has_overflowed = true;
        return;
    }
    out->len += (size_t)wanted;
}

/* The length of the UTF-8 sequence at `s`, or 0 if it is not one (RFC 3629 4). */
static size_t utf8_bytes(struct str s)
{
    const unsigned char *at = (const unsigned char *)s.at;
    if (at[0] < 0x80) {
        return 1;
    }
    size_t len = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || s.len < len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool is_outside = (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf4 && at[1] > 0x8f);
    return is_overlong || is_outside ? 0 : len;
}

static bool json_is_plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void json_add_escaped(struct strbuf *out, char c)
{
    switch (c) {
    case '"': strbuf_add(out, STR("\\\"")); return;
    case '\\': strbuf_add(out, STR("\\\\")); return;
    case '\n': strbuf_add(out, STR("\\n")); return;
    case '\r': strbuf_add(out, STR("\\r")); return;
    case '\t': strbuf_add(out, STR("\\t")); return;
    default: break;
    }
    const unsigned char byte = (unsigned char)c;
    strbuf_add(out, STR("\\u00"));
    strbuf_add_hex_bytes(out, &byte, 1);
}

void strbuf_add_json(struct strbuf *out, struct str s, size_t bytes_max)
{
    size_t taken = 0;
    while (s.len > 0 && taken < bytes_max) {
        size_t plain = 0;
        while (plain < s.len && taken + plain < bytes_max && json_is_plain(s.at[plain])) {
            plain++;
        }
        size_t step = plain;
        if (plain > 0) {
            strbuf_add(out, str_sub(s, 0, plain));
        } else if ((unsigned char)s.at[0] < 0x80) {
            step = 1;
            json_add_escaped(out, s.at[0]);
        } else if ((step = utf8_bytes(s)) == 0) {
            step = 1;
            strbuf_add(out, STR("\\ufffd"));
        } else if (taken + step > bytes_max) {
            return;
        } else {
            strbuf_add(out, str_sub(s, 0, step));
        }
        s = str_skip(s, step);
        taken += step;
    }
}
