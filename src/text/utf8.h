/* utf8.h - one character of UTF-8 (RFC 3629 4), for those who must refuse what is not text, and
 * for those who show an operator what somebody else wrote.
 * Text that is only passed on is never looked at. */
#pragma once

#include "base/str.h"

/* The bytes of the character that `s` begins with, and its code point; 0 when it begins with none:
 * a broken, overlong or surrogate sequence, or nothing at all. */
size_t utf8_character(struct str s, uint32_t *code);
