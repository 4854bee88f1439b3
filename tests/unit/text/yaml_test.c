/* yaml_test.c - events to a tree: places, aliases, limits, and no surprise in any cut of a file. */
#include "test.h"
#include "text/yaml.h"

#include <stdlib.h>

static struct arena arena;
static struct yaml_error error;
static struct source source;
static uint32_t nodes_left;

static struct node *read_str(struct str text, uint32_t nodes, uint32_t depth)
{
    struct yaml_conf conf = {&arena, &arena, depth, &nodes_left};
    struct node *root = NULL;
    arena_reset(&arena);
    arena_init_heap(&arena, 1 << 24);
    nodes_left = nodes;
    source.text = text;
    enum err e = yaml_read(&conf, &source, &root, &error);
    WANT((e == OK) == (error.problem == YAML_FINE));
    return e == OK ? root : NULL;
}

static struct node *read_text(const char *text)
{
    return read_str(str_from_c(text), 10000, 64);
}

TEST(every_node_knows_its_place)
{
    const struct node *root = read_text("a: 1\nbb:\n  - x\n  - {c: \"d e\"}\n");
    const struct node *list = node_find(root, STR("bb"));
    const struct node *map = list->first->next;
    WANT_INT(root->pos.line, 1);
    WANT_INT(list->type, NODE_LIST);
    WANT_INT(list->count, 2);
    WANT_INT(list->first->pos.line, 3);
    WANT_INT(list->first->pos.column, 5);
    WANT_INT(map->pos.column, 5);
    WANT_INT(map->pos.width, 10);
    WANT_INT(map->first->value->pos.column, 9);
    WANT_INT(map->first->value->pos.width, 5);
    WANT_STR(map->first->value->text, STR("d e"));
    WANT(map->first->value->is_quoted);
}

TEST(columns_count_characters_not_bytes)
{
    const struct node *root = read_text("{\xc3\xbc\xc3\xbc: x}");
    WANT_INT(root->first->value->pos.column, 6);
    WANT_INT(root->first->pos.width, 2);
}

TEST(types_are_those_of_plain_scalars_only)
{
    const struct node *root = read_text("[1, \"1\", true, 'true', , ~, yes, |\n 1\n]");
    WANT(root == NULL); /* a block scalar has no place in a flow list */
    root = read_text("[1, \"1\", true, 'true', ~, yes, 1.5]");
    static const enum node_type types[] = {NODE_INT,  NODE_STRING, NODE_BOOL, NODE_STRING,
                                           NODE_NULL, NODE_STRING, NODE_FLOAT};
    const struct node *item = root->first;
    for (size_t i = 0; i < COUNT_OF(types); i++, item = item->next) {
        WANT_INT(item->type, types[i]);
    }
    WANT_STR(read_text("a: |\n  b\n  c\n")->first->value->text, STR("b\nc\n"));
}

TEST(an_alias_repeats_its_anchor)
{
    const struct node *root = read_text("a: &x [1, 2]\nb: *x\nc: [*x, *x]\n");
    const struct node *c = node_find(root, STR("c"));
    WANT_INT(node_find(root, STR("b"))->count, 2);
    WANT_INT(c->count, 2);
    WANT_STR(c->first->next->first->next->text, STR("2"));
}

TEST(an_anchor_may_be_given_again)
{
    const struct node *root = read_text("[&x 1, *x, &x 2, *x]");
    WANT_STR(root->first->next->text, STR("1"));
    WANT_STR(root->first->next->next->next->text, STR("2"));
}

TEST(a_circle_of_aliases_is_refused)
{
    WANT(read_text("a: &x [*x]") == NULL);
    WANT_INT(error.problem, YAML_BAD_ALIAS);
    WANT(read_text("a: *x\nb: &x 1") == NULL);
    WANT_INT(error.problem, YAML_BAD_ALIAS);
}

TEST(a_bomb_of_aliases_is_refused_before_it_goes_off)
{
    char text[2048];
    size_t len = (size_t)snprintf(text, sizeof text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 20; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++) {
            len +=
                (size_t)snprintf(text + len, sizeof text - len, "%s*a%d", j > 0 ? "," : "", i - 1);
        }
        len += (size_t)snprintf(text + len, sizeof text - len, "]\n");
    }
    WANT(read_str(str_of(text, len), 4000000, 64) == NULL);
    WANT_INT(error.problem, YAML_TOO_LARGE);
    WANT_INT(error.pos.line, 7);
    WANT(arena.used_bytes < 100000);
}

TEST(a_bomb_of_merges_is_refused)
{
    char text[4096];
    size_t len = (size_t)snprintf(text, sizeof text, "a0: &a0 {k: [1, 2, 3, 4, 5, 6, 7, 8]}\n");
    for (int i = 1; i < 25; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "a%d: &a%d {<<: *a%d, k%d: [*a%d, *a%d]}\n", i, i, i - 1, i, i - 1,
                                i - 1);
    }
    WANT(read_str(str_of(text, len), 4000000, 64) == NULL);
    WANT_INT(error.problem, YAML_TOO_LARGE);
}

TEST(too_many_values_are_refused)
{
    WANT(read_str(STR("[1,2,3,4,5]"), 6, 64) != NULL);
    WANT_INT(nodes_left, 0);
    WANT(read_str(STR("[1,2,3,4,5]"), 5, 64) == NULL);
    WANT_INT(error.problem, YAML_TOO_LARGE);
}

TEST(nesting_has_a_limit)
{
    char text[400];
    memset(text, '[', 200);
    memset(text + 200, ']', 200);
    WANT(read_str(str_of(text + 136, 128), 10000, 64) != NULL);
    WANT(read_str(str_of(text + 135, 130), 10000, 64) == NULL);
    WANT_INT(error.problem, YAML_TOO_DEEP);
    WANT(read_str(str_of(text, 200), 10000, 64) == NULL);
    WANT_INT(error.problem, YAML_TOO_DEEP);
}

TEST(nothing_is_a_null_and_two_documents_are_one_too_many)
{
    WANT_INT(read_text("")->type, NODE_NULL);
    WANT_INT(read_text("# only a comment\n")->type, NODE_NULL);
    WANT_INT(read_text("---\n")->type, NODE_NULL);
    WANT_INT(read_text("---\na: b\n...\n")->type, NODE_MAP);
    WANT(read_text("a: b\n---\nc: d\n") == NULL);
    WANT_INT(error.problem, YAML_TWO_DOCUMENTS);
    WANT_INT(error.pos.line, 2);
}

TEST(json_reads_as_it_is)
{
    const struct node *root = read_text("{\"a\": [1, true, null, \"\\u00fc\\n\"], \"b\": {}}");
    WANT_INT(root->count, 2);
    WANT_STR(root->first->value->first->next->next->next->text, STR("\xc3\xbc\n"));
}

TEST(every_cut_of_a_file_is_read_or_refused)
{
    static const char text[] = "a: &x {b: [1, 'two', \"three\\t\"], c: |\n    text\n  }\nd: *x\n"
                               "e: {<<: *x, f: ~}\n? g\n: h # end\n";
    for (size_t i = 0; i < sizeof text; i++) {
        char *cut = malloc(i + 1);
        memcpy(cut, text, i);
        (void)read_str(str_of(cut, i), 1000, 64);
        free(cut);
    }
}

TEST(memory_at_its_limit_is_an_answer)
{
    static char text[200000];
    size_t len = 0;
    while (len + 20 < sizeof text) {
        len += (size_t)snprintf(text + len, sizeof text - len, "k%zu: v\n", len);
    }
    for (size_t limit = 1000; limit < 3000000; limit += 65536) {
        struct arena small;
        uint32_t nodes = 1 << 20;
        struct yaml_conf conf = {&small, &small, 64, &nodes};
        struct node *root;
        arena_init_heap(&small, limit);
        source.text = str_of(text, len);
        enum err e = yaml_read(&conf, &source, &root, &error);
        WANT(e == OK || (e == ERR_MEMORY && error.problem == YAML_NO_MEMORY));
        arena_reset(&small);
    }
}
