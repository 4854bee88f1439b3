/* max_forwards.h - OPTIONS and TRACE that may not pass more than so many hops (RFC 9110 7.6.2).
 * Who looks for the hop at which a chain of proxies fails sends them. The policies of the route
 * have had their say by then; what is not a number was refused by the judge. */
#pragma once

#include "exchange/exchange.h"

/* Of a request that has it, see max_forwards_take. */
MUST_USE enum err max_forwards_count(struct exchange *ex, bool *ends_here);

/* Before a request is forwarded. *ends_here: it was the last hop, and ex->response is the answer of
 * the final recipient: 204 with Allow for OPTIONS, 501 for TRACE, which would show the client what
 * was added for the instance. Else Max-Forwards, if there is one, is one less. ERR_MEMORY. */
MUST_USE static inline enum err max_forwards_take(struct exchange *ex, bool *ends_here)
{
    bool is_counted = ex->request.method == METHOD_OPTIONS || ex->request.method == METHOD_TRACE;
    *ends_here = false;
    return UNLIKELY(is_counted) ? max_forwards_count(ex, ends_here) : OK;
}
