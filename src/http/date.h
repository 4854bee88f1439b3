/* date.h - the one date form that HTTP lets a sender write (IMF-fixdate, RFC 9110 5.6.7). Says
 * nothing of clocks: the time is an argument. */
#pragma once

#include "base/strbuf.h"

enum { DATE_TEXT_BYTES = 29 };

/* Appends "Sun, 06 Nov 1994 08:49:37 GMT" for seconds since 1970; years 1 to 9999. */
void date_add(struct strbuf *out, int64_t unix_s);
