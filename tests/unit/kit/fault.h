/* fault.h - failures of system calls, injected at link time: the product has no hooks for them.
 * A test program that depends on test_fault_dep gets its recv, send (direct ones too), sendmsg, accept4, connect,
 * socket and splice through here. Settings are the calling thread's; all-zero injects nothing. */
#pragma once

#include "base/platform.h"

struct fault {
    size_t bytes_max; /* each call moves at most so many bytes; 0: no limit */
    unsigned every;   /* each n-th call answers EAGAIN before it does anything; 0: none does */
    int error;        /* this errno, instead of the call ... */
    unsigned after;   /* ... once so many calls went through, */
    unsigned times;   /* so often; 0: from then on */
    unsigned calls;   /* counted from the last fault_set */
};

/* Sets the faults of this thread; (struct fault){0} takes them off. */
void fault_set(struct fault fault);
/* Calls made since fault_set. */
unsigned fault_calls(void);
