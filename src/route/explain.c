/* explain.c - why each rule does or does not take a request; see router.h.
 * Every condition is judged by itself and without the tree, so explaining also checks matching:
 * what fits here must be what router_match finds. */
#include "route/compiled.h"

struct judging {
    const struct route_input *input;
    struct checks_scratch *scratch;
    const struct route_rule *taker; /* NULL: none */
    uint32_t taker_index;
};

static bool any_host_fits(const struct route_cond *cond, struct str host)
{
    for (uint32_t i = 0; i < cond->host_count; i++) {
        if (shape_host_fits(&cond->hosts[i], host)) {
            return true;
        }
    }
    return cond->host_count == 0;
}

static struct route_verdict judge_shape(const struct judging *judging,
                                        const struct route_shape *shape)
{
    const struct route_input *input = judging->input;
    struct route_verdict verdict = {.rule = shape->rule, .match_index = shape->match_index};
    if (!any_host_fits(shape->cond, input->host)) {
        verdict.kind = ROUTE_VERDICT_HOST;
        return verdict;
    }
    enum err path = shape_takes_path(shape, input->path, &judging->scratch->pattern);
    if (path != OK) {
        verdict.kind = path == ERR_LIMIT ? ROUTE_VERDICT_LIMIT : ROUTE_VERDICT_PATH;
        return verdict;
    }
    if (!shape_takes_method(shape, input)) {
        verdict.kind = ROUTE_VERDICT_METHOD;
        return verdict;
    }
    struct checks_miss miss;
    enum err checks = checks_judge(&shape->checks, input, judging->scratch, &miss);
    if (checks != OK) {
        verdict.kind = checks == ERR_LIMIT ? ROUTE_VERDICT_LIMIT
                       : miss.is_query     ? ROUTE_VERDICT_QUERY
                                           : ROUTE_VERDICT_HEADER;
        verdict.name = miss.test->name;
        verdict.is_absent = miss.is_absent;
        return verdict;
    }
    bool is_taker = shape->rule == judging->taker && shape->match_index == judging->taker_index;
    verdict.kind = is_taker ? ROUTE_VERDICT_TAKES : ROUTE_VERDICT_SECOND;
    return verdict;
}

/* The verdict on the match of the rule that comes closest; its shapes stand side by side. */
static struct route_verdict judge_rule(const struct judging *judging,
                                       const struct route_shape *shapes)
{
    struct route_verdict best = judge_shape(judging, &shapes[0]);
    for (uint32_t i = 1; i < shapes[0].rule->match_count; i++) {
        struct route_verdict verdict = judge_shape(judging, &shapes[i]);
        best = verdict.kind < best.kind ? verdict : best;
    }
    return best;
}

/* One pass for each kind, closest first: no memory is needed to sort them. */
void router_explain(const struct router *router, const struct route_input *input,
                    struct route_scratch *scratch, const struct route_explain *explain)
{
    struct judging judging = {.input = input, .scratch = &scratch->checks};
    struct route_match match;
    if (router_match(router, input, scratch, &match) == OK) {
        judging.taker = match.rule;
        judging.taker_index = match.match_index;
    }
    uint32_t told = 0;
    for (int kind = 0; kind < ROUTE_VERDICT_COUNT; kind++) {
        uint32_t i = 0;
        while (i < router->shape_count && told < explain->rules_max) {
            const struct route_shape *shapes = &router->shapes[i];
            struct route_verdict verdict = judge_rule(&judging, shapes);
            if ((int)verdict.kind == kind) {
                explain->on_rule(explain->context, &verdict);
                told++;
            }
            i += shapes[0].rule->match_count;
        }
    }
}
