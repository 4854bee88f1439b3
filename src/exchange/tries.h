/* tries.h - what became of each attempt of an exchange, for the access log.
 * An exchange whose only attempt was answered has none: the record begins with the first failure,
 * so the usual request pays for one branch. Everybody who decides about attempts (retries, hedges,
 * fallbacks) tells it here and nowhere else. */
#pragma once

#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

struct exchange;

/* One attempt that has ended, or the answer that was taken. */
struct tried {
    struct str instance; /* its name */
    int64_t us;          /* from the start of the attempt to its end or its response head */
    enum err reason;     /* OK: its answer went to the client */
    uint16_t status;     /* of its response head; 0: there was none */
    bool is_reused;      /* it went out on an idle connection */
    bool is_hedge;       /* it was begun beside another one */
};

struct tries {
    struct tried at[LIMIT_VALUE(tries_recorded)]; /* in the order in which they ended */
    uint32_t count;
    uint32_t left_out; /* for want of room */
};

/* Adds one to the record of the exchange, ex->tries, which it makes when there is none. The name is
 * copied: instances may go before the exchange does. Without memory nothing is recorded. */
void tries_add(struct exchange *ex, const struct tried *tried);
