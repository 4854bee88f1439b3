/* yaml_fuzz.c - any bytes give a tree whose places are within the text, or one refusal with a place;
 * the tree has no more nodes than allowed however its aliases expand. */
#include "base/check.h"
#include "text/yaml.h"

enum { NODES_MAX = 10000, DEPTH_MAX = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nodes of the expanded tree; every one has a place and a type that fits what it holds. */
static uint32_t walk(const struct node *node, const struct source *source, uint32_t depth)
{
    uint32_t count = 1, children = 0;
    CHECK(depth <= DEPTH_MAX);
    CHECK(node->pos.source == source);
    CHECK(node->pos.line >= 1);
    CHECK(node->pos.column >= 1);
    CHECK(node->type == NODE_LIST || node->type == NODE_MAP || node->first == NULL);
    for (const struct node *at = node->first; at != NULL; at = at->next) {
        children++;
        if (node->type == NODE_MAP) {
            CHECK(at->value != NULL);
            count += walk(at->value, source, depth + 1);
        }
        count += node->type == NODE_MAP ? 1 : walk(at, source, depth + 1);
    }
    CHECK(children == node->count);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct source source = {.text = {(const char *)data, size}};
    uint32_t nodes_left = NODES_MAX;
    struct yaml_conf conf = {&arena, &arena, DEPTH_MAX, &nodes_left};
    struct yaml_error error;
    struct node *root = NULL;
    arena_init_heap(&arena, 16 << 20);
    enum err e = yaml_read(&conf, &source, &root, &error);
    CHECK((e == OK) == (error.problem == YAML_FINE));
    if (e == OK) {
        CHECK(walk(root, &source, 0) <= NODES_MAX + 1);
    } else {
        CHECK(error.message[0] != '\0');
        CHECK(error.pos.line >= 1);
    }
    arena_reset(&arena);
    return 0;
}
