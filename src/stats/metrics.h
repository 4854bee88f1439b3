/* metrics.h - the table of metrics as types: which there are, and where their numbers stand.
 * A core's numbers are one array of cells. Every metric has fixed cells at its beginning
 * (CELL_<name>, known to the compiler); labelled series get cells behind them from the registry.
 * The fixed cells of a labelled metric are its series "other", used when the registry is full. */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "stats/histogram.h"

enum metric {
#define METRIC(name, kind, exported, unit, sentence, labels, axis) METRIC_##name,
#include "stats/metrics.def"
#undef METRIC
    METRIC_COUNT
};

enum metric_kind { METRIC_IS_COUNTER, METRIC_IS_GAUGE, METRIC_IS_HISTOGRAM };
enum metric_unit { METRIC_UNIT_COUNT, METRIC_UNIT_BYTES, METRIC_UNIT_US };

/* The label whose values are a fixed table, side by side from the series' first cell. */
enum metric_axis {
    METRIC_AXIS_NONE,
    METRIC_AXIS_CODE,  /* "code": the class of a status, see stats_code */
    METRIC_AXIS_REASON /* "reason": the code of an enum err */
};

/* Values of METRIC_AXIS_CODE: "none" for what ended without a status, then "1xx" to "5xx". */
enum { METRIC_CODES = 6, METRIC_LABELS_MAX = 4 };

/* How many cells a series takes: one, one for each value of its axis, or those of a histogram. */
enum metric_cells {
    METRIC_CELLS_NONE = 1,
    METRIC_CELLS_CODE = METRIC_CODES,
    METRIC_CELLS_REASON = ERR_COUNT
};
#define METRIC_CELLS(kind, axis) METRIC_CELLS_OF_##kind(axis)
#define METRIC_CELLS_OF_COUNTER(axis) METRIC_CELLS_##axis
#define METRIC_CELLS_OF_GAUGE(axis) METRIC_CELLS_##axis
#define METRIC_CELLS_OF_HISTOGRAM(axis) HISTOGRAM_CELLS

/* The first cell of each metric, unlabelled or "other". */
enum stats_cell {
#define METRIC(name, kind, exported, unit, sentence, labels, axis)                                 \
    CELL_##name, CELL_##name##_last_ = CELL_##name + (int)METRIC_CELLS(kind, axis) - 1,
#include "stats/metrics.def"
#undef METRIC
    CELL_COUNT
};

struct metric_row {
    const char *name;     /* as exported */
    const char *sentence; /* without a full stop */
    const char *labels;   /* comma separated, may be "" */
    uint8_t kind, unit, axis;
    uint16_t cells; /* of one series */
    uint32_t cell;  /* the first fixed one */
};

extern const struct metric_row metric_rows[METRIC_COUNT];

/* How many labels a metric has, its axis not counted. */
uint32_t metric_label_count(enum metric metric);
/* The name of an axis as a label, and of its values ("2xx", "origin_timeout"). */
struct str metric_axis_name(enum metric_axis axis);
struct str metric_axis_value(enum metric_axis axis, uint32_t index);

/* Where a status stands on METRIC_AXIS_CODE. */
static inline uint32_t stats_code(uint16_t status)
{
    uint32_t code = status / 100u;
    return code < METRIC_CODES ? code : 0;
}
