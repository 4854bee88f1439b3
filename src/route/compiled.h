/* compiled.h - the router as its own sources see it, and what one thread needs to ask it.
 * For this room only: the others know struct router by its functions. */
#pragma once

#include "route/tree.h"

struct router {
    const struct route_entry *entries; /* by rank */
    struct route_shape *shapes;
    uint32_t entry_count, shape_count;
    struct route_tree tree;
};

struct route_scratch {
    struct checks_scratch checks;
    struct route_param params[ROUTE_PARAMS_MAX]; /* of the best entry so far */
    struct str values[ROUTE_PARAMS_MAX];         /* of parameters on the way to the node */
    uint32_t pattern_nodes[PATTERN_SEGMENTS_MAX + 1];
};
