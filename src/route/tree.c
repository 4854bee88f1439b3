/* tree.c - the entries of a router by host and path segment; see tree.h.
 * Built in scratch memory that grows, then copied to the size it has. */
#include "route/tree.h"

#include "base/hash.h"
#include "base/rng.h"

enum { NODES_FIRST = 64, SLOTS_PER_NODE = 2, ROUNDS_MAX = 6 };
#define SCRATCH_BYTES_MAX ((size_t)4 << 30)
/* A good odd multiplier (golden ratio), to tell equal segments under different nodes apart. */
#define PARENT_MIX UINT64_C(0x9e3779b97f4a7c15)

/* Nodes while their number is not known yet, with children found in a map of its own. */
struct growth {
    struct arena arena;
    struct route_tree tree;
    struct route_entry *entries;
    uint32_t node_cap;
};

static uint64_t child_hash(const struct route_tree *tree, uint32_t parent, struct str key)
{
    return hash_stable(key, tree->seed + parent * PARENT_MIX);
}

uint64_t tree_label_bit(struct str host)
{
    uint32_t count = 1;
    for (size_t i = 0; i < host.len; i++) {
        count += host.at[i] == '.';
    }
    return UINT64_C(1) << (count < 63 ? count : 63);
}

uint32_t tree_child(const struct route_tree *tree, uint32_t parent, struct str key)
{
    uint64_t hash = child_hash(tree, parent, key);
    uint32_t tag = (uint32_t)(hash >> 32);
    for (uint32_t at = (uint32_t)hash & tree->slot_mask;; at = (at + 1) & tree->slot_mask) {
        const struct route_slot *slot = &tree->slots[at];
        if (slot->child == ROUTE_NONE) {
            return ROUTE_NONE;
        }
        if (slot->tag == tag) {
            const struct route_node *child = &tree->nodes[slot->child];
            if (child->parent == parent && str_eq(child->key, key)) {
                return slot->child;
            }
        }
    }
}

/* Puts a node that is not there yet into the table; returns how many slots that looked at. */
static uint32_t slot_add(struct route_tree *tree, uint32_t child)
{
    const struct route_node *node = &tree->nodes[child];
    uint64_t hash = child_hash(tree, node->parent, node->key);
    uint32_t at = (uint32_t)hash & tree->slot_mask, probes = 1;
    while (tree->slots[at].child != ROUTE_NONE) {
        at = (at + 1) & tree->slot_mask;
        probes++;
    }
    tree->slots[at] = (struct route_slot){(uint32_t)(hash >> 32), child};
    return probes;
}

/* Is the node one that its parent finds by key? What nobody looks for is its own parent. */
static bool is_keyed(const struct route_tree *tree, uint32_t node)
{
    uint32_t parent = tree->nodes[node].parent;
    return parent != node && tree->nodes[parent].param_child != node;
}

/* Fills a table of `slot_count` slots under a new seed; *longest is the longest run looked at. */
static enum err slots_fill(struct route_tree *tree, struct arena *arena, uint32_t slot_count,
                           uint32_t *longest)
{
    tree->slots = arena_alloc(arena, slot_count * sizeof *tree->slots);
    if (tree->slots == NULL) {
        return ERR_MEMORY;
    }
    memset(tree->slots, 0xff, slot_count * sizeof *tree->slots);
    tree->slot_mask = slot_count - 1;
    tree->seed = rng_seed_from_kernel();
    *longest = 0;
    for (uint32_t i = 0; i < tree->node_count; i++) {
        if (is_keyed(tree, i)) {
            uint32_t probes = slot_add(tree, i);
            *longest = probes > *longest ? probes : *longest;
        }
    }
    return OK;
}

static uint32_t slot_count_for(uint32_t node_count)
{
    uint32_t count = 16;
    while (count < node_count * SLOTS_PER_NODE) {
        count *= 2;
    }
    return count;
}

static enum err grow(struct growth *growth)
{
    uint32_t cap = growth->node_cap == 0 ? NODES_FIRST : growth->node_cap * 2;
    struct route_tree *tree = &growth->tree;
    struct route_node *nodes = arena_alloc(&growth->arena, cap * sizeof *nodes);
    if (nodes == NULL) {
        return ERR_MEMORY;
    }
    if (tree->node_count > 0) {
        memcpy(nodes, tree->nodes, tree->node_count * sizeof *nodes);
    }
    tree->nodes = nodes;
    growth->node_cap = cap;
    uint32_t longest;
    return slots_fill(tree, &growth->arena, slot_count_for(cap), &longest);
}

static enum err add_node(struct growth *growth, uint32_t parent, struct str key, uint32_t *out)
{
    if (growth->tree.node_count == growth->node_cap) {
        TRY(grow(growth));
    }
    *out = growth->tree.node_count++;
    growth->tree.nodes[*out] = (struct route_node){
        .key = key,
        .parent = parent,
        .best = ROUTE_NONE,
        .param_child = ROUTE_NONE,
    };
    for (int i = 0; i < LIST_COUNT; i++) {
        growth->tree.nodes[*out].lists[i] = (struct route_list){ROUTE_NONE, ROUTE_NONE};
    }
    return OK;
}

/* The child by host or literal segment, made when it is not there. */
static enum err get_child(struct growth *growth, uint32_t parent, struct str key, uint32_t *out)
{
    *out = tree_child(&growth->tree, parent, key);
    if (*out != ROUTE_NONE) {
        return OK;
    }
    TRY(add_node(growth, parent, key, out));
    growth->tree.nodes[parent].child_count++;
    (void)slot_add(&growth->tree, *out);
    return OK;
}

static enum err get_param_child(struct growth *growth, uint32_t parent, uint32_t *out)
{
    *out = growth->tree.nodes[parent].param_child;
    if (*out != ROUTE_NONE) {
        return OK;
    }
    TRY(add_node(growth, parent, STR("{}"), out));
    growth->tree.nodes[parent].param_child = *out;
    return OK;
}

/* The node of the entry's host; entries come in rank order, so the first one is the best. */
static enum err get_root(struct growth *growth, const struct route_entry *entry, uint32_t rank,
                         uint32_t *out)
{
    *out = TREE_ANY_HOST;
    if (entry->host.len > 0) {
        uint32_t hosts = entry->is_wildcard ? TREE_WILDCARD_HOSTS : TREE_EXACT_HOSTS;
        TRY(get_child(growth, hosts, entry->host, out));
        struct route_node *node = &growth->tree.nodes[hosts];
        node->best = node->best == ROUTE_NONE ? rank : node->best;
    }
    if (entry->is_wildcard) {
        growth->tree.wildcard_labels |= tree_label_bit(entry->host);
    }
    return OK;
}

static enum route_list_kind list_kind_of(const struct route_shape *shape)
{
    switch ((enum route_class)shape->class) {
    case ROUTE_CLASS_ANY: return LIST_ANY;
    case ROUTE_CLASS_PREFIX: return LIST_PREFIX;
    case ROUTE_CLASS_PATTERN: return LIST_PATTERNS;
    case ROUTE_CLASS_PARAMS:
    case ROUTE_CLASS_EXACT: break;
    }
    return LIST_EXACT;
}

static void append(struct route_entry *entries, struct route_list *list, uint32_t rank)
{
    entries[rank].next = ROUTE_NONE;
    if (list->first == ROUTE_NONE) {
        list->first = rank;
    } else {
        CHECK(entries[list->first].tail < rank);
        entries[entries[list->first].tail].next = rank;
    }
    entries[list->first].tail = rank;
}

static enum err add_entry(struct growth *growth, uint32_t rank)
{
    const struct route_entry *entry = &growth->entries[rank];
    const struct route_shape *shape = entry->shape;
    uint32_t at;
    TRY(get_root(growth, entry, rank, &at));
    for (uint32_t i = 0;; i++) {
        struct route_node *node = &growth->tree.nodes[at];
        node->best = node->best == ROUTE_NONE ? rank : node->best;
        if (i == shape->segment_count) {
            break;
        }
        const struct route_segment *segment = &shape->segments[i];
        TRY(segment->is_param ? get_param_child(growth, at, &at)
                              : get_child(growth, at, segment->text, &at));
    }
    append(growth->entries, &growth->tree.nodes[at].lists[list_kind_of(shape)], rank);
    return OK;
}

/* The check for one value of the name that `like` has, or of any name when that is NULL. */
static const struct route_check *single_value(const struct route_shape *shape,
                                              const struct route_check *like)
{
    const struct route_checks *checks = &shape->checks;
    for (uint32_t i = 0; i < checks->header_count + checks->query_count; i++) {
        const struct route_check *check = i < checks->header_count
                                              ? &checks->headers[i]
                                              : &checks->query[i - checks->header_count];
        bool is_single = check->test->kind == ROUTE_TEST_EQUALS && check->test->value_count == 1;
        if (is_single && (like == NULL || check_has_name_of(check, like))) {
            return check;
        }
    }
    return NULL;
}

/* The name that most entries of the list want one value of, if there is such a majority (Boyer and
 * Moore 1981: the one that is left over is the only one that can have it). */
static const struct route_check *vote(const struct growth *growth, uint32_t first)
{
    const struct route_check *leader = NULL;
    uint32_t lead = 0;
    for (uint32_t rank = first; rank != ROUTE_NONE; rank = growth->entries[rank].next) {
        const struct route_check *check = single_value(growth->entries[rank].shape, NULL);
        if (check == NULL) {
            continue;
        }
        if (lead == 0) {
            leader = check;
        }
        lead = check_has_name_of(check, leader) ? lead + 1 : lead - 1;
    }
    return leader;
}

static bool is_long(const struct growth *growth, uint32_t first)
{
    uint32_t count = 0;
    for (uint32_t rank = first; rank != ROUTE_NONE && count <= TREE_FAN_MIN; count++) {
        rank = growth->entries[rank].next;
    }
    return count > TREE_FAN_MIN;
}

static enum err add_to_fan(struct growth *growth, struct route_fan *fan, struct str value,
                           uint32_t rank)
{
    uint32_t child;
    TRY(get_child(growth, fan->node, value, &child));
    struct route_node *node = &growth->tree.nodes[child];
    node->best = rank < node->best ? rank : node->best;
    fan->best = rank < fan->best ? rank : fan->best;
    append(growth->entries, &node->lists[LIST_EXACT], rank);
    return OK;
}

/* Moves the entries of a list that can be told apart by a value of `name` to a fan. */
static enum err fan_out(struct growth *growth, struct route_list *list,
                        const struct route_check *name)
{
    struct route_list rest = {ROUTE_NONE, growth->tree.fan_count};
    struct route_fan *fan = &growth->tree.fans[growth->tree.fan_count++];
    *fan = (struct route_fan){.check = name, .best = ROUTE_NONE};
    TRY(add_node(growth, growth->tree.node_count, (struct str){0}, &fan->node));
    for (uint32_t rank = list->first, next; rank != ROUTE_NONE; rank = next) {
        next = growth->entries[rank].next;
        const struct route_check *check = single_value(growth->entries[rank].shape, name);
        if (check == NULL) {
            append(growth->entries, &rest, rank);
        } else {
            TRY(add_to_fan(growth, fan, check->test->values[0], rank));
        }
    }
    growth->tree.nodes[fan->node].best = fan->best;
    *list = rest;
    return OK;
}

/* Long lists are what would make one request pay for all routes. */
static enum err add_fans(struct growth *growth, uint32_t entry_count)
{
    struct route_tree *tree = &growth->tree;
    tree->fans = ARENA_ARRAY(&growth->arena, entry_count / TREE_FAN_MIN + 1, struct route_fan);
    if (tree->fans == NULL) {
        return ERR_MEMORY;
    }
    uint32_t node_count = tree->node_count;
    for (uint32_t i = 0; i < node_count * LIST_COUNT; i++) {
        struct route_list list = tree->nodes[i / LIST_COUNT].lists[i % LIST_COUNT];
        const struct route_check *name =
            is_long(growth, list.first) ? vote(growth, list.first) : NULL;
        if (name != NULL) {
            TRY(fan_out(growth, &list, name));
            tree->nodes[i / LIST_COUNT].lists[i % LIST_COUNT] = list;
        }
    }
    return OK;
}

static enum err add_all(struct growth *growth, uint32_t entry_count)
{
    for (uint32_t i = 0; i < TREE_FIRST_FREE; i++) {
        uint32_t node;
        TRY(add_node(growth, i, (struct str){0}, &node));
        CHECK(node == i);
    }
    for (uint32_t rank = 0; rank < entry_count; rank++) {
        TRY(add_entry(growth, rank));
    }
    return add_fans(growth, entry_count);
}

static enum err fans_settle(struct route_tree *tree, struct arena *arena)
{
    struct route_fan *fans = ARENA_ARRAY(arena, (size_t)tree->fan_count + 1, struct route_fan);
    if (fans == NULL) {
        return ERR_MEMORY;
    }
    memcpy(fans, tree->fans, tree->fan_count * sizeof *fans);
    tree->fans = fans;
    return OK;
}

/* Copies nodes to where they stay, each on a line of its own. */
static enum err nodes_settle(struct route_tree *tree, struct arena *arena)
{
    size_t bytes = tree->node_count * sizeof *tree->nodes;
    char *raw = arena_alloc(arena, bytes + CACHE_LINE_BYTES);
    if (raw == NULL) {
        return ERR_MEMORY;
    }
    raw += (CACHE_LINE_BYTES - (uintptr_t)raw % CACHE_LINE_BYTES) % CACHE_LINE_BYTES;
    memcpy(raw, tree->nodes, bytes);
    tree->nodes = (struct route_node *)(void *)raw;
    return OK;
}

/* Spreads the slots until no run is long; each round has another seed and twice the room. */
static enum err slots_settle(struct route_tree *tree, struct arena *arena)
{
    uint32_t count = slot_count_for(tree->node_count);
    for (int round = 0; round < ROUNDS_MAX; round++, count *= 2) {
        uint32_t longest;
        TRY(slots_fill(tree, arena, count, &longest));
        if (longest <= TREE_PROBES_MAX) {
            return OK;
        }
    }
    return ERR_MEMORY;
}

enum err tree_init(struct route_tree *tree, struct arena *arena, struct route_entry *entries,
                   uint32_t entry_count)
{
    struct growth growth = {.entries = entries};
    arena_init_heap(&growth.arena, SCRATCH_BYTES_MAX);
    enum err result = add_all(&growth, entry_count);
    *tree = growth.tree;
    result = result == OK ? nodes_settle(tree, arena) : result;
    result = result == OK ? fans_settle(tree, arena) : result;
    result = result == OK ? slots_settle(tree, arena) : result;
    arena_reset(&growth.arena);
    return result;
}
