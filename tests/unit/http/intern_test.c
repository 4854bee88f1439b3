#include "http/field_rules.h"
#include "test.h"

TEST(every_name_of_the_table_is_found_in_any_case_and_nothing_near_it)
{
    for (int id = 1; id < FIELD_COUNT; id++) {
        char text[80];
        struct str name = field_name((enum field_id)id);
        WANT(name.len > 0 && name.len < sizeof text - 1);
        WANT_INT(field_id_of(name), id);
        for (size_t i = 0; i < name.len; i++) {
            text[i] = char_lower(name.at[i]);
        }
        WANT_INT(field_id_of(str_of(text, name.len)), id);
        for (size_t i = 0; i < name.len; i++) {
            if (text[i] >= 'a' && text[i] <= 'z') {
                text[i] = (char)(text[i] - 'a' + 'A');
            }
        }
        WANT_INT(field_id_of(str_of(text, name.len)), id);
        for (size_t i = 0; i < name.len; i++) {
            for (int c = 0; c < 256; c++) {
                char was = text[i];
                text[i] = (char)c;
                bool is_same = char_lower((char)c) == char_lower(was);
                enum field_id got = field_id_of(str_of(text, name.len));
                WANT(is_same ? got == (enum field_id)id : got != (enum field_id)id);
                text[i] = was;
            }
        }
        WANT(field_id_of(str_of(text, name.len - 1)) != (enum field_id)id);
        text[name.len] = 'x';
        WANT(field_id_of(str_of(text, name.len + 1)) != (enum field_id)id);
    }
    WANT_INT(field_id_of(STR("")), FIELD_OTHER);
    WANT_INT(field_id_of(STR("a")), FIELD_OTHER);
    WANT_INT(field_id_of(STR("X-Custom")), FIELD_OTHER);
    WANT_INT(field_name(FIELD_OTHER).len, 0);
    WANT_INT(field_name(FIELD_COUNT).len, 0);
}

TEST(every_method_of_the_table_is_found_in_its_case_only)
{
    for (int method = 1; method < METHOD_COUNT; method++) {
        char text[16];
        struct str name = method_name((enum method)method);
        WANT(name.len > 0 && name.len < sizeof text - 1);
        WANT_INT(method_of(name), method);
        WANT_INT(method_of(str_of(name.at, name.len - 1)), METHOD_OTHER);
        memcpy(text, name.at, name.len);
        for (size_t i = 0; i < name.len; i++) {
            text[i] = (char)(text[i] | 0x20);
            WANT_INT(method_of(str_of(text, name.len)), METHOD_OTHER);
            text[i] = name.at[i];
        }
    }
    WANT_INT(method_of(STR("")), METHOD_OTHER);
    WANT_INT(method_of(STR("BREW")), METHOD_OTHER);
    WANT(method_is_idempotent(METHOD_PUT));
    WANT(method_is_idempotent(METHOD_QUERY));
    WANT(!method_is_idempotent(METHOD_POST));
    WANT(!method_is_idempotent(METHOD_PATCH));
    WANT(!method_is_idempotent(METHOD_OTHER));
}

TEST(rules_and_their_sets_say_the_same)
{
    for (int id = 0; id < FIELD_COUNT; id++) {
        uint8_t rules = field_rules((enum field_id)id);
        WANT_INT((field_sets.hop >> id) & 1, (rules & FIELD_RULE_HOP) != 0);
        WANT_INT((field_sets.framing >> id) & 1, (rules & FIELD_RULE_FRAMING) != 0);
        WANT_INT((field_sets.identity >> id) & 1, (rules & FIELD_RULE_IDENTITY) != 0);
    }
    WANT_INT(field_rules(FIELD_OTHER), 0);
    WANT_INT(field_rules(FIELD_HOST), FIELD_RULE_FRAMING | FIELD_RULE_ONCE);
}
