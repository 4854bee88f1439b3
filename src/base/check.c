/* check.c - the last words of a process that found its own mistake.
 * Plain stdio and abort(3): nothing of ours can be trusted any more, the log included. The signal
 * leaves a core dump for us, and the supervisor sees the death and starts another process. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *claim, const char *file, int line)
{
    (void)fprintf(stderr, "sluice: CHECK failed: %s (%s:%d)\n", claim, file, line);
    (void)fflush(stderr);
    abort();
}
