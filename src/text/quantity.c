/* quantity.c - how long, how much, how often; see quantity.h. */
#include "text/quantity.h"

struct unit {
    struct str name;
    int64_t worth;
};

/* Each table from large to small. */
static const struct unit duration_units[] = {
    {{"h", 1}, 3600000}, {{"m", 1}, 60000}, {{"s", 1}, 1000}, {{"ms", 2}, 1}};
static const struct unit size_units[] = {{{"TiB", 3}, (int64_t)1 << 40},
                                         {{"GiB", 3}, (int64_t)1 << 30},
                                         {{"MiB", 3}, (int64_t)1 << 20},
                                         {{"KiB", 3}, (int64_t)1 << 10}};
static const struct unit rate_units[] = {
    {{"day", 3}, 86400000}, {{"h", 1}, 3600000}, {{"min", 3}, 60000}, {{"s", 1}, 1000}};

enum { DURATION_DIGITS_MAX = 5 };

/* Takes the digits at the start of *s. */
static struct str take_digits(struct str *s)
{
    size_t count = 0;
    while (count < s->len && char_is_digit(s->at[count])) {
        count++;
    }
    struct str digits = str_sub(*s, 0, count);
    *s = str_skip(*s, count);
    return digits;
}

static struct str take_letters(struct str *s)
{
    size_t count = 0;
    while (count < s->len && char_lower(s->at[count]) >= 'a' && char_lower(s->at[count]) <= 'z') {
        count++;
    }
    struct str letters = str_sub(*s, 0, count);
    *s = str_skip(*s, count);
    return letters;
}

enum err quantity_duration(struct str s, int64_t *out_ms)
{
    int64_t total = 0;
    size_t next = 0; /* units may only get smaller */
    if (s.len == 0) {
        return ERR_SYNTAX;
    }
    while (s.len > 0) {
        struct str digits = take_digits(&s), name = take_letters(&s);
        uint64_t value;
        if (digits.len > DURATION_DIGITS_MAX || !str_to_u64(digits, &value)) {
            return ERR_SYNTAX;
        }
        while (next < COUNT_OF(duration_units) && !str_eq(duration_units[next].name, name)) {
            next++;
        }
        if (next == COUNT_OF(duration_units)) {
            return ERR_SYNTAX;
        }
        total += (int64_t)value * duration_units[next++].worth;
    }
    *out_ms = total;
    return OK;
}

void quantity_add_duration(struct strbuf *out, int64_t ms)
{
    if (ms <= 0) {
        strbuf_add(out, STR("0s"));
        return;
    }
    for (size_t i = 0; i < COUNT_OF(duration_units); i++) {
        int64_t value = ms / duration_units[i].worth;
        if (value > 0) {
            strbuf_add_i64(out, value);
            strbuf_add(out, duration_units[i].name);
            ms -= value * duration_units[i].worth;
        }
    }
}

enum err quantity_size(struct str s, int64_t *out_bytes)
{
    struct str digits = take_digits(&s);
    uint64_t value;
    int64_t worth = 1;
    if (digits.len == 0) {
        return ERR_SYNTAX;
    }
    if (s.len > 0 && !str_eq(s, STR("B"))) {
        size_t i = 0;
        while (i < COUNT_OF(size_units) && !str_eq(size_units[i].name, s)) {
            i++;
        }
        if (i == COUNT_OF(size_units)) {
            return ERR_SYNTAX;
        }
        worth = size_units[i].worth;
    }
    if (!str_to_u64(digits, &value) || value > (uint64_t)(((int64_t)1 << 62) / worth)) {
        return ERR_RANGE;
    }
    *out_bytes = (int64_t)value * worth;
    return OK;
}

void quantity_add_size(struct strbuf *out, int64_t bytes)
{
    for (size_t i = 0; bytes > 0 && i < COUNT_OF(size_units); i++) {
        if (bytes % size_units[i].worth == 0) {
            strbuf_add_i64(out, bytes / size_units[i].worth);
            strbuf_add(out, size_units[i].name);
            return;
        }
    }
    strbuf_add_i64(out, bytes);
}

enum err quantity_rate(struct str s, int64_t *out_count, int64_t *out_per_ms, struct str *rest)
{
    struct str digits = take_digits(&s);
    uint64_t value;
    if (digits.len == 0 || s.len == 0 || s.at[0] != '/') {
        return ERR_SYNTAX;
    }
    s = str_skip(s, 1);
    struct str name = take_letters(&s);
    size_t i = 0;
    while (i < COUNT_OF(rate_units) && !str_eq(rate_units[i].name, name)) {
        i++;
    }
    if (i == COUNT_OF(rate_units) || (s.len > 0 && s.at[0] != ' ')) {
        return ERR_SYNTAX;
    }
    if (!str_to_u64(digits, &value) || value == 0 || value > (uint64_t)1 << 32) {
        return ERR_RANGE;
    }
    *out_count = (int64_t)value;
    *out_per_ms = rate_units[i].worth;
    *rest = str_trim(s);
    return OK;
}

void quantity_add_rate(struct strbuf *out, int64_t count, int64_t per_ms)
{
    strbuf_add_i64(out, count);
    strbuf_add_char(out, '/');
    for (size_t i = 0; i < COUNT_OF(rate_units); i++) {
        if (rate_units[i].worth == per_ms) {
            strbuf_add(out, rate_units[i].name);
        }
    }
}
