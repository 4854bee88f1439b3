/* policies.c - the tables of policies.h, and finding in them; see policies.h. */
#include "policy/policies.h"

#include "config/table.h"

const struct policy_type *const policy_types[POLICY_COUNT] = {
#define POLICY(name, sentence) &name##_policy,
#include "policy/policies.def"
#undef POLICY
};

const struct conf_kind policy_kinds[POLICY_COUNT] = {
#define POLICY(name_, sentence) {.name = #name_, .summary = sentence, .table = &name_##_table},
#include "policy/policies.def"
#undef POLICY
};

const struct policy_type *policy_find(struct str name)
{
    for (uint32_t i = 0; i < POLICY_COUNT; i++) {
        if (str_eq(str_from_c(policy_types[i]->name), name)) {
            return policy_types[i];
        }
    }
    return NULL;
}
