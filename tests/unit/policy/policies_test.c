#include "policy/policies.h"

#include "config/table.h"
#include "test.h"

TEST(every_policy_stands_at_one_place_with_one_name_and_one_sentence)
{
    for (uint32_t i = 0; i < POLICY_COUNT; i++) {
        const struct policy_type *type = policy_types[i];
        const struct conf_kind *kind = &policy_kinds[i];
        WANT_STR(str_from_c(type->name), str_from_c(kind->name));
        WANT_STR(str_from_c(type->summary), str_from_c(kind->summary));
        WANT_STR(str_from_c(kind->table->name), str_from_c(kind->name));
        WANT_STR(str_from_c(kind->table->summary), str_from_c(kind->summary));
        WANT(type->table == kind->table);
        WANT(policy_find(str_from_c(type->name)) == type);
        WANT(str_ends(str_from_c(type->summary), STR(".")));
    }
}

TEST(preflights_are_answered_before_anything_else)
{
    WANT_INT(POLICY_cors, 0);
    WANT(policy_types[POLICY_cors] == &cors_policy);
}

TEST(a_name_that_no_policy_has_finds_none)
{
    WANT(policy_find(STR("CORS")) == NULL);
    WANT(policy_find(STR("")) == NULL);
    WANT(policy_find(STR("cors2")) == NULL);
}

TEST(every_key_of_every_policy_has_its_sentence)
{
    for (uint32_t i = 0; i < POLICY_COUNT; i++) {
        const struct conf_table *table = policy_kinds[i].table;
        for (uint32_t j = 0; j < table->field_count; j++) {
            WANT(table->fields[j].summary != NULL);
        }
    }
}
