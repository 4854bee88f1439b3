/* pair.h - two connected non-blocking sockets for tests: `near` is what the code under test gets,
 * `far` is the peer that the test plays. Over TCP on loopback, so that resets, half closes and
 * lingering are the real ones. Shortened reads and writes: fault.h. */
#pragma once

#include "base/addr.h"

struct pair {
    int near, far;
};

/* ERR_SYSTEM: loopback gave no connection. */
MUST_USE enum err pair_open(struct pair *pair);
/* Closes what is open of both ends. */
void pair_close(struct pair *pair);
/* The far end sends all of `bytes`, waiting at most a second for room; false: it could not. */
bool pair_say(struct pair *pair, struct str bytes);
/* What the far end has received within `wait_ms` (it comes back at the first bytes); empty: none,
 * or the end. Valid until the next call. */
struct str pair_hear(struct pair *pair, int wait_ms);
/* The far end closes with a reset. */
void pair_reset(struct pair *pair);
/* Waits until `fd` is ready for `events` of poll(2), at most `wait_ms`. */
bool pair_wait(int fd, short events, int wait_ms);
