/* shadow.h - rules that no request can reach, because earlier ones take everything first.
 * Found once at compile time, so that an operator hears of them before a request does. */
#pragma once

#include "route/compiled.h"

/* Marks shadowed entries and reports them, then rules of which nothing is left. What several
 * entries take only together is seen for methods ([GET] and [POST] before [GET, POST]), not for
 * other conditions; and of a list of entries on one place only the first SHADOW_COMPARISONS_MAX are
 * compared, so time grows with the number of rules and not with its square. ERR_MEMORY. */
MUST_USE enum err shadow_report(const struct router *router, struct route_entry *entries,
                                const struct router_conf *conf);

enum { SHADOW_COMPARISONS_MAX = 64 };
