/* metrics.c - the table of metrics as an array; see metrics.h. */
#include "stats/metrics.h"

#include "base/check.h"

const struct metric_row metric_rows[METRIC_COUNT] = {
#define METRIC(name_, kind_, exported_, unit_, sentence_, labels_, axis_)                          \
    [METRIC_##name_] = {.name = exported_,                                                         \
                        .sentence = sentence_,                                                     \
                        .labels = labels_,                                                         \
                        .kind = METRIC_IS_##kind_,                                                 \
                        .unit = METRIC_UNIT_##unit_,                                               \
                        .axis = METRIC_AXIS_##axis_,                                               \
                        .cells = METRIC_CELLS(kind_, axis_),                                       \
                        .cell = CELL_##name_},
#include "stats/metrics.def"
#undef METRIC
};

static const char *const code_names[METRIC_CODES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

uint32_t metric_label_count(enum metric metric)
{
    CHECK(metric < METRIC_COUNT);
    const char *labels = metric_rows[metric].labels;
    uint32_t count = labels[0] == '\0' ? 0 : 1;
    for (; *labels != '\0'; labels++) {
        count += *labels == ',';
    }
    return count;
}

struct str metric_axis_name(enum metric_axis axis)
{
    switch (axis) {
    case METRIC_AXIS_NONE: return STR("");
    case METRIC_AXIS_CODE: return STR("code");
    case METRIC_AXIS_REASON: return STR("reason");
    }
    CHECK(false);
    return STR("");
}

struct str metric_axis_value(enum metric_axis axis, uint32_t index)
{
    switch (axis) {
    case METRIC_AXIS_NONE: return STR("");
    case METRIC_AXIS_CODE: CHECK(index < METRIC_CODES); return str_from_c(code_names[index]);
    case METRIC_AXIS_REASON: return str_from_c(err_code((enum err)index));
    }
    CHECK(false);
    return STR("");
}
