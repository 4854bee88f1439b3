/* conf_sticky.h - what the file says of clients that stay with their instance. Read in
 * table_sticky.c; what it does is in proxy/affinity.h. */
#pragma once

#include "text/source.h"

struct conf_sticky {
    struct str cookie; /* its name; empty: nobody stays */
    int64_t ttl_ms;
    struct str secret, previous; /* previous: empty is none */
    int64_t epoch;
    struct source_pos pos;
};
