/* check.h - assertions that stay on in release (CHECK) and those for debug builds (DCHECK).
 * A CHECK is for what only our own code can get wrong: the process dies with a report, the
 * supervisor starts another. Peers and operators never reach one: they get errors. */
#pragma once

#include "base/platform.h"

/* Prints the claim with its place and aborts. */
NO_RETURN void check_failed(const char *claim, const char *file, int line);

#define CHECK(claim)                                                                               \
    do {                                                                                           \
        if (UNLIKELY(!(claim))) {                                                                  \
            check_failed(#claim, __FILE__, __LINE__);                                              \
        }                                                                                          \
    } while (0)

#ifdef SLUICE_DEBUG
#define DCHECK(claim) CHECK(claim)
#else
#define DCHECK(claim) ((void)sizeof(!(claim)))
#endif
