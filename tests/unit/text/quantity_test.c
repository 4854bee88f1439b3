/* quantity_test.c - durations, sizes and rates: good, bad, and back again. */
#include "test.h"
#include "text/quantity.h"

static const struct {
    const char *text;
    int64_t ms; /* -1: refused */
} durations[] = {
    {"250ms", 250},
    {"10s", 10000},
    {"1m30s", 90000},
    {"1h", 3600000},
    {"0s", 0},
    {"1h2m3s4ms", 3723004},
    {"99999h", 99999LL * 3600000},
    {"", -1},
    {"5", -1},
    {"5 s", -1},
    {"s", -1},
    {"1.5s", -1},
    {"-1s", -1},
    {"1s1m", -1},
    {"1s1s", -1},
    {"100000s", -1},
    {"1d", -1},
    {"1S", -1},
    {"1msx", -1},
    {"1s ", -1},
    {" 1s", -1},
    {"1h30", -1},
    {"+1s", -1},
};

TEST(a_duration_is_what_gep_2257_says)
{
    for (size_t i = 0; i < COUNT_OF(durations); i++) {
        int64_t ms = -1;
        enum err e = quantity_duration(str_from_c(durations[i].text), &ms);
        WANT((e == OK) == (durations[i].ms >= 0));
        WANT_INT(e == OK ? ms : -1, durations[i].ms);
    }
}

TEST(a_written_duration_reads_back)
{
    static const int64_t values[] = {0,     1,     999,     1000,    1001,
                                     59999, 60000, 3599999, 3600000, 86400001};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        char text[32];
        int64_t ms = -1;
        struct strbuf out = strbuf_over(text, sizeof text);
        quantity_add_duration(&out, values[i]);
        WANT(quantity_duration(strbuf_str(&out), &ms) == OK);
        WANT_INT(ms, values[i]);
    }
}

static const struct {
    const char *text;
    int64_t bytes; /* -1: refused */
} sizes[] = {
    {"0", 0},
    {"512", 512},
    {"512B", 512},
    {"64KiB", 65536},
    {"10MiB", 10485760},
    {"2GiB", 2147483648LL},
    {"1TiB", 1LL << 40},
    {"", -1},
    {"KiB", -1},
    {"1KB", -1},
    {"1kib", -1},
    {"1 KiB", -1},
    {"1.5MiB", -1},
    {"-1", -1},
    {"1KiBx", -1},
    {"0x10", -1},
    {"99999999TiB", -1},
    {"18446744073709551616", -1},
};

TEST(a_size_is_digits_and_a_binary_unit)
{
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        int64_t bytes = -1;
        enum err e = quantity_size(str_from_c(sizes[i].text), &bytes);
        WANT((e == OK) == (sizes[i].bytes >= 0));
        WANT_INT(e == OK ? bytes : -1, sizes[i].bytes);
    }
}

TEST(a_written_size_reads_back_and_is_short)
{
    char text[32];
    struct strbuf out = strbuf_over(text, sizeof text);
    quantity_add_size(&out, 10 << 20);
    WANT_STR(strbuf_str(&out), STR("10MiB"));
    for (int64_t value = 0; value < 5000; value += 7) {
        int64_t bytes = -1;
        out = strbuf_over(text, sizeof text);
        quantity_add_size(&out, value);
        WANT(quantity_size(strbuf_str(&out), &bytes) == OK);
        WANT_INT(bytes, value);
    }
}

TEST(a_rate_leaves_what_follows)
{
    int64_t count, per_ms;
    struct str rest;
    WANT(quantity_rate(STR("100/min per consumer"), &count, &per_ms, &rest) == OK);
    WANT_INT(count, 100);
    WANT_INT(per_ms, 60000);
    WANT_STR(rest, STR("per consumer"));
    WANT(quantity_rate(STR("5/day"), &count, &per_ms, &rest) == OK);
    WANT_INT(per_ms, 86400000);
    WANT_INT(rest.len, 0);
}

TEST(a_rate_without_number_or_unit_is_refused)
{
    static const char *const bad[] = {"", "5", "/s", "5/", "5/sec", "5/sx", "x/s", "5 /s", "5/s,"};
    int64_t count, per_ms;
    struct str rest;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        WANT(quantity_rate(str_from_c(bad[i]), &count, &per_ms, &rest) == ERR_SYNTAX);
    }
    WANT(quantity_rate(STR("0/s"), &count, &per_ms, &rest) == ERR_RANGE);
    WANT(quantity_rate(STR("4294967297/s"), &count, &per_ms, &rest) == ERR_RANGE);
    WANT(quantity_rate(STR("4294967296/s"), &count, &per_ms, &rest) == OK);
}

TEST(any_cut_of_a_quantity_is_read_or_refused)
{
    const struct str text = STR("1h30m15s");
    for (size_t i = 0; i <= text.len; i++) {
        int64_t ms;
        struct str head = str_sub(text, 0, i);
        bool ends_in_unit = i > 0 && !char_is_digit(text.at[i - 1]);
        WANT((quantity_duration(head, &ms) == OK) == ends_in_unit);
    }
}
