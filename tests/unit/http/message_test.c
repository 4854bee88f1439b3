#include "http/message.h"

#include "test.h"

static struct arena arena;
static struct fields fields;

static void start(void)
{
    arena_init_heap(&arena, 1 << 16);
    fields = (struct fields){0};
    WANT_INT(fields_add(&fields, &arena, STR("Host"), STR("a")), OK);
    WANT_INT(fields_add(&fields, &arena, STR("X-One"), STR("1")), OK);
    WANT_INT(fields_add(&fields, &arena, STR("Via"), STR("x")), OK);
    WANT_INT(fields_add(&fields, &arena, STR("x-ONE"), STR("2")), OK);
    WANT_INT(fields_add(&fields, &arena, STR("VIA"), STR("y")), OK);
}

TEST(fields_are_found_by_id_and_by_any_name_in_order)
{
    start();
    struct field *via = fields_find(&fields, FIELD_VIA);
    WANT(via != NULL);
    WANT_STR(via->value, STR("x"));
    via = fields_find_again(&fields, via);
    WANT_STR(via->value, STR("y"));
    WANT(fields_find_again(&fields, via) == NULL);
    struct field *one = fields_find_name(&fields, STR("X-one"));
    WANT_STR(one->value, STR("1"));
    one = fields_find_again(&fields, one);
    WANT_STR(one->value, STR("2"));
    WANT(fields_find_again(&fields, one) == NULL);
    WANT(fields_find(&fields, FIELD_COOKIE) == NULL);
    WANT(fields_find_name(&fields, STR("X-Two")) == NULL);
    WANT_STR(fields_find_name(&fields, STR("hOsT"))->value, STR("a"));
    arena_reset(&arena);
}

TEST(set_replaces_all_and_remove_counts)
{
    start();
    WANT_INT(fields_set(&fields, &arena, STR("X-One"), STR("3")), OK);
    struct field *one = fields_find_name(&fields, STR("x-one"));
    WANT_STR(one->value, STR("3"));
    WANT(fields_find_again(&fields, one) == NULL);
    WANT_INT(fields_remove_id(&fields, FIELD_VIA), 2);
    WANT_INT(fields_remove_id(&fields, FIELD_VIA), 0);
    WANT(fields_find(&fields, FIELD_VIA) == NULL);
    WANT_INT(fields_remove(&fields, STR("X-ONE")), 1);
    WANT_INT(fields_remove(&fields, STR("X-ONE")), 0);
    WANT_INT(fields_set_id(&fields, &arena, FIELD_HOST, STR("b")), OK);
    WANT_STR(fields_find(&fields, FIELD_HOST)->value, STR("b"));
    WANT_STR(fields_find(&fields, FIELD_HOST)->name, STR("Host"));
    WANT(fields_find_again(&fields, fields_find(&fields, FIELD_HOST)) == NULL);
    arena_reset(&arena);
}

TEST(nothing_that_could_split_a_message_is_added)
{
    static const char *const bad_names[] = {"",    "a b",      "a:",  "a\r",
                                            "a\n", "\xc3\xa9", "a\"", "a/b"};
    static const char *const bad_values[] = {"a\rb", "a\nb", "\r\n", "a\x01", "a\x7f"};
    start();
    uint32_t count = fields.count;
    for (size_t i = 0; i < COUNT_OF(bad_names); i++) {
        WANT_INT(fields_add(&fields, &arena, str_from_c(bad_names[i]), STR("x")), ERR_BAD_FIELD);
        WANT_INT(fields_set(&fields, &arena, str_from_c(bad_names[i]), STR("x")), ERR_BAD_FIELD);
    }
    for (size_t i = 0; i < COUNT_OF(bad_values); i++) {
        WANT_INT(fields_add(&fields, &arena, STR("X"), str_from_c(bad_values[i])), ERR_BAD_FIELD);
        WANT_INT(fields_set(&fields, &arena, STR("X-One"), str_from_c(bad_values[i])),
                 ERR_BAD_FIELD);
        WANT_INT(fields_set_id(&fields, &arena, FIELD_VIA, str_from_c(bad_values[i])),
                 ERR_BAD_FIELD);
    }
    WANT_INT(fields_add(&fields, &arena, STR("X"), str_of("a\0b", 3)), ERR_BAD_FIELD);
    WANT_INT(fields.count, count);
    WANT(fields_find_name(&fields, STR("X-One")) != NULL);
    WANT(fields_find(&fields, FIELD_VIA) != NULL);
    arena_reset(&arena);
}

TEST(a_refusal_for_want_of_memory_changes_nothing)
{
    struct field room[1];
    fields = (struct fields){.at = room, .cap = 1};
    arena_init_heap(&arena, 0);
    WANT_INT(fields_add(&fields, &arena, STR("Via"), STR("x")), OK);
    WANT_INT(fields_add(&fields, &arena, STR("Via"), STR("y")), ERR_MEMORY);
    WANT_INT(fields_set(&fields, &arena, STR("Via"), STR("y")), ERR_MEMORY);
    WANT_INT(fields_set_id(&fields, &arena, FIELD_VIA, STR("y")), ERR_MEMORY);
    WANT_STR(fields_find(&fields, FIELD_VIA)->value, STR("x"));
    WANT_INT(fields_reserve(&fields, &arena, UINT32_MAX), ERR_MEMORY);
    WANT_INT(fields_reserve(&fields, &arena, 1U << 31), ERR_MEMORY);
    arena_reset(&arena);
}

TEST(an_empty_set_of_fields_is_valid)
{
    fields = (struct fields){0};
    WANT(fields_find(&fields, FIELD_HOST) == NULL);
    WANT(fields_find_name(&fields, STR("x")) == NULL);
    WANT_INT(fields_remove(&fields, STR("x")), 0);
    WANT_INT(fields_remove_id(&fields, FIELD_HOST), 0);
}
