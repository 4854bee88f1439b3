/* balance_key.h - what a service that hashes keys goes by, out of a request: header, cookie, query,
 * path or address, as the service says, for the methods ring, maglev and ip_hash. */
#pragma once

#include "proxy/plan.h"

/* Fills ask->hash from the exchange when the method of its service wants one. The same in every
 * process. The parts of the key that the request has are put together; when it has none, and where
 * nothing is configured, it is the address of the client. */
void balance_key_fill(struct exchange *ex, const struct plan_service *to, struct balance_ask *ask);
