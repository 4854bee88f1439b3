#include "http/query.h"

#include "test.h"

struct row {
    const char *query, *name, *value; /* value NULL: not found */
};

static const struct row rows[] = {
    {"a=1", "a", "1"},       {"a=1&b=2", "b", "2"},   {"a=1&a=2", "a", "1"},
    {"&&a=1&", "a", "1"},    {"a", "a", ""},          {"a=", "a", ""},
    {"a=b=c", "a", "b=c"},   {"%61=%20", "a", "%20"}, {"a+b=1", "a b", "1"},
    {"a%2bb=1", "a+b", "1"}, {"a%26b=1", "a&b", "1"}, {"%=1", "%", "1"},
    {"%4=1", "%4", "1"},     {"%zz=1", "%zz", "1"},   {"=1", "", "1"},
    {"A=1", "a", NULL},      {"aa=1", "a", NULL},     {"a;b=1", "b", NULL},
    {"", "a", NULL},         {"%00a=1", "", NULL},
};

TEST(a_parameter_is_found_by_its_decoded_name)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str value = {0};
        bool is_found = query_find(str_from_c(rows[i].query), str_from_c(rows[i].name), &value);
        WANT_INT(is_found, rows[i].value != NULL);
        if (is_found) {
            WANT_STR(value, str_from_c(rows[i].value));
        }
    }
}

TEST(all_parameters_come_in_order)
{
    struct str rest = STR("a=1&&b&c=%41=");
    struct query_param param;
    WANT(query_next(&rest, &param));
    WANT_STR(param.raw_name, STR("a"));
    WANT_STR(param.raw_value, STR("1"));
    WANT(query_next(&rest, &param));
    WANT_STR(param.raw_name, STR("b"));
    WANT(!param.has_value);
    WANT(query_next(&rest, &param));
    WANT_STR(param.raw_value, STR("%41="));
    WANT(!query_next(&rest, &param));
}

TEST(what_compares_equal_decodes_equal)
{
    static const char *const raws[] = {"",   "a",   "%41+b", "%",
                                       "%4", "%4g", "a%00b", "+%2b%20%C3%BC"};
    for (size_t i = 0; i < COUNT_OF(raws); i++) {
        struct arena arena;
        struct str text = {0}, raw = str_from_c(raws[i]);
        arena_init_heap(&arena, 1 << 12);
        WANT_INT(query_decode(&arena, raw, &text), OK);
        WANT(query_is(raw, text));
        WANT(!query_is(raw, STR("another")));
        arena_reset(&arena);
    }
}

TEST(nothing_is_copied_where_nothing_is_escaped)
{
    struct arena arena;
    struct str raw = STR("abc"), text;
    arena_init_heap(&arena, 0);
    WANT_INT(query_decode(&arena, raw, &text), OK);
    WANT(text.at == raw.at);
    WANT_INT(query_decode(&arena, STR("%41"), &text), ERR_MEMORY);
    arena_reset(&arena);
}
