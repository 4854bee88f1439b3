/* signals.h - signals of the data process, read as events on the control thread's loop.
 * They are blocked in every thread, so none ever interrupts a core, and no handler ever runs. */
#pragma once

#include "loop/loop.h"

struct signals;
/* `signal_number` is one of those below. Several of one kind may arrive as one. */
typedef void signals_fn(struct signals *signals, int signal_number);

/* Embedded in its owner. */
struct signals {
    struct io io;
    signals_fn *on_signal;
};

/* Blocks SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2 and ignores SIGPIPE. Called once, before the
 * first thread is made: threads inherit the mask. */
void signals_block(void);
/* The reverse, for a child process between fork and exec. */
void signals_unblock(void);
/* Delivers the blocked signals on this loop. ERR_SYSTEM: no descriptor left. */
MUST_USE enum err signals_open(struct signals *signals, struct loop *loop, signals_fn *on_signal);
void signals_close(struct signals *signals, struct loop *loop);
