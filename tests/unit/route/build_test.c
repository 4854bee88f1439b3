#include "route/build.h"

#include "rules_kit.h"
#include "test.h"

TEST(a_fault_is_passed_on_with_the_rule_and_match_at_hand)
{
    struct kit kit;
    kit_open(&kit);
    const struct router_conf conf = {.report = kit_note, .report_context = &kit.reports};
    const struct route_rule rule = {.name = STR("r")};
    struct route_build build = {&kit.arena, &conf, &rule, 3, false};
    struct pattern *pattern = NULL;
    WANT_INT(build_pattern(&build, STR("a+"), &pattern), OK);
    WANT(pattern != NULL);
    WANT(!build.has_errors);
    pattern_drop(pattern);
    pattern = NULL;
    WANT_INT(build_pattern(&build, STR("ab)"), &pattern), OK);
    WANT(pattern == NULL);
    WANT(build.has_errors);
    WANT_INT(kit.reports.count, 1);
    WANT_INT(kit.reports.at[0].kind, ROUTE_REPORT_BAD_PATTERN);
    WANT_INT(kit.reports.at[0].offset, 2);
    WANT_INT(kit.reports.at[0].match_index, 3);
    WANT(kit.reports.at[0].rule == &rule);
    kit_close(&kit);
}

TEST(nobody_needs_to_listen)
{
    const struct router_conf conf = {0};
    struct route_build build = {.conf = &conf};
    build_fault(&build, &(struct route_fault){.kind = ROUTE_REPORT_BAD_PATH});
    WANT(build.has_errors);
}
