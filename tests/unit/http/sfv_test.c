#include "http/sfv.h"

#include "sfv_json.h"
#include "test.h"

#include <stdlib.h>

static const char *const files[] = {"binary",
                                    "boolean",
                                    "date",
                                    "dictionary",
                                    "display-string",
                                    "examples",
                                    "item",
                                    "list",
                                    "listlist",
                                    "key-generated",
                                    "large-generated",
                                    "number",
                                    "number-generated",
                                    "param-dict",
                                    "param-list",
                                    "param-listlist",
                                    "string",
                                    "string-generated",
                                    "token",
                                    "token-generated"};

static enum err parse(struct arena *arena, struct str type, struct str text, json_t **out)
{
    struct sfv_item item;
    struct sfv_members members;
    /* A copy of exactly its size: the address sanitizer sees one byte too many. */
    char *exact = malloc(text.len + (text.len == 0));
    memcpy(exact, text.at, text.len);
    text.at = exact;
    bool is_item = str_eq(type, STR("item")), is_list = str_eq(type, STR("list"));
    enum err e = is_item   ? sfv_parse_item(arena, text, &item)
                 : is_list ? sfv_parse_list(arena, text, &members)
                           : sfv_parse_dictionary(arena, text, &members);
    if (e == OK) {
        *out = is_item ? sfv_item_to_json(&item) : sfv_members_to_json(&members, !is_list);
    }
    free(exact);
    return e;
}

static void run_vector(const json_t *vector)
{
    struct arena arena;
    json_t *got = NULL, *wanted = json_object_get(vector, "expected");
    struct str name = sfv_text_of(json_object_get(vector, "name"));
    bool must_fail = json_is_true(json_object_get(vector, "must_fail"));
    bool can_fail = json_is_true(json_object_get(vector, "can_fail"));
    arena_init_heap(&arena, 1 << 22);
    struct str text = sfv_lines(&arena, json_object_get(vector, "raw"));
    struct str type = sfv_text_of(json_object_get(vector, "header_type"));
    enum err e = parse(&arena, type, text, &got);
    WANT(e == OK || e == ERR_SYNTAX);
    bool is_good = must_fail ? e != OK : e != OK ? can_fail : json_equal(got, wanted) != 0;
    WANT(is_good);
    if (!is_good) {
        printf("# %.*s\n", STR_FMT(name));
    }
    json_decref(got);
    arena_reset(&arena);
}

TEST(the_public_vectors_are_read_as_expected)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        count += sfv_each(files[i], run_vector);
    }
    if (count == 0) {
        SKIP("no structured field vectors");
    }
    WANT(count > 1000);
}

TEST(members_and_parameters_are_found_by_key)
{
    struct arena arena;
    struct sfv_members dictionary;
    struct str text = STR("u=3, i, a=(1 \"x\\\"y\" t*);q=0.5;d=@17, b=:aGk=:, a;z=%\"%c3%bc\"");
    arena_init_heap(&arena, 1 << 16);
    WANT_INT(sfv_parse_dictionary(&arena, text, &dictionary), OK);
    WANT_INT(dictionary.count, 4);
    WANT_INT(sfv_find(&dictionary, STR("u"))->value.number, 3);
    WANT_INT(sfv_find(&dictionary, STR("i"))->value.kind, SFV_BOOLEAN);
    WANT_STR(sfv_find(&dictionary, STR("b"))->value.text, STR("hi"));
    const struct sfv_item *a = sfv_find(&dictionary, STR("a"));
    WANT(a == &dictionary.at[2].item);
    WANT_INT(a->value.kind, SFV_BOOLEAN);
    WANT_STR(sfv_param(a, STR("z"))->text, STR("\xc3\xbc"));
    WANT(sfv_param(a, STR("q")) == NULL);
    WANT(sfv_find(&dictionary, STR("x")) == NULL);
    arena_reset(&arena);
}

TEST(bounds_hold_at_their_edge)
{
    static char text[1 << 16];
    for (size_t more = 0; more < 2; more++) {
        struct arena arena;
        struct sfv_members list;
        struct sfv_item item;
        struct strbuf out = strbuf_over(text, sizeof text);
        enum err wanted = more > 0 ? ERR_SYNTAX : OK;
        arena_init_heap(&arena, 1 << 22);
        for (size_t i = 0; i < SFV_MEMBERS_MAX + more; i++) {
            strbuf_add(&out, i > 0 ? STR(",1") : STR("1"));
        }
        WANT_INT(sfv_parse_list(&arena, strbuf_str(&out), &list), wanted);
        out = strbuf_over(text, sizeof text);
        strbuf_add(&out, STR("1"));
        for (size_t i = 0; i < SFV_PARAMS_MAX + more; i++) {
            strbuf_add_fmt(&out, ";a%zu", i);
        }
        WANT_INT(sfv_parse_item(&arena, strbuf_str(&out), &item), wanted);
        out = strbuf_over(text, sizeof text);
        strbuf_add(&out, STR("("));
        for (size_t i = 0; i < SFV_INNER_MAX + more; i++) {
            strbuf_add(&out, STR("1 "));
        }
        strbuf_add(&out, STR(")"));
        WANT_INT(sfv_parse_list(&arena, strbuf_str(&out), &list), wanted);
        arena_reset(&arena);
    }
}

TEST(every_prefix_of_a_value_is_read_or_refused_in_bounds)
{
    struct str text =
        STR("a=(1 -2.5 \"x\\\\\" t:/ :aGk=: ?0 @5 %\"%c3%bc\");p=1;q, b;c=\"d\", e=f");
    for (size_t len = 0; len <= text.len; len++) {
        static const char *const types[] = {"item", "list", "dictionary"};
        for (size_t i = 0; i < COUNT_OF(types); i++) {
            struct arena arena;
            json_t *got = NULL;
            arena_init_heap(&arena, 1 << 16);
            enum err e = parse(&arena, str_from_c(types[i]), str_sub(text, 0, len), &got);
            WANT(e == OK || e == ERR_SYNTAX);
            json_decref(got);
            arena_reset(&arena);
        }
    }
}

TEST(want_of_memory_is_an_error)
{
    static const char *const texts[] = {"1, 2", ":aGk=:", "%\"a\"", "\"\\\\\"", "(1)", "1;a"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct arena arena;
        struct sfv_members list;
        arena_init_heap(&arena, 0);
        WANT_INT(sfv_parse_list(&arena, str_from_c(texts[i]), &list), ERR_MEMORY);
        arena_reset(&arena);
    }
}
