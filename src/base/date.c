/* date.c - days to year, month and day; see date.h.
 * Years are counted from March, so the leap day is the last of its year and months have a regular
 * pattern of lengths (153 days in five). A cycle of 400 years has 146,097 days. */
#include "base/date.h"

#include "base/decimal.h"

enum {
    DAY_S = 86400,
    CYCLE_DAYS = 146097,
    DAYS_TO_1970 = 719468 /* from 0000-03-01 */
};

static const int64_t first_s = INT64_C(-62135596800); /* 0001-01-01 00:00:00 */
static const int64_t last_s = INT64_C(253402300799);  /* 9999-12-31 23:59:59 */

struct date date_of(int64_t unix_s)
{
    unix_s = unix_s < first_s ? first_s : unix_s > last_s ? last_s : unix_s;
    /* All positive from here on: division rounds towards zero. */
    int64_t seconds = unix_s + (int64_t)DAYS_TO_1970 * DAY_S;
    uint32_t days = (uint32_t)(seconds / DAY_S), rest = (uint32_t)(seconds % DAY_S);
    uint32_t cycle = days / CYCLE_DAYS, day = days % CYCLE_DAYS;
    /* A leap day every 4 years, but not every 100, but every 400. */
    uint32_t year = (day - day / 1460 + day / 36524 - day / (CYCLE_DAYS - 1)) / 365;
    uint32_t year_day = day - (365 * year + year / 4 - year / 100);
    uint32_t month = (5 * year_day + 2) / 153; /* 0: March */
    return (struct date){
        .year = (int16_t)(cycle * 400 + year + (month >= 10)),
        .month = (uint8_t)(month < 10 ? month + 3 : month - 9),
        .day = (uint8_t)(year_day - (153 * month + 2) / 5 + 1),
        .weekday = (uint8_t)((days + 3) % 7), /* 0000-03-01 was a Wednesday */
        .hour = (uint8_t)(rest / 3600),
        .minute = (uint8_t)(rest / 60 % 60),
        .second = (uint8_t)(rest % 60),
    };
}

static char *put_pair(char *at, uint32_t value)
{
    memcpy(at, &decimal_pairs[value * 2], 2);
    return at + 2;
}

static char *put_year(char *at, int16_t year)
{
    return put_pair(put_pair(at, (uint32_t)year / 100), (uint32_t)year % 100);
}

static char *put_clock(char *at, const struct date *date)
{
    at = put_pair(at, date->hour);
    *at++ = ':';
    at = put_pair(at, date->minute);
    *at++ = ':';
    return put_pair(at, date->second);
}

void date_add_iso(struct strbuf *out, int64_t unix_s)
{
    struct date date = date_of(unix_s);
    char text[DATE_ISO_BYTES], *at = put_year(text, date.year);
    *at++ = '-';
    at = put_pair(at, date.month);
    *at++ = '-';
    at = put_pair(at, date.day);
    *at++ = 'T';
    at = put_clock(at, &date);
    CHECK(at == text + sizeof text);
    strbuf_add(out, str_of(text, sizeof text));
}

void date_add_http(struct strbuf *out, int64_t unix_s)
{
    static const char weekdays[] = "Sun, Mon, Tue, Wed, Thu, Fri, Sat, ";
    static const char months[] = " Jan  Feb  Mar  Apr  May  Jun  Jul  Aug  Sep  Oct  Nov  Dec ";
    struct date date = date_of(unix_s);
    char text[DATE_HTTP_BYTES];
    memcpy(text, weekdays + date.weekday * 5, 5);
    (void)put_pair(text + 5, date.day);
    memcpy(text + 7, months + (date.month - 1) * 5, 5);
    (void)put_year(text + 12, date.year);
    text[16] = ' ';
    (void)put_clock(text + 17, &date);
    memcpy(text + 25, " GMT", 4);
    strbuf_add(out, str_of(text, sizeof text));
}
