/* source.h - where a value stands in the text that an operator wrote, so that every message about
 * it can name the place and show the line. A source outlives every position in it. */
#pragma once

#include "base/str.h"

struct source {
    struct str name; /* as the operator named the file; "<memory>" and the like for text */
    struct str text; /* the whole file */
    uint32_t rank;   /* order in which it was read, for sorting */
};

/* All zero: the value was not written in any file (a default). */
struct source_pos {
    const struct source *source;
    uint32_t line, column; /* from 1; column counts characters */
    uint32_t width;        /* characters to underline, at least 1 for a written value */
};

static inline bool source_pos_is_set(const struct source_pos *pos)
{
    return pos->source != NULL;
}

/* The text of the line that `pos` is on, without its line end. */
struct str source_line(const struct source_pos *pos);
