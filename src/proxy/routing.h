/* routing.h - what the conductor asks of the compiled routes while an exchange runs: which route,
 * which path the origin gets, where a redirect leads. The routes know nothing of exchanges; this
 * is where the two meet. */
#pragma once

#include "proxy/plan.h"
#include "route/router.h"

/* A request as routes see it. */
struct route_input routing_input(const struct head *request);
/* The route of a request; match->value is what the rules were compiled with (the struct plan of a
 * snapshot). *input is what was matched in the end: a CORS preflight that no route takes is matched
 * again as the method it asks about. Errors of router_match. */
MUST_USE enum err routing_find(const struct router *router, struct route_scratch *scratch,
                               const struct head *request, struct route_input *input,
                               struct route_match *match);
/* Copies what rewriting will need out of the scratch, when the plan rewrites. ERR_MEMORY. */
MUST_USE enum err routing_keep_match(struct exchange *ex, const struct route_match *match);
/* The path that origins are sent, *path unchanged without a rewrite. Errors of rewrite_path. */
MUST_USE enum err routing_rewrite(struct exchange *ex, struct str *path);
/* The value of Location of a redirecting plan. Errors of redirect_location. */
MUST_USE enum err routing_redirect(struct exchange *ex, struct str *location);
/* Adds Allow to the reply that was started. */
void routing_add_allow(struct exchange *ex, const struct route_input *input);
/* What tells one cohort of users from another; false: this request does not say. */
bool routing_cohort_key(struct exchange *ex, const struct plan_service *to, struct str *key);
