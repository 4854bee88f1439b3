#include "base/limits.h"
#include "base/str.h"
#include "test.h"

static bool has_word(const char *name, struct str word)
{
    struct str text = str_from_c(name);
    return str_find_str(text, word) < text.len;
}

TEST(every_bound_says_what_it_bounds)
{
    for (enum limit i = 0; i < LIMIT_COUNT; i++) {
        const struct limit_row *row = &limit_rows[i];
        WANT(row->name != NULL && row->name[0] != '\0');
        WANT(row->text != NULL && strlen(row->text) > 8);
        WANT(row->error > OK && row->error < ERR_COUNT);
        WANT(row->value >= 0);
    }
}

TEST(units_stand_in_the_names)
{
    for (enum limit i = 0; i < LIMIT_COUNT; i++) {
        const struct limit_row *row = &limit_rows[i];
        if (row->unit == LIMIT_UNIT_MS && !has_word(row->name, STR("_ms"))) {
            printf("# %s is in milliseconds\n", row->name);
            WANT(false);
        }
        if (row->unit == LIMIT_UNIT_BYTES && !has_word(row->name, STR("bytes"))) {
            printf("# %s is in bytes\n", row->name);
            WANT(false);
        }
    }
}

TEST(a_row_and_its_constant_are_one_number)
{
    WANT_INT(limit_rows[LIMIT_head_bytes].value, LIMIT_VALUE(head_bytes));
    WANT_INT(limit_rows[LIMIT_field_count].value, LIMIT_VALUE(field_count));
    WANT_INT(limit_rows[LIMIT_pattern_steps].value, LIMIT_VALUE(pattern_steps));
    WANT_STR(str_from_c(limit_rows[LIMIT_head_bytes].name), STR("head_bytes"));
}

TEST(bounds_that_belong_together_agree)
{
    /* An idle connection to an origin goes before the usual 60 s of its own server end it. */
    WANT(LIMIT_VALUE(pool_idle_ms) < 60000);
    WANT(LIMIT_VALUE(name_ttl_ms_min) < LIMIT_VALUE(name_ttl_ms_max));
    WANT(LIMIT_VALUE(name_retry_ms_min) < LIMIT_VALUE(name_retry_ms_max));
    WANT(LIMIT_VALUE(target_bytes) < LIMIT_VALUE(head_bytes));
    WANT(LIMIT_VALUE(pool_idle) <= LIMIT_VALUE(endpoint_connections));
    /* Both heads of one exchange and what policies add must fit its memory. */
    const struct limit_row *arena = &limit_rows[LIMIT_arena_bytes];
    WANT(LIMIT_VALUE(head_bytes) + LIMIT_VALUE(origin_head_bytes) <= arena->value);
}
