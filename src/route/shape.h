/* shape.h - one match of one rule, compiled: which methods, what form of path, which conditions.
 * A match with several hosts is one shape and several entries (tree.h). */
#pragma once

#include "route/checks.h"

/* Literal segments that a pattern is filed under, at most. */
enum { PATTERN_SEGMENTS_MAX = 16 };

enum route_class { /* of a path, the later the stronger (router.h, step 3) */
                   ROUTE_CLASS_ANY,
                   ROUTE_CLASS_PREFIX,
                   ROUTE_CLASS_PATTERN,
                   ROUTE_CLASS_PARAMS,
                   ROUTE_CLASS_EXACT
};

struct route_segment {
    struct str text; /* literal in canonical form, or the parameter's name */
    bool is_param;
};

struct route_shape {
    const struct route_rule *rule;
    const struct route_cond *cond;
    uint32_t match_index;
    uint32_t methods;                /* bit enum method; METHOD_OTHER: see other_methods */
    const struct str *other_methods; /* NULL with METHOD_OTHER set: every one */
    uint32_t other_method_count;
    uint32_t segment_count, literal_count, param_count;
    struct route_segment *segments; /* of a pattern: its literal beginning, for the tree */
    uint64_t literal_bits;          /* bit 63 - i: segment i is literal */
    struct pattern *pattern;
    struct route_checks checks;
    uint8_t class; /* enum route_class */
};

/* Compiles match `build->match_index` of `build->rule`; problems go to `build`. ERR_MEMORY. */
MUST_USE enum err shape_init(struct route_shape *shape, struct route_build *build);
/* Releases patterns. */
void shape_drop(struct route_shape *shape);
/* Whether the method is one that the shape takes. */
bool shape_takes_method(const struct route_shape *shape, const struct route_input *input);
/* Does the host of a request fit? Without the tree, for explain and tests; so the next one. */
bool shape_host_fits(const struct route_host *wanted, struct str host);
/* OK, ERR_NOT_FOUND, or ERR_LIMIT of a pattern. */
MUST_USE enum err shape_takes_path(const struct route_shape *shape, struct str path,
                                   struct pattern_scratch *scratch);
/* Orders by steps 3 to 7 of router.h: negative when `left` comes first. */
int shape_compare(const struct route_shape *left, const struct route_shape *right);
