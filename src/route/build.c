/* build.c - reporting while a router is compiled; see build.h. */
#include "route/build.h"

void build_fault(struct route_build *build, const struct route_fault *fault)
{
    build->has_errors = true;
    if (build->conf->report == NULL) {
        return;
    }
    const struct route_report report = {
        .kind = fault->kind,
        .rule = build->rule,
        .match_index = build->match_index,
        .offset = fault->offset,
        .what = fault->what,
        .text = fault->text,
    };
    build->conf->report(build->conf->report_context, &report);
}

enum err build_pattern(struct route_build *build, struct str text, struct pattern **out)
{
    struct pattern *pattern = ARENA_NEW(build->arena, struct pattern);
    if (pattern == NULL) {
        return ERR_MEMORY;
    }
    const struct pattern_options whole = {0};
    struct pattern_error error;
    if (pattern_init(pattern, text, &whole, &error) != OK) {
        build_fault(
            build, &(struct route_fault){ROUTE_REPORT_BAD_PATTERN, text, error.offset, error.text});
        return OK;
    }
    *out = pattern;
    return OK;
}
