/* check.c - the last words of a process that found its own mistake. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *claim, const char *file, int line)
{
    (void)fprintf(stderr, "sluice: CHECK failed: %s (%s:%d)\n", claim, file, line);
    (void)fflush(stderr);
    abort();
}
