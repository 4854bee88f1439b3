/* policies.h - all policies as three tables that the rows of policies.def make: what runs, what a
 * file may say, and in which order. Nothing registers itself; the list is the list. */
#pragma once

#include "config/config.h"
#include "exchange/policy.h"

enum policy_index {
#define POLICY(name, sentence) POLICY_##name,
#include "policy/policies.def"
#undef POLICY
    POLICY_COUNT
};

/* What each policy file defines, and the sentence of its row for it to use. */
#define POLICY(name, sentence)                                                                     \
    extern const struct policy_type name##_policy;                                                 \
    extern const struct conf_table name##_table;                                                   \
    static const char name##_summary[] = sentence;
#include "policy/policies.def"
#undef POLICY

/* In running order, as policy_kinds is: conf_policy.kind_index is a place in both. */
extern const struct policy_type *const policy_types[POLICY_COUNT];
/* For config_opts.kinds. No kind allows replacing it under `enforce`. */
extern const struct conf_kind policy_kinds[POLICY_COUNT];

/* The policy that a file calls `name`, or NULL. */
const struct policy_type *policy_find(struct str name);
