#include "route/compiled.h"

#include "rules_kit.h"
#include "test.h"

TEST(children_are_found_by_parent_and_key)
{
    static const char *const rules[] = {"a.o/x/y", "a.o/z/y/...", "b.o/x", "*.a.o/{p}/q", NULL};
    struct kit kit;
    kit_load(&kit, rules);
    const struct route_tree *tree = &kit.router->tree;
    uint32_t a = tree_child(tree, TREE_EXACT_HOSTS, STR("a.o"));
    uint32_t b = tree_child(tree, TREE_EXACT_HOSTS, STR("b.o"));
    uint32_t wild = tree_child(tree, TREE_WILDCARD_HOSTS, STR("a.o"));
    WANT(a != ROUTE_NONE && b != ROUTE_NONE && wild != ROUTE_NONE);
    WANT(a != b && a != wild);
    uint32_t x = tree_child(tree, a, STR("x")), z = tree_child(tree, a, STR("z"));
    WANT(x != ROUTE_NONE && z != ROUTE_NONE && x != z);
    WANT(tree_child(tree, x, STR("y")) != tree_child(tree, z, STR("y")));
    WANT(tree_child(tree, b, STR("z")) == ROUTE_NONE);
    WANT(tree_child(tree, a, STR("y")) == ROUTE_NONE);
    WANT(tree_child(tree, a, STR("")) == ROUTE_NONE);
    WANT(tree->nodes[wild].param_child != ROUTE_NONE);
    WANT(tree_child(tree, wild, STR("{}")) == ROUTE_NONE);
    kit_close(&kit);
}

TEST(a_node_knows_the_least_rank_below_it)
{
    static const char *const rules[] = {"/a/b/...", "/a/...", "/a/c", "x.o/a", NULL};
    struct kit kit;
    kit_load(&kit, rules);
    const struct route_tree *tree = &kit.router->tree;
    for (uint32_t i = TREE_FIRST_FREE; i < tree->node_count; i++) {
        const struct route_node *node = &tree->nodes[i];
        WANT(tree->nodes[node->parent].best <= node->best);
        WANT(node->best < kit.router->entry_count);
    }
    for (uint32_t rank = 0; rank < kit.router->entry_count; rank++) {
        WANT(kit.router->entries[rank].next > rank);
    }
    kit_close(&kit);
}

TEST(no_lookup_is_long_however_many_children_there_are)
{
    enum { RULES = 20000, LINE_BYTES = 32 };
    struct kit kit;
    kit_open(&kit);
    kit.rules = kit_alloc(&kit, RULES * sizeof *kit.rules);
    kit.rule_count = RULES;
    char *lines = kit_alloc(&kit, (size_t)RULES * LINE_BYTES);
    for (uint32_t i = 0; i < RULES; i++) {
        struct strbuf line = strbuf_over(lines + (size_t)i * LINE_BYTES, LINE_BYTES - 1);
        strbuf_add_fmt(&line, "/r/%u", i);
        kit_rule(&kit, &kit.rules[i], line.at);
    }
    kit_compile(&kit);
    WANT_INT(kit.result, OK);
    const struct route_tree *tree = &kit.router->tree;
    uint32_t run = 0, longest = 0;
    for (uint32_t i = 0; i <= tree->slot_mask; i++) {
        run = tree->slots[i].child == ROUTE_NONE ? 0 : run + 1;
        longest = run > longest ? run : longest;
    }
    printf("# longest run of used slots: %u\n", longest);
    WANT(longest <= TREE_PROBES_MAX);
    WANT_STR(kit_taker(&kit, "GET h/r/19999"), STR("/r/19999"));
    WANT_STR(kit_taker(&kit, "GET h/r/20000"), STR("-"));
    kit_close(&kit);
}

TEST(labels_are_bits)
{
    char host[256];
    WANT(tree_label_bit(STR("org")) == UINT64_C(1) << 1);
    WANT(tree_label_bit(STR("a.b.org")) == UINT64_C(1) << 3);
    memset(host, '.', sizeof host);
    WANT(tree_label_bit(str_of(host, sizeof host)) == UINT64_C(1) << 63);
}
