/* retry_rules.h - whether an attempt that failed may be followed by another one, and when.
 * A pure function of what failed, what the route allows, what may have been acted upon, what can be
 * sent again, and how much time there is. The budget is asked last, by retry.c, which carries the
 * decision out. */
#pragma once

#include "base/str.h"
#include "config/conf_retry.h"
#include "upstream/budget.h"

/* What a route says, compiled; all zero: nothing is tried again. */
struct retry_rules {
    uint32_t on;      /* bit n: enum conf_retry_on n */
    uint32_t methods; /* bit n: enum method n, may be sent again */
    uint8_t tries_max;
    bool takes_idempotency_key;
    bool limits_tries; /* an attempt has a limit of its own: per_try, or half of the whole time */
    int64_t per_try_ms; /* 0: half of what is left */
    int64_t base_ms, max_ms, retry_after_ms_max;
    uint32_t body_bytes_max;
    struct budget_rules budget;
};

/* What became of an attempt, and what is known of its exchange. */
struct retry_case {
    enum conf_retry_on what;
    bool is_unprocessed; /* proved: nothing was sent, or the kernel knows of no acknowledgement */
    bool is_late;        /* the client has been sent something of an answer */
    bool can_send_again; /* the whole request, from memory */
    bool has_idempotency_key;
    bool was_repeated; /* on a fresh connection, before */
    uint8_t method;    /* enum method */
    uint8_t retry_count;
    int64_t retry_after_ms; /* what the instance said; below 0: nothing */
    int64_t now_ms, deadline_ms;
};

/* Why there is no other attempt: RETRY(name, "word in the log"). */
#define RETRY_REFUSALS                                                                             \
    RETRY(OFF, "")                                                                                 \
    RETRY(LATE, "late")                                                                            \
    RETRY(METHOD, "method")                                                                        \
    RETRY(BODY, "body")                                                                            \
    RETRY(TRIES, "tries")                                                                          \
    RETRY(WAIT, "retry_after")                                                                     \
    RETRY(TIME, "time")                                                                            \
    RETRY(BUDGET, "budget")

enum retry_verdict {
    RETRY_ALLOWED, /* after a pause */
    RETRY_REPEAT,  /* at once, at the same instance, on a fresh connection; it is not counted */
#define RETRY(name, word) RETRY_NO_##name,
    RETRY_REFUSALS
#undef RETRY
};

/* Decides. `random` is any 32 bits; *pause_ms is how long to wait, with ALLOWED. */
enum retry_verdict retry_decide(const struct retry_rules *rules, const struct retry_case *c,
                                uint32_t random, int64_t *pause_ms);
/* The word for the log of why there was no other attempt; empty when nothing was asked for. */
struct str retry_refusal(uint8_t verdict);

/* A random pause up to base * 2^count, but no more than the longest (full jitter). */
int64_t retry_pause_ms(const struct retry_rules *rules, uint32_t count, uint32_t random);
/* Whether an instance may see the same request twice. */
bool retry_may_send_twice(const struct retry_rules *rules, uint8_t method,
                          bool has_idempotency_key);
/* What a status is, as a condition; CONF_RETRY_ON_COUNT: none. */
enum conf_retry_on retry_on_status(uint32_t status);
/* From the configuration; `total_ms` is the route's whole time, 0: none. */
void retry_compile(struct retry_rules *rules, const struct conf_retry *conf, int64_t total_ms);
