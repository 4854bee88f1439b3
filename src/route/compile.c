/* compile.c - from rules to a router; see compiled.h and tree.h.
 * Shapes, then one entry for each host of a shape, the sort that decides all precedence, the tree
 * over the sorted entries, and at last a look for rules that no request can reach. */
#include "route/compiled.h"
#include "route/shadow.h"

#include <stdlib.h>

static void check_host(struct route_build *build, const struct route_host *host)
{
    static const char text[] = "a host is lower case, without port and closing dot";
    bool is_good = host->name.len > 0 && host->name.len <= 255 &&
                   host->name.at[host->name.len - 1] != '.' && host->name.at[0] != '.';
    for (size_t i = 0; i < host->name.len && is_good; i++) {
        char c = host->name.at[i];
        is_good = c > ' ' && c < 127 && (c < 'A' || c > 'Z') && strchr("*/?#@", c) == NULL;
    }
    if (!is_good) {
        build_fault(build, &(struct route_fault){ROUTE_REPORT_BAD_HOST, host->name, 0, text});
    }
}

/* A rank for hosts: exact first, then wildcards, the longer the better, then none. */
static uint64_t host_strength(const struct route_entry *entry)
{
    return entry->host.len == 0 ? 0 : entry->is_wildcard ? entry->host.len : UINT64_MAX;
}

static int compare_u64(uint64_t left, uint64_t right)
{
    return (left < right) - (left > right);
}

/* The order of router.h, strongest first; for qsort. */
static int entry_compare(const void *left_at, const void *right_at)
{
    const struct route_entry *left = left_at, *right = right_at;
    int64_t left_priority = left->shape->rule->priority;
    int64_t right_priority = right->shape->rule->priority;
    if (left_priority != right_priority) {
        return left_priority > right_priority ? -1 : 1;
    }
    int hosts = compare_u64(host_strength(left), host_strength(right));
    if (hosts != 0) {
        return hosts;
    }
    int shapes = left->shape == right->shape ? 0 : shape_compare(left->shape, right->shape);
    return shapes != 0 ? shapes : str_compare(left->host, right->host);
}

static uint64_t count_matches(const struct router_conf *conf)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < conf->rule_count; i++) {
        count += conf->rules[i].match_count;
    }
    return count;
}

static uint64_t count_entries(const struct router *router)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < router->shape_count; i++) {
        uint32_t hosts = router->shapes[i].cond->host_count;
        count += hosts > 0 ? hosts : 1;
    }
    return count;
}

static enum err make_shapes(struct router *router, struct route_build *build)
{
    const struct router_conf *conf = build->conf;
    uint64_t count = count_matches(conf);
    router->shapes = ARENA_ARRAY(build->arena, count + 1, struct route_shape);
    if (router->shapes == NULL || count >= ROUTE_NONE) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < conf->rule_count; i++) {
        build->rule = &conf->rules[i];
        for (uint32_t j = 0; j < build->rule->match_count; j++) {
            build->match_index = j;
            struct route_shape *shape = &router->shapes[router->shape_count++];
            TRY(shape_init(shape, build));
            for (uint32_t k = 0; k < shape->cond->host_count; k++) {
                check_host(build, &shape->cond->hosts[k]);
            }
        }
    }
    return OK;
}

static struct route_entry entry_of(const struct route_shape *shape, const struct route_host *host)
{
    return (struct route_entry){
        .next = ROUTE_NONE,
        .methods = shape->methods,
        .match_index = shape->match_index,
        .is_plain = checks_is_empty(&shape->checks) && shape->class != ROUTE_CLASS_PATTERN,
        .has_params = shape->param_count > 0,
        .is_wildcard = host->is_wildcard,
        .shape = shape,
        .rule = shape->rule,
        .value = shape->rule->value,
        .host = host->name,
    };
}

static enum err make_entries(struct router *router, struct arena *arena,
                             struct route_entry **entries)
{
    static const struct route_host any = {0};
    uint64_t count = count_entries(router);
    *entries = ARENA_ARRAY(arena, count + 1, struct route_entry);
    if (*entries == NULL || count >= ROUTE_NONE) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < router->shape_count; i++) {
        const struct route_shape *shape = &router->shapes[i];
        if (shape->cond->host_count == 0) {
            (*entries)[router->entry_count++] = entry_of(shape, &any);
        }
        for (uint32_t j = 0; j < shape->cond->host_count; j++) {
            (*entries)[router->entry_count++] = entry_of(shape, &shape->cond->hosts[j]);
        }
    }
    qsort(*entries, router->entry_count, sizeof **entries, entry_compare);
    router->entries = *entries;
    return OK;
}

static enum err compile(struct router *router, struct route_build *build)
{
    struct route_entry *entries;
    TRY(make_shapes(router, build));
    if (build->has_errors) {
        return ERR_CONFIG;
    }
    TRY(make_entries(router, build->arena, &entries));
    TRY(tree_init(&router->tree, build->arena, entries, router->entry_count));
    return build->conf->report == NULL ? OK : shadow_report(router, entries, build->conf);
}

enum err router_new(struct arena *arena, const struct router_conf *conf, struct router **out)
{
    struct route_build build = {.arena = arena, .conf = conf};
    *out = NULL;
    struct router *router = ARENA_NEW(arena, struct router);
    if (router == NULL) {
        return ERR_MEMORY;
    }
    enum err result = compile(router, &build);
    if (result != OK) {
        router_drop(router);
        return result;
    }
    *out = router;
    return OK;
}

void router_drop(struct router *router)
{
    if (router == NULL) {
        return;
    }
    for (uint32_t i = 0; i < router->shape_count; i++) {
        shape_drop(&router->shapes[i]);
    }
    router->shape_count = 0;
}
