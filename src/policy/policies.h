/* policies.h - every policy; none yet. */
#pragma once
#include "config/config.h"
#include "exchange/policy.h"
enum { POLICY_COUNT = 0 };
extern const struct policy_type *const policy_types[];
extern const struct conf_kind policy_kinds[];
