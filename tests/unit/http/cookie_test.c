#include "base/check.h"
#include "http/cookie.h"
#include "test.h"

static struct str cookie_in(const char *header, const char *name)
{
    struct arena arena;
    struct fields fields = {0};
    struct str value = STR("(none)");
    arena_init_heap(&arena, 1 << 20);
    CHECK(fields_add(&fields, &arena, STR("Cookie"), str_from_c(header)) == OK);
    (void)cookie_find(&fields, str_from_c(name), &value);
    arena_reset(&arena);
    return value;
}

TEST(a_cookie_is_found_by_its_exact_name)
{
    static const struct {
        const char *header, *name, *value;
    } rows[] = {{"a=1", "a", "1"},
                {"a=1; b=2", "b", "2"},
                {"a=1;b=2", "b", "2"},
                {"ab=1; b=2", "b", "2"},
                {"A=1", "a", "(none)"},
                {"a", "a", "(none)"},
                {"a=", "a", ""},
                {"a=\"q\"", "a", "q"},
                {"a=\"", "a", "\""},
                {"a=1; a=2", "a", "1"},
                {"x=a=1; a=3", "a", "3"},
                {" a=1 ; b=2 ", "a", "1"},
                {"a=\"x;b=2\"", "b", "2\""},
                {";;a=1;;", "a", "1"},
                {"", "a", "(none)"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        WANT_STR(cookie_in(rows[i].header, rows[i].name), str_from_c(rows[i].value));
    }
}

TEST(a_cookie_is_taken_out_wherever_it_stands)
{
    static const struct {
        const char *header, *left; /* NULL: the field is gone */
    } rows[] = {
        {"sid=1", NULL},         {"sid=1; a=2", "a=2"},       {"a=2; sid=1", "a=2"},
        {"a=2;sid=1;b=3", "a=2; b=3"}, {"sid=1; sid=2", NULL},  {"a=1;b=2", "a=1;b=2"},
        {"asid=1; sid=", "asid=1"}, {"a;b;c;sid=1", "a; b; c"}, {"sid; sid=1", "sid"},
        {" ; sid=\"x\";", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct fields fields = {0};
        arena_init_heap(&arena, 1 << 20);
        CHECK(fields_add(&fields, &arena, STR("Cookie"), str_from_c(rows[i].header)) == OK);
        WANT_INT(cookie_take_out(&fields, STR("sid"), &arena), OK);
        const struct field *field = fields_find(&fields, FIELD_COOKIE);
        WANT((field == NULL) == (rows[i].left == NULL));
        if (field != NULL && rows[i].left != NULL) {
            WANT_STR(field->value, str_from_c(rows[i].left));
        }
        arena_reset(&arena);
    }
}
