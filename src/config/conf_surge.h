/* conf_surge.h - what protects a service and its instances from more than they can do: the line of
 * those who wait. As it is read by the table of a service. */
#pragma once

#include "config/conf_eject.h"
#include "config/values.h"

struct conf_queue { /* of the service, over all cores */
    int64_t size, wait_ms;
    int64_t target_ms, interval_ms; /* target 0: a line may stand */
};

enum conf_urgency { CONF_URGENCY_HIGH, CONF_URGENCY_NORMAL, CONF_URGENCY_LOW };

struct conf_breaker { /* pos not set: there is none */
    struct source_pos pos;
    struct conf_failures errors, slow; /* percent in a span, over a time; 0: not looked at */
    int64_t min_requests, open_ms, probes;
};

struct conf_fallback { /* pos not set: there is none */
    struct source_pos pos;
    struct conf_text to; /* a service; empty: the answer below */
    int64_t status;
    struct str body;
    struct conf_pairs headers;
};

struct conf_concurrency { /* pos not set: nothing is learned */
    struct source_pos pos;
    int64_t min, max;
};
