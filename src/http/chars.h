/* chars.h - one table that says what each byte may be part of, so that every grammar of this room
 * asks one load and one mask (RFC 9110 5.5 and 5.6.2, RFC 9112 3.2, RFC 3986 3.2.2 and 3.3). */
#pragma once

#include "base/platform.h"

enum char_class {
    CHAR_TOKEN = 1,       /* tchar */
    CHAR_TEXT = 2,        /* field value, reason phrase: visible, obs-text, space, tab */
    CHAR_TARGET = 4,      /* request target: visible ASCII but '#' */
    CHAR_PATH = 8,        /* stands in a path as it is: unreserved, sub-delims, ':', '@', not '/' */
    CHAR_HOST = 16,       /* a lower-case letter, digit, '-' or '_' of a host name */
    CHAR_UPPER = 32,      /* an ASCII capital */
    CHAR_UNRESERVED = 64, /* RFC 3986 2.3: its escape is decoded */
    CHAR_VISIBLE = 128    /* visible ASCII */
};

extern const uint8_t char_classes[256];

static inline bool char_is(char c, unsigned classes)
{
    return (char_classes[(unsigned char)c] & classes) != 0;
}

/* The first byte of [at, end) that is of none of `classes`, or end. */
static inline const char *chars_span(const char *at, const char *end, unsigned classes)
{
    while (end - at >= 4) {
        if (!char_is(at[0], classes)) {
            return at;
        }
        if (!char_is(at[1], classes)) {
            return at + 1;
        }
        if (!char_is(at[2], classes)) {
            return at + 2;
        }
        if (!char_is(at[3], classes)) {
            return at + 3;
        }
        at += 4;
    }
    while (at < end && char_is(*at, classes)) {
        at++;
    }
    return at;
}
