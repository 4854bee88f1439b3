/* str.h - text is a slice: pointer and length, by value, never modified through.
 * Nothing here expects a closing NUL. Comparison without case is ASCII only (RFC 9110 5.1). */
#pragma once

#include "base/platform.h"

#include <string.h>

struct str {
    const char *at;
    size_t len;
};

struct str_pair {
    struct str head, tail;
    bool is_cut; /* the separator was there */
};

/* A literal as a slice, without a call. */
#define STR(literal) ((struct str){("" literal), sizeof(literal) - 1})
/* For printf: "%.*s", STR_FMT(s). Lengths over INT_MAX are cut. */
#define STR_FMT(s)                                                                                 \
    ((s).len > 0x7fffffff ? 0x7fffffff : (int)(s).len), ((s).at == NULL ? "" : (s).at)

static inline struct str str_of(const char *at, size_t len)
{
    return (struct str){at, len};
}

/* A C string as a slice; NULL becomes the empty slice. */
static inline struct str str_from_c(const char *text)
{
    return (struct str){text, text == NULL ? 0 : strlen(text)};
}

static inline bool str_eq(struct str left, struct str right)
{
    return left.len == right.len && (left.len == 0 || memcmp(left.at, right.at, left.len) == 0);
}

static inline char char_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ASCII letters of either case are the same (RFC 9110 5.1). */
bool str_eq_nocase(struct str left, struct str right);
/* Orders by bytes, a prefix first: negative, 0 or positive. */
int str_compare(struct str left, struct str right);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* The offset of `c`, or s.len when it is not there. */
size_t str_find(struct str s, char c);
size_t str_find_str(struct str s, struct str needle);
/* Without spaces and tabs at both ends (OWS of RFC 9110 5.6.3). */
struct str str_trim(struct str s);
/* s[from..from+len), clipped to s. */
struct str str_sub(struct str s, size_t from, size_t len);
/* s without its first n bytes, clipped. */
struct str str_skip(struct str s, size_t n);
/* Splits at the first `c`; without it head is all of s, tail empty, is_cut false. */
struct str_pair str_cut(struct str s, char c);
struct str_pair str_cut_last(struct str s, char c);
/* Takes the next element of a comma separated list from *rest, trimmed, skipping empty ones;
 * false at the end. Does not understand quoted strings (RFC 9110 5.6.1). */
bool str_next_element(struct str *rest, struct str *element);
/* Digits only, no sign, no overflow. False: not such a number. */
bool str_to_u64(struct str s, uint64_t *out);
/* 1 to 16 hexadecimal digits, nothing else. */
bool str_hex_to_u64(struct str s, uint64_t *out);
/* The value of a hexadecimal digit, or -1. */
int char_hex(char c);
