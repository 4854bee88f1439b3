/* demo_drive.h - the example drives itself: requests over keep-alive connections, whose answers are
 * counted by demo_shots.h. */
#pragma once

#include "cli/demo_shots.h"

/* Sends the shots in turn for `seconds`, a thousand requests a second at most, over several
 * connections. Answers are counted in `shots`. ERR_*: the gateway could not be reached, or broke a
 * connection; what was counted stands. */
MUST_USE enum err demo_drive(struct shots *shots, const struct addr *gateway, int64_t seconds);
/* Whether somebody answers HTTP on `addr`. */
MUST_USE bool demo_is_answering(const struct addr *addr);
