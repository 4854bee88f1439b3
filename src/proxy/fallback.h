/* fallback.h - what is done instead when a service cannot be asked: a fixed answer, or another
 * service. Both are plans of their own (world.c makes them), so nothing else has to know. */
#pragma once

#include "exchange/exchange.h"

/* Takes over an exchange that would fail with `why`, when that is the service's fault, its request
 * is still whole and there is a fallback. False: nothing has changed. */
bool fallback_take(struct exchange *ex, enum err why);
