/* shadow.c - rules that no request can reach; see shadow.h.
 * An entry is looked up like a request, with its own host and path: whatever earlier entry the walk
 * meets takes all of those paths, and so the entry, if its other conditions are no narrower. */
#include "route/shadow.h"

enum { NODES_MAX = 256 };
#define SCRATCH_BYTES_MAX ((size_t)1 << 30)

/* What was found about one shape. */
struct shadow {
    const struct route_shape *by;
    uint32_t shadowed_count; /* of its entries */
    bool is_duplicate;
};

struct search {
    const struct router *router;
    const struct route_entry *entry; /* the one that may be shadowed */
    uint32_t rank;
    uint32_t methods_left; /* not taken by earlier entries so far */
    uint32_t node_count;   /* looked at */
    const struct route_entry *by;
};

static bool has_method(const struct route_shape *shape, struct str method)
{
    for (uint32_t i = 0; i < shape->other_method_count; i++) {
        if (str_eq(shape->other_methods[i], method)) {
            return true;
        }
    }
    return false;
}

/* The methods that `wide` takes of those that `narrow` does. Extension methods count only when
 * `wide` has all of them. */
static uint32_t methods_taken(const struct route_shape *wide, const struct route_shape *narrow)
{
    uint32_t taken = wide->methods & narrow->methods;
    if (wide->other_methods == NULL) {
        return taken;
    }
    bool has_all = narrow->other_methods != NULL;
    for (uint32_t i = 0; i < narrow->other_method_count && has_all; i++) {
        has_all = has_method(wide, narrow->other_methods[i]);
    }
    return has_all ? taken : taken & ~(UINT32_C(1) << METHOD_OTHER);
}

/* Goes through entries whose paths include those of the one at hand. */
static void compare_entries(struct search *search, uint32_t first)
{
    uint32_t left = SHADOW_COMPARISONS_MAX;
    const struct route_shape *narrow = search->entry->shape;
    for (uint32_t rank = first; rank < search->rank && left > 0 && search->methods_left != 0;
         rank = search->router->entries[rank].next, left--) {
        const struct route_shape *wide = search->router->entries[rank].shape;
        if (wide->class == ROUTE_CLASS_PATTERN &&
            !str_eq(wide->cond->path.text, narrow->cond->path.text)) {
            continue;
        }
        uint32_t taken = methods_taken(wide, narrow);
        if ((taken & search->methods_left) != 0 && checks_cover(wide->cond, narrow->cond)) {
            search->methods_left &= ~taken;
            search->by = &search->router->entries[rank];
        }
    }
}

/* The same for a list and its fan, of which only entries with one value that the entry at hand
 * wants too can take its requests. */
static void compare_list(struct search *search, const struct route_list *list)
{
    compare_entries(search, list->first);
    if (list->fan == ROUTE_NONE) {
        return;
    }
    const struct route_tree *tree = &search->router->tree;
    const struct route_fan *fan = &tree->fans[list->fan];
    const struct route_checks *checks = &search->entry->shape->checks;
    const struct route_check *own = fan->check->is_query ? checks->query : checks->headers;
    uint32_t count = fan->check->is_query ? checks->query_count : checks->header_count;
    for (uint32_t i = 0; i < count; i++) {
        const struct route_test *test = own[i].test;
        if (test->kind != ROUTE_TEST_EQUALS || test->value_count != 1 ||
            !check_has_name_of(&own[i], fan->check)) {
            continue;
        }
        uint32_t child = tree_child(tree, fan->node, test->values[0]);
        if (child != ROUTE_NONE) {
            compare_entries(search, tree->nodes[child].lists[LIST_EXACT].first);
        }
    }
}

/* Visits `index`, to which the first `depth` segments of the entry's path lead. */
static void compare_node(struct search *search, uint32_t index, uint32_t depth)
{
    const struct route_shape *shape = search->entry->shape;
    const struct route_node *node = &search->router->tree.nodes[index];
    if (node->best >= search->rank || search->methods_left == 0 ||
        search->node_count++ >= NODES_MAX) {
        return;
    }
    compare_list(search, &node->lists[LIST_PREFIX]);
    if (depth == shape->segment_count) {
        switch ((enum route_class)shape->class) {
        case ROUTE_CLASS_PATTERN: compare_list(search, &node->lists[LIST_PATTERNS]); break;
        case ROUTE_CLASS_PARAMS:
        case ROUTE_CLASS_EXACT: compare_list(search, &node->lists[LIST_EXACT]); break;
        case ROUTE_CLASS_PREFIX:
        case ROUTE_CLASS_ANY: break;
        }
        return;
    }
    const struct route_segment *segment = &shape->segments[depth];
    if (!segment->is_param && node->child_count > 0) {
        uint32_t child = tree_child(&search->router->tree, index, segment->text);
        if (child != ROUTE_NONE) {
            compare_node(search, child, depth + 1);
        }
    }
    bool fits_param = segment->is_param || segment->text.len > 0;
    if (node->param_child != ROUTE_NONE && fits_param) {
        compare_node(search, node->param_child, depth + 1);
    }
}

static void compare_host(struct search *search, uint32_t root)
{
    if (root == ROUTE_NONE) {
        return;
    }
    if (search->entry->shape->class != ROUTE_CLASS_ANY) {
        compare_node(search, root, 0);
    }
    compare_list(search, &search->router->tree.nodes[root].lists[LIST_ANY]);
}

/* Visits every host that includes the entry's. */
static void compare_hosts(struct search *search)
{
    const struct route_tree *tree = &search->router->tree;
    const struct route_entry *entry = search->entry;
    struct str rest = entry->host;
    if (rest.len > 0) {
        uint32_t hosts = entry->is_wildcard ? TREE_WILDCARD_HOSTS : TREE_EXACT_HOSTS;
        compare_host(search, tree_child(tree, hosts, rest));
        for (struct str_pair cut = str_cut(rest, '.'); cut.is_cut; cut = str_cut(rest, '.')) {
            rest = cut.tail;
            compare_host(search, tree_child(tree, TREE_WILDCARD_HOSTS, rest));
        }
    }
    compare_host(search, TREE_ANY_HOST);
}

static bool same_paths(const struct route_shape *left, const struct route_shape *right)
{
    if (left->class != right->class || left->segment_count != right->segment_count) {
        return false;
    }
    if (left->class == ROUTE_CLASS_PATTERN) {
        return str_eq(left->cond->path.text, right->cond->path.text);
    }
    return left->literal_bits == right->literal_bits;
}

/* `by` takes all that `entry` does; is it the other way round as well? */
static bool is_duplicate(const struct route_entry *by, const struct route_entry *entry)
{
    return str_eq(by->host, entry->host) && by->is_wildcard == entry->is_wildcard &&
           by->methods == entry->methods && same_paths(by->shape, entry->shape) &&
           by->shape->other_method_count == entry->shape->other_method_count &&
           checks_cover(entry->shape->cond, by->shape->cond);
}

static void find_shadows(const struct router *router, struct route_entry *entries,
                         struct shadow *shadows)
{
    for (uint32_t rank = 0; rank < router->entry_count; rank++) {
        struct route_entry *entry = &entries[rank];
        struct search search = {
            .router = router,
            .entry = entry,
            .rank = rank,
            .methods_left = entry->methods,
        };
        compare_hosts(&search);
        entry->is_shadowed = search.methods_left == 0;
        if (entry->is_shadowed) {
            struct shadow *shadow = &shadows[entry->shape - router->shapes];
            shadow->by = search.by->shape;
            shadow->is_duplicate = is_duplicate(search.by, entry);
            shadow->shadowed_count++;
        }
    }
}

static bool is_whole(const struct shadow *shadow, const struct route_shape *shape)
{
    uint32_t hosts = shape->cond->host_count;
    return shadow->shadowed_count == (hosts > 0 ? hosts : 1);
}

static void report_shape(const struct router_conf *conf, const struct route_shape *shape,
                         const struct shadow *shadow, enum route_report_kind kind)
{
    const struct route_report report = {
        .kind = kind,
        .rule = shape->rule,
        .by = shadow->by->rule,
        .match_index = shape->match_index,
        .by_match_index = shadow->by->match_index,
        .is_duplicate = shadow->is_duplicate,
        .what = shape->cond->path.text,
        .text = "another route takes every such request first",
    };
    conf->report(conf->report_context, &report);
}

/* Reports one rule, whose shapes stand side by side. */
static void report_rule(const struct router_conf *conf, const struct route_shape *shapes,
                        const struct shadow *shadows)
{
    uint32_t count = shapes[0].rule->match_count, whole_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        whole_count += is_whole(&shadows[i], &shapes[i]);
    }
    if (whole_count == count) {
        report_shape(conf, &shapes[0], &shadows[0], ROUTE_REPORT_UNREACHABLE);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (is_whole(&shadows[i], &shapes[i])) {
            report_shape(conf, &shapes[i], &shadows[i], ROUTE_REPORT_SHADOWED);
        }
    }
}

enum err shadow_report(const struct router *router, struct route_entry *entries,
                       const struct router_conf *conf)
{
    struct arena arena;
    arena_init_heap(&arena, SCRATCH_BYTES_MAX);
    struct shadow *shadows = ARENA_ARRAY(&arena, (size_t)router->shape_count + 1, struct shadow);
    if (shadows == NULL) {
        return ERR_MEMORY;
    }
    find_shadows(router, entries, shadows);
    for (uint32_t i = 0; i < router->shape_count; i += router->shapes[i].rule->match_count) {
        report_rule(conf, &router->shapes[i], &shadows[i]);
    }
    arena_reset(&arena);
    return OK;
}
