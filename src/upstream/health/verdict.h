/* verdict.h - the one place where the verdict of a check becomes a fact about an instance
 * (upstream/instance.h). */
#pragma once

#include "upstream/health/checker.h"

struct health_told {
    enum health_state state;
    bool is_draining, was_draining; /* the instance asks for no new work, or did */
    struct str why;
};

/* Tells the instance what its check says. */
void health_tell(struct origin *origin, const struct health_told *told);
/* Not checked yet, and not to be used until it is: for an instance that has served nothing. */
void health_tell_unproved(struct origin *origin);
