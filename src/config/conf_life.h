/* conf_life.h - what the file says of the life of instances: warming up, panic, places.
 * Read in table_life.c; what it means is in upstream/instance.h, warmup.h and levels.h. */
#pragma once

#include "text/source.h"

enum { CONF_PRIORITY_MAX = 15, CONF_PLACE_BYTES_MAX = 64, CONF_AGGRESSION_ONE = 1000 };

/* How a fresh instance comes to its whole share; window 0: at once. */
struct conf_slow_start {
    int64_t window_ms;
    int64_t aggression; /* thousandths */
    int64_t min_percent;
};

/* Below this share of usable instances a level is used as if all were; 0: never. */
struct conf_panic {
    int64_t percent;
};
