#include "stats/metrics.h"
#include "test.h"

/* [a-zA-Z_:][a-zA-Z0-9_:]* of the exposition format, without the colons that are for rules. */
static bool is_metric_name(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        bool is_letter = (*at >= 'a' && *at <= 'z') || *at == '_';
        if (!is_letter && (at == name || !char_is_digit(*at))) {
            return false;
        }
    }
    return name[0] != '\0';
}

TEST(every_metric_is_named_as_the_convention_wants)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = &metric_rows[i];
        struct str name = str_from_c(row->name);
        WANT(is_metric_name(row->name));
        WANT(str_starts(name, STR("sluice_")) || str_starts(name, STR("process_")));
        WANT(str_ends(name, STR("_total")) == (row->kind == METRIC_IS_COUNTER));
        struct str stem = row->kind == METRIC_IS_COUNTER ? str_sub(name, 0, name.len - 6) : name;
        WANT(str_ends(stem, STR("_seconds")) == (row->unit == METRIC_UNIT_US));
        WANT(str_ends(stem, STR("_bytes")) == (row->unit == METRIC_UNIT_BYTES));
        WANT(!str_ends(stem, STR("_count")) && !str_ends(stem, STR("_sum")) &&
             !str_ends(stem, STR("_bucket")));
        WANT(row->sentence[0] >= 'A' && row->sentence[0] <= 'Z');
        WANT(!str_ends(str_from_c(row->sentence), STR(".")));
    }
}

TEST(no_two_metrics_share_a_name)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        for (int k = 0; k < i; k++) {
            WANT(strcmp(metric_rows[i].name, metric_rows[k].name) != 0);
        }
    }
}

TEST(fixed_cells_do_not_overlap)
{
    uint32_t next = 0;
    for (int i = 0; i < METRIC_COUNT; i++) {
        WANT_INT(metric_rows[i].cell, next);
        next += metric_rows[i].cells;
    }
    WANT_INT(next, CELL_COUNT);
}

TEST(labels_are_few_and_have_names)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        struct str rest = str_from_c(metric_rows[i].labels), name;
        uint32_t count = 0;
        while (str_next_element(&rest, &name)) {
            WANT(name.len > 0 && name.len <= 16 && str_find(name, ' ') == name.len);
            count++;
        }
        WANT_INT(metric_label_count((enum metric)i), count);
        WANT(count <= METRIC_LABELS_MAX);
    }
}

TEST(a_status_falls_into_its_class)
{
    static const struct {
        uint16_t status;
        const char *code;
    } rows[] = {{0, "none"},  {99, "none"}, {100, "1xx"}, {200, "2xx"},  {299, "2xx"},
                {304, "3xx"}, {499, "4xx"}, {599, "5xx"}, {600, "none"}, {65535, "none"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        WANT_STR(metric_axis_value(METRIC_AXIS_CODE, stats_code(rows[i].status)),
                 str_from_c(rows[i].code));
    }
    WANT_STR(metric_axis_value(METRIC_AXIS_REASON, ERR_ORIGIN_TIMEOUT), STR("origin_timeout"));
    WANT_STR(metric_axis_value(METRIC_AXIS_NONE, 0), STR(""));
    WANT_STR(metric_axis_name(METRIC_AXIS_NONE), STR(""));
    WANT_STR(metric_axis_name(METRIC_AXIS_CODE), STR("code"));
    WANT_STR(metric_axis_name(METRIC_AXIS_REASON), STR("reason"));
}
