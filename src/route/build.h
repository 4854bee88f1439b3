/* build.h - what the sources of this room share while a router is compiled: the arena, whom to tell
 * about problems, and whether one of them was an error. Errors do not stop the compilation, so that
 * an operator sees all of them at once. */
#pragma once

#include "route/router.h"
#include "text/pattern.h"

struct route_build {
    struct arena *arena;
    const struct router_conf *conf;
    const struct route_rule *rule; /* being compiled */
    uint32_t match_index;
    bool has_errors;
};

struct route_fault {
    enum route_report_kind kind;
    struct str what;
    size_t offset;
    const char *text;
};

/* Reports an error of the match being compiled. */
void build_fault(struct route_build *build, const struct route_fault *fault);
/* Compiles `text`, which stands in that match, or reports why not. ERR_MEMORY. */
MUST_USE enum err build_pattern(struct route_build *build, struct str text, struct pattern **out);
