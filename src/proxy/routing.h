/* routing.h - what the conductor asks of the compiled routes while an exchange runs. */
#pragma once

#include "proxy/plan.h"
#include "route/router.h"

/* router_match on the snapshot with the core's scratch; match->value is the struct plan. */
MUST_USE enum err routing_match(const struct snapshot *snapshot, struct core *core,
                                const struct route_input *input, struct route_match *match);
/* Copies what rewriting will need out of the scratch, when the plan rewrites. ERR_MEMORY. */
MUST_USE enum err routing_keep_match(struct exchange *ex, const struct route_match *match);
/* The path that origins are sent, *path unchanged without a rewrite. Errors of rewrite_path. */
MUST_USE enum err routing_rewrite(struct exchange *ex, struct str *path);
/* The value of Location of a redirecting plan. Errors of redirect_location. */
MUST_USE enum err routing_redirect(struct exchange *ex, struct str *location);
/* Adds Allow to the reply that was started for ERR_METHOD_NOT_ALLOWED. */
void routing_add_allow(struct exchange *ex, const struct route_input *input);
