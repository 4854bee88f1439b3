/* conf_eject.h - when an instance that fails or is slow is taken out: `eject` of a service, as it
 * is read by table_eject.c; what it does is in upstream/outlier.h. */
#pragma once

#include "base/platform.h"

/* "5 errors in 10s", "50% in 10s", "50% over 2s". */
struct conf_failures {
    int64_t count; /* or percent */
    int64_t span_ms;
};

/* Zero switches a sign off: errors.count, error_percent, latency_ms. */
struct conf_eject {
    bool is_enabled;
    struct conf_failures after; /* in a row; its span is how far back everything goes */
    int64_t for_ms, for_max_ms;
    int64_t error_percent, latency_ms;
    int64_t max_percent, min_healthy;
};
