/* date.c - see date.h. Written out because strftime speaks the language of the locale and gmtime
 * has a static result. Days become a date as in Hinnant, "chrono-compatible low-level date
 * algorithms": counted from 1 March, so that the leap day is the last of its year. */
#include "http/date.h"

enum { DAY_S = 86400, DAYS_TO_1970 = 719468, ERA_DAYS = 146097 };

struct civil {
    int year, month, day; /* month 1 to 12 */
};

/* `days` since 1 March of year 0; not negative. */
static struct civil civil_of(int64_t days)
{
    int64_t era = days / ERA_DAYS, of_era = days % ERA_DAYS;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * of_year + 2) / 153;
    int64_t day = of_year - (153 * from_march + 2) / 5 + 1;
    int64_t month = from_march < 10 ? from_march + 3 : from_march - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    return (struct civil){(int)year, (int)month, (int)day};
}

static void put_digits(char *at, int count, int64_t value)
{
    for (int i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void date_add(struct strbuf *out, int64_t unix_s)
{
    static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1 January 1970 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const int64_t first_s = -62135596800, last_s = 253402300799; /* years 1 and 9999 */
    CHECK(unix_s >= first_s);
    CHECK(unix_s <= last_s);
    int64_t days = unix_s / DAY_S, second = unix_s % DAY_S;
    if (second < 0) {
        second += DAY_S;
        days--;
    }
    struct civil date = civil_of(days + DAYS_TO_1970);
    int64_t weekday = (days % 7 + 7) % 7;
    char text[] = "www, dd mmm yyyy hh:mm:ss GMT";
    static_assert(sizeof text - 1 == DATE_TEXT_BYTES, "RFC 9110 5.6.7: a fixed length");
    memcpy(text, weekdays + weekday * 3, 3);
    put_digits(text + 5, 2, date.day);
    memcpy(text + 8, months + (date.month - 1) * 3, 3);
    put_digits(text + 12, 4, date.year);
    put_digits(text + 17, 2, second / 3600);
    put_digits(text + 20, 2, second / 60 % 60);
    put_digits(text + 23, 2, second % 60);
    strbuf_add(out, str_of(text, DATE_TEXT_BYTES));
}
