/* limits.c - the table of bounds as an array, for those who walk over all of them.
 * Who needs the default of one bound takes LIMIT_VALUE(name), a constant, from limits.h. */
#include "base/limits.h"

const struct limit_row limit_rows[LIMIT_COUNT] = {
#define LIMIT(name_, value_, unit_, error_, text_)                                                 \
    [LIMIT_##name_] = {#name_, text_, value_, LIMIT_UNIT_##unit_, error_},
#include "base/limits.def"
#undef LIMIT
};
