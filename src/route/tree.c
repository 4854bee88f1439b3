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

/* Is the node one that its parent finds by key? */
static bool is_keyed(const struct route_tree *tree, uint32_t node)
{
    return node >= TREE_FIRST_FREE && tree->nodes[tree->nodes[node].parent].param_child != node;
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
    static const struct route_list none = {ROUTE_NONE, ROUTE_NONE};
    if (growth->tree.node_count == growth->node_cap) {
        TRY(grow(growth));
    }
    *out = growth->tree.node_count++;
    growth->tree.nodes[*out] = (struct route_node){
        .key = key,
        .parent = parent,
        .best = ROUTE_NONE,
        .param_child = ROUTE_NONE,
        .any = none,
        .exact = none,
        .prefix = none,
        .patterns = none,
    };
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

static struct route_list *list_of(struct route_node *node, const struct route_shape *shape)
{
    switch ((enum route_class)shape->class) {
    case ROUTE_CLASS_ANY: return &node->any;
    case ROUTE_CLASS_PREFIX: return &node->prefix;
    case ROUTE_CLASS_PATTERN: return &node->patterns;
    case ROUTE_CLASS_PARAMS:
    case ROUTE_CLASS_EXACT: break;
    }
    return &node->exact;
}

static enum err add_entry(struct growth *growth, struct route_entry *entries, uint32_t rank)
{
    const struct route_shape *shape = entries[rank].shape;
    uint32_t at;
    TRY(get_root(growth, &entries[rank], rank, &at));
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
    struct route_list *list = list_of(&growth->tree.nodes[at], shape);
    entries[rank].next = ROUTE_NONE;
    if (list->first == ROUTE_NONE) {
        list->first = rank;
    } else {
        CHECK(list->last < rank);
        entries[list->last].next = rank;
    }
    list->last = rank;
    return OK;
}

static enum err add_all(struct growth *growth, struct route_entry *entries, uint32_t entry_count)
{
    for (uint32_t i = 0; i < TREE_FIRST_FREE; i++) {
        uint32_t node;
        TRY(add_node(growth, i, (struct str){0}, &node));
        CHECK(node == i);
    }
    for (uint32_t rank = 0; rank < entry_count; rank++) {
        TRY(add_entry(growth, entries, rank));
    }
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
    struct growth growth = {0};
    arena_init_heap(&growth.arena, SCRATCH_BYTES_MAX);
    enum err result = add_all(&growth, entries, entry_count);
    *tree = growth.tree;
    result = result == OK ? nodes_settle(tree, arena) : result;
    result = result == OK ? slots_settle(tree, arena) : result;
    arena_reset(&growth.arena);
    return result;
}
