/* tree.h - the entries of a router by host and path segment.
 *
 * Entries are sorted by the whole order of precedence before they come here, so an entry's index is
 * its rank, and the answer to a request is simply the least rank among the entries that take it:
 * precedence is decided in one place, the sort. The tree only narrows down which entries to look
 * at. Hosts and then segments lead to nodes, a node lists the entries that end there in rank order,
 * and each node knows the least rank below it, so branches that cannot win are not entered.
 *
 * Children are found in one hash table by (parent, key) under a seed drawn at compile time.
 * Strangers choose what is looked up but never what is in the table, and no run of used slots is
 * longer than TREE_PROBES_MAX: no request can make a look-up slow. */
#pragma once

#include "route/shape.h"

/* No node, no entry; larger than every rank. */
#define ROUTE_NONE UINT32_MAX

enum { TREE_PROBES_MAX = 64, TREE_FAN_MIN = 8 };

/* One shape on one of its hosts. What a match has to look at stands here, so that in most cases the
 * shape and the rule stay untouched: with many routes, each line of memory read is a wait. */
struct route_entry {
    uint32_t next;    /* entry of the same list with the next higher rank, or ROUTE_NONE */
    uint32_t methods; /* of the shape */
    uint32_t match_index;
    bool is_plain; /* no pattern and no checks: place and method decide */
    bool has_params;
    bool is_wildcard;
    bool is_shadowed;
    const struct route_shape *shape;
    const struct route_rule *rule;
    void *value;     /* of the rule */
    struct str host; /* empty: any */
    uint32_t tail;   /* while the tree grows: the last entry of the list that this one begins */
};

struct route_list {
    uint32_t first;
    uint32_t fan; /* entries that left the list, or ROUTE_NONE */
};

/* Entries of one list that want different values of one field or parameter, such as ten thousand
 * tenants on one path: found by value, like a segment, instead of one by one. */
struct route_fan {
    const struct route_check *check; /* whose name it is */
    uint32_t node;                   /* its children by value list the entries in LIST_EXACT */
    uint32_t best;                   /* least rank among them */
};

enum route_list_kind { LIST_ANY, LIST_EXACT, LIST_PREFIX, LIST_PATTERNS, LIST_COUNT };

struct route_node {
    struct str key; /* host or segment, as the parent knows it */
    uint32_t parent;
    uint32_t best;        /* least rank here and below */
    uint32_t param_child; /* the child for "any one segment", or ROUTE_NONE */
    uint32_t child_count; /* of the others */
    struct route_list lists[LIST_COUNT];
};
static_assert(sizeof(struct route_node) == CACHE_LINE_BYTES, "one step down is one line");

/* Nodes that are always there: hosts are children of the first two. */
enum { TREE_EXACT_HOSTS, TREE_WILDCARD_HOSTS, TREE_ANY_HOST, TREE_FIRST_FREE };

struct route_slot {
    uint32_t tag; /* high half of the hash */
    uint32_t child;
};

struct route_tree {
    struct route_node *nodes;
    struct route_slot *slots; /* free: child is ROUTE_NONE */
    struct route_fan *fans;
    uint32_t node_count, slot_mask, fan_count;
    uint64_t seed;
    uint64_t wildcard_labels; /* bits of tree_label_bit */
};

/* Files `entries`, in rank order, and links them to lists. ERR_MEMORY. */
MUST_USE enum err tree_init(struct route_tree *tree, struct arena *arena,
                            struct route_entry *entries, uint32_t entry_count);
/* The child of `parent` by host or literal segment, or ROUTE_NONE. */
uint32_t tree_child(const struct route_tree *tree, uint32_t parent, struct str key);
/* One bit for the number of labels in a host; the last one for 63 and more. */
uint64_t tree_label_bit(struct str host);
