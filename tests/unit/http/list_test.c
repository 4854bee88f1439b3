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
