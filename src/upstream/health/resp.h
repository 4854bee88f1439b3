/* resp.h - replies of the Redis protocol (RESP2), as far as checks look at them: the first few
 * simple values of a reply, however they are nested. */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum { RESP_VALUES_MAX = 8, RESP_ITEMS_MAX = 4096 };

struct resp {
    struct str values[RESP_VALUES_MAX]; /* strings and numbers in order; empty: null */
    uint32_t count;                     /* of them; more were skipped */
    bool is_error;                      /* values[0] says which */
    size_t bytes;                       /* of the reply */
};

/* Reads one reply. ERR_AGAIN: it is not all there. ERR_SYNTAX: it is none, or has more than
 * RESP_ITEMS_MAX items. */
MUST_USE enum err resp_read(struct str in, struct resp *out);
