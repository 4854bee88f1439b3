/* lanes.h - moving the bytes of a tunnel. Small messages are read into the core's scratch memory
 * and written at once: two system calls. A read that comes full is the sign of bulk, which goes
 * through a pipe from then on (splice), until the sender pauses. What the receiver does not take
 * stays in the pipe or in its stream's queue, and the sender is not read meanwhile. */
#pragma once

#include "l4/tunnel.h"

/* Notes what one of the two streams is ready for, and goes on. */
void lanes_on_ready(struct tunnel *tunnel, struct stream *stream, unsigned ready);
/* Moves what can be moved in this turn, in both directions; ends the tunnel when nothing can follow
 * any more. */
void lanes_run(struct tunnel *tunnel);
/* Whether bytes are held that one side has sent and the other has not got. */
bool lanes_hold(const struct tunnel *tunnel);
/* Gives the pipes back. */
void lanes_drop(struct tunnel *tunnel);
