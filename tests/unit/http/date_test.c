#define _GNU_SOURCE
#include "http/date.h"

#include "test.h"

#include <time.h>

static struct str date(int64_t unix_s)
{
    static char room[DATE_TEXT_BYTES];
    struct strbuf out = strbuf_over(room, sizeof room);
    date_add(&out, unix_s);
    WANT(!strbuf_overflowed(&out));
    return strbuf_str(&out);
}

TEST(dates_are_written_as_the_rfc_does)
{
    WANT_STR(date(784111777), STR("Sun, 06 Nov 1994 08:49:37 GMT"));
    WANT_STR(date(0), STR("Thu, 01 Jan 1970 00:00:00 GMT"));
    WANT_STR(date(-1), STR("Wed, 31 Dec 1969 23:59:59 GMT"));
    WANT_STR(date(951782400), STR("Tue, 29 Feb 2000 00:00:00 GMT"));
    WANT_STR(date(4107542400), STR("Mon, 01 Mar 2100 00:00:00 GMT"));
    WANT_STR(date(253402300799), STR("Fri, 31 Dec 9999 23:59:59 GMT"));
    WANT_STR(date(-62135596800), STR("Mon, 01 Jan 0001 00:00:00 GMT"));
}

TEST(every_few_days_of_a_thousand_years_agree_with_the_c_library)
{
    for (int64_t unix_s = -11644473600; unix_s < 20000000000; unix_s += 86400 * 5 + 3671) {
        char wanted[64];
        struct tm tm;
        time_t when = (time_t)unix_s;
        WANT(gmtime_r(&when, &tm) != NULL);
        strftime(wanted, sizeof wanted, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        WANT_STR(date(unix_s), str_from_c(wanted));
    }
}
