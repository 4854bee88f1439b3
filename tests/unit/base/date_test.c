#define _GNU_SOURCE
#include "base/date.h"
#include "base/rng.h"
#include "test.h"

#include <time.h>

/* Compares with the C library's calendar. */
static bool is_right(int64_t unix_s)
{
    struct tm parts;
    time_t when = (time_t)unix_s;
    char iso_wanted[64], http_wanted[64], iso_got[64], http_got[64];
    CHECK(gmtime_r(&when, &parts) != NULL);
    (void)snprintf(iso_wanted, sizeof iso_wanted, "%04d-%02d-%02dT%02d:%02d:%02d",
                   parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                   parts.tm_min, parts.tm_sec);
    CHECK(strftime(http_wanted, sizeof http_wanted, "%a, %d %b ", &parts) > 0);
    (void)snprintf(http_wanted + 12, sizeof http_wanted - 12, "%04d %02d:%02d:%02d GMT",
                   parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    struct strbuf iso = strbuf_over(iso_got, sizeof iso_got),
                  http = strbuf_over(http_got, sizeof http_got);
    date_add_iso(&iso, unix_s);
    date_add_http(&http, unix_s);
    bool is_same = str_eq(strbuf_str(&iso), str_from_c(iso_wanted)) &&
                   str_eq(strbuf_str(&http), str_from_c(http_wanted));
    if (!is_same) {
        printf("# %lld: %.*s, %.*s, wanted %s, %s\n", (long long)unix_s, STR_FMT(strbuf_str(&iso)),
               STR_FMT(strbuf_str(&http)), iso_wanted, http_wanted);
    }
    return is_same;
}

static bool has_right_parts(int64_t unix_s)
{
    struct tm parts;
    time_t when = (time_t)unix_s;
    CHECK(gmtime_r(&when, &parts) != NULL);
    struct date got = date_of(unix_s);
    return got.year == parts.tm_year + 1900 && got.month == parts.tm_mon + 1 &&
           got.day == parts.tm_mday && got.weekday == parts.tm_wday && got.hour == parts.tm_hour &&
           got.minute == parts.tm_min && got.second == parts.tm_sec;
}

TEST(every_day_of_ten_thousand_years_is_as_the_c_library_says)
{
    for (int64_t s = INT64_C(-62135596800); s <= INT64_C(253402300799); s += 86400) {
        if (!has_right_parts(s) || !has_right_parts(s + 86399)) {
            WANT_INT(s, -1);
            return;
        }
    }
}

TEST(random_instants_are_as_the_c_library_says)
{
    struct rng rng;
    rng_init(&rng, 1);
    for (int i = 0; i < 100000; i++) {
        if (!is_right((int64_t)rng_below(&rng, UINT32_MAX))) {
            WANT(false);
            return;
        }
    }
}

TEST(instants_outside_are_the_nearest_inside)
{
    char text[64];
    struct strbuf out = strbuf_over(text, sizeof text);
    date_add_http(&out, INT64_MAX);
    WANT_STR(strbuf_str(&out), STR("Fri, 31 Dec 9999 23:59:59 GMT"));
    out.len = 0;
    date_add_iso(&out, INT64_MIN);
    WANT_STR(strbuf_str(&out), STR("0001-01-01T00:00:00"));
    out.len = 0;
    date_add_http(&out, 784111777);
    WANT_STR(strbuf_str(&out), STR("Sun, 06 Nov 1994 08:49:37 GMT"));
}
