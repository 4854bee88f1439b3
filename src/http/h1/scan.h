/* scan.h - where does this line stop? The only loops of the parser that touch every byte, once for
 * each instruction set. None reads outside [begin, end): where fewer bytes are left than a register
 * holds, the last whole register of the buffer is loaded and shifted. */
#pragma once

#include "base/platform.h"

struct scan {
    const char *name; /* "avx2", "sse4.2", "scalar" */
    /* Looks at "name: value CR LF" from `at`: *name_end is the first byte that is no tchar; returned
     * is the first byte from there on that may not stand in a field value (a control other than
     * tab). Either is `end` when there is none. */
    const char *(*field)(const char *begin, const char *at, const char *end, const char **name_end);
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
