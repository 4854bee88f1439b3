/* router.c - from a request to the one rule that takes it; see router.h and tree.h.
 * A walk goes down from each host that fits (exact, wildcards, any) along the segments of
 * the path and keeps the best rank seen. Patterns cost most and lose to exact paths, so those on
 * the way are put aside and judged at the end, and only if they still could win. */
#include "route/router.h"

#include "route/compiled.h"

struct walk {
    const struct route_tree *tree;
    const struct route_entry *entries;
    const struct route_input *input;
    struct route_scratch *scratch;
    uint32_t method_bit;
    uint32_t best; /* rank; ROUTE_NONE while nothing fits */
    uint32_t param_count, best_param_count;
    size_t best_prefix_bytes;
    uint32_t pattern_node_count;
    bool has_missed_method;
    enum err error;          /* ERR_LIMIT ends the walk */
    struct allowed *allowed; /* set: collect methods, choose nothing */
};

enum { OTHERS_MAX = 16 };

/* Methods that would do for this request, all else being equal. */
struct allowed {
    uint32_t methods;
    struct str others[OTHERS_MAX];
    uint32_t other_count;
};

static void allow_other(struct allowed *allowed, struct str method)
{
    for (uint32_t i = 0; i < allowed->other_count; i++) {
        if (str_eq(allowed->others[i], method)) {
            return;
        }
    }
    if (allowed->other_count < OTHERS_MAX) {
        allowed->others[allowed->other_count++] = method;
    }
}

static void allow(struct allowed *allowed, const struct route_shape *shape)
{
    allowed->methods |= shape->methods;
    for (uint32_t i = 0; i < shape->other_method_count; i++) {
        allow_other(allowed, shape->other_methods[i]);
    }
}

/* Do all conditions but host, method and place in the tree hold? */
static bool conditions_hold(struct walk *walk, const struct route_entry *entry)
{
    const struct route_shape *shape = entry->shape;
    struct checks_scratch *scratch = &walk->scratch->checks;
    struct checks_miss miss;
    enum err result = checks_judge(&shape->checks, walk->input, scratch, &miss);
    /* Last, so that the groups of the path stay in the scratch. */
    if (result == OK && shape->class == ROUTE_CLASS_PATTERN) {
        result = pattern_match(shape->pattern, walk->input->path, &scratch->pattern);
    }
    if (UNLIKELY(result == ERR_LIMIT)) {
        walk->error = result;
        walk->best = 0;
    }
    return result == OK;
}

static void keep_params(struct walk *walk, const struct route_shape *shape)
{
    struct route_scratch *scratch = walk->scratch;
    uint32_t count = 0;
    for (uint32_t i = 0; i < shape->segment_count && count < shape->param_count; i++) {
        if (shape->segments[i].is_param) {
            scratch->params[count] =
                (struct route_param){shape->segments[i].text, scratch->values[count]};
            count++;
        }
    }
    walk->best_param_count = count;
}

static void keep_groups(struct walk *walk, const struct route_shape *shape)
{
    struct route_scratch *scratch = walk->scratch;
    uint32_t count = 0;
    for (uint32_t i = 1; i <= shape->pattern->group_count && count < ROUTE_PARAMS_MAX; i++) {
        struct str name = pattern_group_name(shape->pattern, i);
        if (name.len > 0) {
            scratch->params[count++] = (struct route_param){
                name, pattern_group(&scratch->checks.pattern, walk->input->path, i)};
        }
    }
    walk->best_param_count = count;
}

/* Takes the first entry of a list that fits, if it beats what was found so far. */
static void go_through(struct walk *walk, uint32_t first, size_t prefix_bytes)
{
    for (uint32_t rank = first; rank < walk->best; rank = walk->entries[rank].next) {
        const struct route_entry *entry = &walk->entries[rank];
        if ((entry->methods & walk->method_bit) == 0 ||
            (walk->input->method == METHOD_OTHER &&
             !shape_takes_method(entry->shape, walk->input))) {
            walk->has_missed_method = true;
            if (LIKELY(walk->allowed == NULL)) {
                continue;
            }
        }
        if (!entry->is_plain && !conditions_hold(walk, entry)) {
            continue;
        }
        if (UNLIKELY(walk->allowed != NULL)) {
            allow(walk->allowed, entry->shape);
            continue;
        }
        walk->best = rank;
        walk->best_prefix_bytes = prefix_bytes;
        walk->best_param_count = 0;
        if (entry->has_params) {
            keep_params(walk, entry->shape);
        } else if (!entry->is_plain && entry->shape->class == ROUTE_CLASS_PATTERN) {
            keep_groups(walk, entry->shape);
        }
        return;
    }
}

static void go_through_fan(struct walk *walk, const struct route_fan *fan, size_t prefix_bytes)
{
    struct check_values values = check_values_of(fan->check, walk->input);
    struct str value;
    while (check_values_next(&values, &walk->scratch->checks, &value)) {
        uint32_t child = tree_child(walk->tree, fan->node, value);
        if (child != ROUTE_NONE) {
            go_through(walk, walk->tree->nodes[child].lists[LIST_EXACT].first, prefix_bytes);
        }
    }
}

/* Most lists are empty or cannot win. */
static inline void consider(struct walk *walk, const struct route_list *list, size_t prefix_bytes)
{
    if (list->first < walk->best) {
        go_through(walk, list->first, prefix_bytes);
    }
    if (list->fan != ROUTE_NONE && walk->tree->fans[list->fan].best < walk->best) {
        go_through_fan(walk, &walk->tree->fans[list->fan], prefix_bytes);
    }
}

/* The least rank that a list and its fan may hold. */
static uint32_t list_best(const struct walk *walk, const struct route_list *list)
{
    uint32_t fan = list->fan == ROUTE_NONE ? ROUTE_NONE : walk->tree->fans[list->fan].best;
    return list->first < fan ? list->first : fan;
}

static size_t segment_end(struct str path, size_t from)
{
    while (from < path.len && path.at[from] != '/') {
        from++;
    }
    return from;
}

/* Walks down from `index`, whose segments end at offset `at` of the path. Recursion is at most as
 * deep as a path with parameters is long: ROUTE_SEGMENTS_MAX. */
static void descend(struct walk *walk, uint32_t index, size_t at)
{
    const struct str path = walk->input->path;
    for (;;) {
        const struct route_node *node = &walk->tree->nodes[index];
        if (node->best >= walk->best) {
            return;
        }
        consider(walk, &node->lists[LIST_PREFIX], at);
        if (list_best(walk, &node->lists[LIST_PATTERNS]) < walk->best) {
            CHECK(walk->pattern_node_count < COUNT_OF(walk->scratch->pattern_nodes));
            walk->scratch->pattern_nodes[walk->pattern_node_count++] = index;
        }
        if (at == path.len) {
            consider(walk, &node->lists[LIST_EXACT], at);
            return;
        }
        size_t end = segment_end(path, at + 1);
        struct str segment = {path.at + at + 1, end - at - 1};
        uint32_t child =
            node->child_count > 0 ? tree_child(walk->tree, index, segment) : ROUTE_NONE;
        if (node->param_child != ROUTE_NONE && segment.len > 0) {
            if (child != ROUTE_NONE) {
                uint32_t param_count = walk->param_count;
                descend(walk, child, end);
                walk->param_count = param_count;
            }
            walk->scratch->values[walk->param_count++] = segment;
            child = node->param_child;
        }
        if (child == ROUTE_NONE) {
            return;
        }
        index = child;
        at = end;
    }
}

static void walk_host(struct walk *walk, uint32_t root)
{
    const struct route_node *node = &walk->tree->nodes[root];
    if (node->best >= walk->best) {
        return;
    }
    const struct str path = walk->input->path;
    if (path.len > 0 && path.at[0] == '/') {
        walk->param_count = 0;
        walk->pattern_node_count = 0;
        descend(walk, root, 0);
        for (uint32_t i = 0; i < walk->pattern_node_count; i++) {
            uint32_t index = walk->scratch->pattern_nodes[i];
            consider(walk, &walk->tree->nodes[index].lists[LIST_PATTERNS], path.len);
        }
    }
    consider(walk, &node->lists[LIST_ANY], 0);
}

/* "a.b.c" is below "b.c" and "c". */
static void walk_wildcards(struct walk *walk)
{
    const struct route_tree *tree = walk->tree;
    uint64_t label_bit = tree_label_bit(walk->input->host);
    struct str rest = walk->input->host;
    while (tree->nodes[TREE_WILDCARD_HOSTS].best < walk->best) {
        struct str_pair cut = str_cut(rest, '.');
        if (!cut.is_cut) {
            return;
        }
        rest = cut.tail;
        label_bit = label_bit >> 1 | (label_bit & UINT64_C(1) << 63);
        bool is_below = rest.len + 1 < walk->input->host.len; /* not just ".name" */
        if (!is_below || (tree->wildcard_labels & label_bit) == 0) {
            continue;
        }
        uint32_t root = tree_child(tree, TREE_WILDCARD_HOSTS, rest);
        if (root != ROUTE_NONE) {
            walk_host(walk, root);
        }
    }
}

static void walk_all(struct walk *walk)
{
    const struct route_tree *tree = walk->tree;
    if (tree->nodes[TREE_EXACT_HOSTS].child_count > 0) {
        uint32_t root = tree_child(tree, TREE_EXACT_HOSTS, walk->input->host);
        if (root != ROUTE_NONE) {
            walk_host(walk, root);
        }
    }
    if (tree->wildcard_labels != 0) {
        walk_wildcards(walk);
    }
    walk_host(walk, TREE_ANY_HOST);
}

static struct walk walk_of(const struct router *router, const struct route_input *input,
                           struct route_scratch *scratch)
{
    CHECK(input->method < METHOD_COUNT);
    return (struct walk){
        .tree = &router->tree,
        .entries = router->entries,
        .input = input,
        .scratch = scratch,
        .method_bit = UINT32_C(1) << input->method,
        .best = ROUTE_NONE,
    };
}

/* For requests that nothing takes: which methods would have done? */
static enum err collect(const struct router *router, const struct route_input *input,
                        struct route_scratch *scratch, struct allowed *allowed)
{
    *allowed = (struct allowed){0};
    struct walk walk = walk_of(router, input, scratch);
    walk.allowed = allowed;
    walk_all(&walk);
    return walk.error;
}

enum err router_match(const struct router *router, const struct route_input *input,
                      struct route_scratch *scratch, struct route_match *out)
{
    struct walk walk = walk_of(router, input, scratch);
    walk_all(&walk);
    if (walk.error != OK) {
        return walk.error;
    }
    if (walk.best == ROUTE_NONE) {
        struct allowed allowed = {0};
        if (walk.has_missed_method) {
            TRY(collect(router, input, scratch, &allowed));
        }
        return allowed.methods == 0 ? ERR_NO_ROUTE : ERR_METHOD_NOT_ALLOWED;
    }
    const struct route_entry *entry = &router->entries[walk.best];
    *out = (struct route_match){
        .rule = entry->rule,
        .value = entry->value,
        .params = scratch->params,
        .param_count = walk.best_param_count,
        .match_index = entry->match_index,
        .prefix_bytes = walk.best_prefix_bytes,
    };
    return OK;
}

void router_allowed_methods(const struct router *router, const struct route_input *input,
                            struct route_scratch *scratch, struct strbuf *out)
{
    struct allowed allowed;
    if (collect(router, input, scratch, &allowed) != OK) {
        return;
    }
    const char *separator = "";
    for (enum method method = METHOD_OTHER + 1; method < METHOD_COUNT; method++) {
        if ((allowed.methods >> method & 1) != 0) {
            strbuf_add_c(out, separator);
            strbuf_add(out, method_name(method));
            separator = ", ";
        }
    }
    for (uint32_t i = 0; i < allowed.other_count; i++) {
        strbuf_add_c(out, separator);
        strbuf_add(out, allowed.others[i]);
        separator = ", ";
    }
}

enum err route_scratch_new(struct arena *arena, struct route_scratch **out)
{
    *out = ARENA_NEW(arena, struct route_scratch);
    return *out == NULL ? ERR_MEMORY : pattern_scratch_init(&(*out)->checks.pattern);
}

void route_scratch_drop(struct route_scratch *scratch)
{
    if (scratch != NULL) {
        pattern_scratch_drop(&scratch->checks.pattern);
    }
}
