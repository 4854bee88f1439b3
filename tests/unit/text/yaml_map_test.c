/* yaml_map_test.c - equal keys and merge keys. */
#include "test.h"
#include "text/yaml.h"

static struct arena arena;
static struct yaml_error error;
static struct source source;

static struct node *read_text(const char *text)
{
    uint32_t nodes = 100000;
    struct yaml_conf conf = {&arena, &arena, 64, &nodes};
    struct node *root = NULL;
    arena_reset(&arena);
    arena_init_heap(&arena, 1 << 24);
    source.text = str_from_c(text);
    return yaml_read(&conf, &source, &root, &error) == OK ? root : NULL;
}

static struct str value_of(const struct node *map, const char *key)
{
    const struct node *value = node_find(map, str_from_c(key));
    return value == NULL ? STR("(none)") : value->text;
}

TEST(a_key_twice_names_both_places)
{
    WANT(read_text("a: 1\nb: 2\na: 3\n") == NULL);
    WANT_INT(error.problem, YAML_DUPLICATE_KEY);
    WANT_INT(error.pos.line, 3);
    WANT_INT(error.other.line, 1);
}

TEST(a_key_twice_among_many_is_found_too)
{
    char text[8192];
    size_t len = 0;
    for (int i = 0; i < 200; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "k%d: 1\n", i);
    }
    snprintf(text + len, sizeof text - len, "k7: 1\n");
    WANT(read_text(text) == NULL);
    WANT_INT(error.problem, YAML_DUPLICATE_KEY);
    WANT_INT(error.pos.line, 201);
    WANT_INT(error.other.line, 8);
    text[len] = '\0';
    WANT(read_text(text) != NULL);
}

TEST(quotes_do_not_make_another_key)
{
    WANT(read_text("a: 1\n\"a\": 2\n") == NULL);
    WANT_INT(error.problem, YAML_DUPLICATE_KEY);
}

TEST(a_merge_key_gives_what_the_map_does_not_say)
{
    const struct node *root = read_text("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3, c: 4}\n");
    const struct node *y = node_find(root, STR("y"));
    WANT_STR(value_of(y, "a"), STR("1"));
    WANT_STR(value_of(y, "b"), STR("3"));
    WANT_STR(value_of(y, "c"), STR("4"));
    WANT_INT(y == NULL ? 0 : y->count, 3);
    WANT(node_find(y, STR("<<")) == NULL);
}

TEST(the_first_of_several_merged_maps_wins)
{
    const struct node *root =
        read_text("x: &x {a: 1}\nz: &z {a: 2, b: 2}\ny: {<<: [*x, *z]}\nq: {\"<<\": 5}\n");
    const struct node *y = node_find(root, STR("y"));
    WANT_STR(value_of(y, "a"), STR("1"));
    WANT_STR(value_of(y, "b"), STR("2"));
    WANT_STR(value_of(node_find(root, STR("q")), "<<"), STR("5"));
}

TEST(only_maps_are_merged)
{
    WANT(read_text("a: {<<: 5}") == NULL);
    WANT_INT(error.problem, YAML_BAD_KEY);
    WANT(read_text("a: {<<: [{b: 1}, 5]}") == NULL);
    WANT_INT(error.problem, YAML_BAD_KEY);
}

TEST(what_is_not_a_map_has_no_keys)
{
    WANT(node_find(NULL, STR("a")) == NULL);
    WANT(node_find(read_text("[a]"), STR("a")) == NULL);
}
