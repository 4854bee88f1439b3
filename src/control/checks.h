/* checks.h - from what is published to what is checked: the services of a snapshot that have a
 * health check, with the instances that the roster has for them just now. */
#pragma once

#include "proxy/world.h"
#include "upstream/health/checker.h"

/* Tells the checker every instance that this configuration wants to be checked, before cores hear
 * of new ones: what may not be used before its first check is barred by then. */
void checks_tell(struct health *health, struct roster *roster, const struct snapshot *snapshot);
