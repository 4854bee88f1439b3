/* sfv_rules.h - the grammar that reading (sfv.c) and writing (sfv_write.c) structured fields
 * share, so that what one accepts the other can say. */
#pragma once

#include "http/chars.h"
#include "http/sfv.h"

#define SFV_INTEGER_MAX INT64_C(999999999999999)     /* RFC 9651 3.3.1: 15 digits */
#define SFV_THOUSANDTHS_MAX INT64_C(999999999999999) /* 3.3.2: 12 digits and 3 */

static inline bool sfv_is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static inline bool sfv_is_alpha(char c)
{
    return sfv_is_lower(char_lower(c));
}

/* RFC 9651 3.1.2: key = ( lcalpha / "*" ) *( lcalpha / DIGIT / "_" / "-" / "." / "*" ). */
static inline bool sfv_starts_key(char c)
{
    return sfv_is_lower(c) || c == '*';
}

static inline bool sfv_is_key_char(char c)
{
    return sfv_starts_key(c) || char_is_digit(c) || c == '_' || c == '-' || c == '.';
}

/* 3.3.4: sf-token = ( ALPHA / "*" ) *( tchar / ":" / "/" ). */
static inline bool sfv_starts_token(char c)
{
    return sfv_is_alpha(c) || c == '*';
}

static inline bool sfv_is_token_char(char c)
{
    return char_is(c, CHAR_TOKEN) || c == ':' || c == '/';
}

/* 3.3.3: printable ASCII, space included. */
static inline bool sfv_is_string_char(char c)
{
    return c >= 0x20 && c < 0x7f;
}

/* Whether `s` is UTF-8 as RFC 3629 has it: shortest forms, no surrogates. */
bool sfv_is_utf8(struct str s);
