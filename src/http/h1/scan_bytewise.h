/* scan_bytewise.h - the scan through the table of chars.h: for names on the scalar path, and on
 * every path for what is too short for a register. */
#pragma once

#include "http/chars.h"
#include "http/h1/scan.h"

/* See struct scan_line. */
static inline struct scan_line scan_line_bytewise(const char *at, const char *end)
{
    const char *name_end = chars_span(at, end, CHAR_TOKEN);
    return (struct scan_line){name_end, chars_span(name_end, end, CHAR_TEXT)};
}
