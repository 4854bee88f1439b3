/* date.h - seconds since 1970 as dates in UTC, without the locks and time zones of the C library.
 * The proleptic Gregorian calendar; instants outside the years 1 to 9999 become the nearest inside,
 * so every text has its fixed length. */
#pragma once

#include "base/strbuf.h"

enum { DATE_ISO_BYTES = 19, DATE_HTTP_BYTES = 29 };

struct date {
    int16_t year;
    uint8_t month, day; /* from 1 */
    uint8_t weekday;    /* 0: Sunday */
    uint8_t hour, minute, second;
};

/* The date of an instant, in seconds since 1970-01-01 UTC. */
struct date date_of(int64_t unix_s);
/* "2026-01-02T03:04:05" (RFC 3339 5.6, without fraction and zone). */
void date_add_iso(struct strbuf *out, int64_t unix_s);
/* "Fri, 02 Jan 2026 03:04:05 GMT" (RFC 9110 5.6.7, IMF-fixdate). */
void date_add_http(struct strbuf *out, int64_t unix_s);
