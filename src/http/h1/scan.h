/* scan.h - the loops of the parser that touch every byte of a head, once for each instruction set:
 * where does this line stop, and is that what the grammar wants there? No path reads outside
 * [begin, end): where fewer bytes are left than a register holds, the last whole register of the
 * buffer is loaded and shifted. */
#pragma once

#include "http/h1/parser.h"

struct scan {
    const char *name; /* "avx2", "sse4.2", "scalar" */
    /* Takes whole field lines from parser->at on, up to the line that starts with CR or is not
     * whole yet. OK: every line so far was good. Else what is wrong with one, or ERR_AGAIN. */
    enum err (*fields)(struct h1_parser *parser, const char *begin, const char *end);
    /* The first byte that may not stand in a request target (not visible ASCII, or '#'). */
    const char *(*target)(const char *begin, const char *at, const char *end);
};

enum scan_path { SCAN_SCALAR, SCAN_SSE42, SCAN_AVX2, SCAN_PATH_COUNT };

/* The fastest path of this processor; costs a few instructions. */
const struct scan *scan_best(void);
/* One path by name, or NULL when this processor or build lacks it: for tests. */
const struct scan *scan_on(enum scan_path path);

extern const struct scan scan_scalar;
extern const struct scan scan_sse42;
extern const struct scan scan_avx2;

/* Where a line stopped. `name_end` is the first byte that is no tchar; `end` the first from there
 * on that may not stand in a field value (a control other than tab). Either may be the end of the
 * bytes there are. */
struct scan_line {
    const char *name_end, *end;
};

/* For the paths, in parser.c: why the line from `at` is not a field yet (ERR_AGAIN) or never. */
enum err h1_field_fault(const char *at, struct scan_line line, const char *end);
/* For the paths: makes room for one more field. ERR_FIELD_COUNT, ERR_MEMORY. */
MUST_USE enum err h1_field_room(struct h1_parser *parser);
