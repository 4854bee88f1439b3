/* conf_retry.h - `retry`: which failures are tried again, and within what bounds.
 * It may stand in `defaults`, on a service and on a route; the nearest one says all of it. */
#pragma once

#include "config/values.h"

/* What may have become of an attempt, in the order of the words of `on`. */
enum conf_retry_on {
    CONF_RETRY_CONNECT_FAILURE, /* no connection: the instance has not seen the request */
    CONF_RETRY_STALE,           /* an idle connection had just been closed by the instance */
    CONF_RETRY_RESET,           /* the connection ended before the response head */
    CONF_RETRY_TIMEOUT,         /* no response head in time */
    CONF_RETRY_BAD_RESPONSE,    /* what came is not HTTP */
    CONF_RETRY_404,
    CONF_RETRY_408,
    CONF_RETRY_425,
    CONF_RETRY_429,
    CONF_RETRY_500,
    CONF_RETRY_502,
    CONF_RETRY_503,
    CONF_RETRY_504,
    CONF_RETRY_ON_COUNT
};

/* Methods that may be named under `methods`; ends with NULL. */
extern const char *const conf_method_names[];

struct conf_retry_budget {
    int64_t percent; /* of the requests of the last ten seconds; below 0: no budget */
};

struct conf_backoff {
    int64_t base_ms, max_ms;
};

struct conf_retry {
    struct source_pos pos;
    struct { /* of enum conf_retry_on; none: the first four */
        uint8_t *at;
        uint32_t count;
    } on;
    int64_t tries; /* beyond the first; 0: off */
    struct conf_retry_budget budget;
    int64_t budget_floor; /* retries in each second that are free of it */
    int64_t per_try_ms;   /* 0: half of what is left of the whole time, if that has a limit */
    struct conf_backoff backoff;
    int64_t retry_after_ms; /* the longest Retry-After that is waited for */
    int64_t body_bytes;
    struct { /* places in conf_method_names; none: those that are idempotent */
        uint8_t *at;
        uint32_t count;
    } methods;
    bool takes_idempotency_key;
};
