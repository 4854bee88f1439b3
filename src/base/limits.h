/* limits.h - every bound has a name; limits.def lists them with default, unit and error.
 * Nothing in this program grows without one of these in its way. A bound that an operator may move
 * is a configuration key of the same name, and its row here is the default of that key. */
#pragma once

#include "base/err.h"

enum limit {
#define LIMIT(name, value, unit, error, text) LIMIT_##name,
#include "base/limits.def"
#undef LIMIT
    LIMIT_COUNT
};

enum limit_unit { LIMIT_UNIT_COUNT, LIMIT_UNIT_BYTES, LIMIT_UNIT_MS };

struct limit_row {
    const char *name;
    const char *text;
    int64_t value; /* the default */
    enum limit_unit unit;
    enum err error;
};

extern const struct limit_row limit_rows[LIMIT_COUNT];

/* The default as a constant: LIMIT_VALUE(head_bytes). */
enum limit_value {
#define LIMIT(name, value, unit, error, text) LIMIT_VALUE_##name = (value),
#include "base/limits.def"
#undef LIMIT
};
#define LIMIT_VALUE(name) LIMIT_VALUE_##name
