/* verify.c - what only the compiled world can say of a configuration: patterns, rewrites and
 * policies that cannot be compiled, routes that can never match. See world_verify in world.h. */
#include "proxy/world.h"

#include "base/check.h"
#include "proxy/compile.h"
#include "route/router.h"

#define VERIFY_ARENA_BYTES_MAX ((size_t)4 << 30)

struct verify {
    const struct config *config;
    struct diags *diags;
};

static const struct conf_route *route_of(const struct verify *verify, const struct route_rule *rule)
{
    /* rule->index is the route's place in the file, which is its place in the array. */
    CHECK(rule->index < verify->config->routes.count);
    return &verify->config->routes.at[rule->index];
}

static void report_warning(const struct verify *verify, const struct route_report *report)
{
    const struct conf_route *route = route_of(verify, report->rule);
    const struct conf_route *by = route_of(verify, report->by);
    bool is_unreachable = report->kind == ROUTE_REPORT_UNREACHABLE;
    const char *what = is_unreachable ? "can never match" : "has a match that never takes anything";
    struct str file = by->pos.source == NULL ? (struct str){0} : by->pos.source->name;
    diag_add(verify->diags, DIAG_W0203, route->pos,
             "route \"%.*s\" %s: \"%.*s\" (%.*s:%u) takes every such request first",
             STR_FMT(route->name), what, STR_FMT(by->name), STR_FMT(file), by->pos.line);
}

static void on_report(void *context, const struct route_report *report)
{
    const struct verify *verify = context;
    const struct conf_route *route = route_of(verify, report->rule);
    const struct conf_match *match = report->match_index < route->matches.count
                                         ? &route->matches.at[report->match_index]
                                         : NULL;
    struct source_pos pos = match == NULL ? route->pos : match->pos;
    switch (report->kind) {
    case ROUTE_REPORT_BAD_HOST:
    case ROUTE_REPORT_BAD_PATH:
    case ROUTE_REPORT_BAD_PATTERN:
    case ROUTE_REPORT_BAD_METHOD:
    case ROUTE_REPORT_BAD_NAME:
        diag_add(verify->diags, DIAG_E0208, pos,
                 "route \"%.*s\": \"%.*s\" cannot be used, at character %zu: %s",
                 STR_FMT(route->name), STR_FMT(report->what), report->offset + 1,
                 report->text == NULL ? "malformed" : report->text);
        break;
    case ROUTE_REPORT_SHADOWED:
    case ROUTE_REPORT_UNREACHABLE: report_warning(verify, report); break;
    }
}

static void verify_route(struct compile_chain *conf, const struct verify *verify,
                         const struct conf_route *route)
{
    struct plan plan = {0};
    struct chain chain;
    const char *fault = NULL;
    enum err e = compile_action(conf->arena, route, &plan, &fault);
    if (e != OK) {
        struct source_pos pos =
            source_pos_is_set(&route->rewrite.pos) ? route->rewrite.pos : route->pos;
        diag_add(verify->diags, DIAG_E0118, pos, "route \"%.*s\": %s", STR_FMT(route->name),
                 fault == NULL ? err_text(e) : fault);
    }
    e = compile_chain(conf, route, &chain);
    if (e != OK && e != ERR_CONFIG) {
        diag_add(verify->diags, DIAG_E0014, route->pos, "%s", err_text(e));
    }
    for (uint32_t i = 0; plan.rewrite.kind != REWRITE_NONE && i < route->matches.count; i++) {
        const struct conf_match *match = &route->matches.at[i];
        struct str missing;
        const struct route_path path = {
            .text = match->path,
            .kind = match->path_kind == CONF_PATH_EXACT     ? ROUTE_PATH_EXACT
                    : match->path_kind == CONF_PATH_PATTERN ? ROUTE_PATH_PATTERN
                                                            : ROUTE_PATH_PREFIX,
            .has_params = match->has_params};
        if (!rewrite_has_params(&plan.rewrite, &path, &missing)) {
            diag_hint(verify->diags, "write {%.*s} into the path of the match too",
                      STR_FMT(missing));
            diag_add(verify->diags, DIAG_E0118, route->rewrite.pos,
                     "route \"%.*s\": the match has no parameter \"%.*s\"", STR_FMT(route->name),
                     STR_FMT(missing));
        }
    }
}

void world_verify(void *ctx, const struct config *config, struct diags *diags)
{
    const struct world_policies *policies = ctx;
    struct verify verify = {.config = config, .diags = diags};
    struct arena arena;
    struct route_rule *rules;
    struct router *router = NULL;
    struct compiled_policy *compiled = NULL;
    struct compile_chain chain = {
        .arena = &arena, .policies = policies, .diags = diags, .compiled = &compiled};
    arena_init_heap(&arena, VERIFY_ARENA_BYTES_MAX);
    map_init(&chain.by_conf, &arena);
    for (uint32_t i = 0; i < config->routes.count; i++) {
        verify_route(&chain, &verify, &config->routes.at[i]);
    }
    enum err e = compile_rules(&arena, config, NULL, &rules);
    if (e == OK) {
        const struct router_conf conf = {.rules = rules,
                                         .rule_count = config->routes.count,
                                         .uri = compile_uri_rules(config),
                                         .report = on_report,
                                         .report_context = &verify};
        e = router_new(&arena, &conf, &router);
    }
    if (e != OK && e != ERR_CONFIG) {
        diag_add(diags, DIAG_E0014, (struct source_pos){0}, "%s", err_text(e));
    }
    router_drop(router);
    compile_drop_policies(&compiled);
    arena_reset(&arena);
}
