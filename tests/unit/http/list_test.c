#include "http/list.h"

#include "test.h"

TEST(a_token_is_found_whole_and_without_case)
{
    WANT(list_has(STR("close"), STR("close")));
    WANT(list_has(STR(" a , CLOSE,b"), STR("close")));
    WANT(list_has(STR(",,close"), STR("close")));
    WANT(!list_has(STR("closed, close-notify"), STR("close")));
    WANT(!list_has(STR("close;q=1"), STR("close")));
    WANT(!list_has(STR(""), STR("close")));
    WANT(!list_has(STR(", ,"), STR("")));
}

TEST(repeated_fields_are_one_list)
{
    struct arena arena;
    struct fields fields = {0};
    arena_init_heap(&arena, 1 << 12);
    WANT(!list_field_has(&fields, FIELD_UPGRADE, STR("websocket")));
    WANT_INT(fields_add(&fields, &arena, STR("Upgrade"), STR("h2c")), OK);
    WANT(!list_field_has(&fields, FIELD_UPGRADE, STR("websocket")));
    WANT_INT(fields_add(&fields, &arena, STR("upgrade"), STR("x, WebSocket")), OK);
    WANT(list_field_has(&fields, FIELD_UPGRADE, STR("websocket")));
    WANT_INT(fields_remove_id(&fields, FIELD_UPGRADE), 2);
    WANT(!list_field_has(&fields, FIELD_UPGRADE, STR("websocket")));
    arena_reset(&arena);
}

TEST(appending_makes_one_field_of_several)
{
    char last[] = "c";
    struct arena arena;
    struct fields fields = {0};
    arena_init_heap(&arena, 1 << 12);
    WANT_INT(list_field_append(&fields, &arena, FIELD_VARY, STR("a")), OK);
    WANT_STR(fields_find(&fields, FIELD_VARY)->value, STR("a"));
    WANT_INT(fields_add(&fields, &arena, STR("vary"), STR("b, x")), OK);
    WANT_INT(list_field_append(&fields, &arena, FIELD_VARY, str_of(last, 1)), OK);
    last[0] = '!';
    const struct field *field = fields_find(&fields, FIELD_VARY);
    WANT_STR(field->value, STR("a, b, x, c"));
    WANT(fields_find_again(&fields, field) == NULL);
    WANT_INT(list_field_append(&fields, &arena, FIELD_VARY, STR("d\n")), ERR_BAD_FIELD);
    WANT_STR(fields_find(&fields, FIELD_VARY)->value, STR("a, b, x, c"));
    arena_reset(&arena);
}
