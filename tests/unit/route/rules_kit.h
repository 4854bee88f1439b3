/* rules_kit.h - rules for tests in one line each: "[METHODS] [host]path [condition...]".
 * Host: empty for any, "*.name" for a wildcard. Path: "/a" exact, "/a/..." prefix (three dots, as a
 * star would end this comment), "{x}" a parameter, "~regex" a pattern, empty for any. Conditions:
 * "h:Name=value", "h:Name~regex", "h:Name", "h:!Name", the same with "q:", and "p:5" a priority. */
#pragma once

#include "base/arena.h"
#include "route/router.h"

/* What router_new said. */
struct kit_reports {
    struct route_report at[64];
    uint32_t count;
};

struct kit {
    struct arena arena;
    struct route_rule *rules;
    uint32_t rule_count;
    struct router *router;
    struct route_scratch *scratch;
    struct kit_reports reports;
    enum err result;
};

/* Fits router_conf.report, with a struct kit_reports. */
void kit_note(void *context, const struct route_report *report);
/* Opens a kit without rules. */
void kit_open(struct kit *kit);
void *kit_alloc(struct kit *kit, size_t bytes);
/* Fills a rule of one match; the line must outlive the kit. */
void kit_rule(struct kit *kit, struct route_rule *rule, const char *line);
/* Numbers kit->rules and compiles them. */
void kit_compile(struct kit *kit);
/* Opens a kit over `lines`, ended by NULL. */
void kit_load(struct kit *kit, const char *const *lines);
void kit_close(struct kit *kit);
/* A request in one line: "METHOD host/path?query Name: value|Name: value". */
struct route_input kit_input(struct kit *kit, const char *line);
/* The name of the rule that takes it, or "-" for 404, "405", "limit". */
struct str kit_taker(struct kit *kit, const char *request);
