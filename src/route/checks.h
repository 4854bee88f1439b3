/* checks.h - conditions on header fields and query parameters, compiled. What they mean stands at
 * struct route_test in rule.h; here they are judged, and compared with each other to find rules
 * that no request can reach. */
#pragma once

#include "base/limits.h"
#include "route/build.h"
#include "text/pattern.h"

struct route_check {
    const struct route_test *test;
    struct pattern *pattern; /* ROUTE_TEST_PATTERN */
    uint16_t field_id;       /* headers: enum field_id */
    bool is_query;
};

struct route_checks {
    struct route_check *headers, *query;
    uint32_t header_count, query_count;
};

/* What one thread needs to judge them. */
struct checks_scratch {
    struct pattern_scratch pattern;
    char decoded[LIMIT_VALUE(target_bytes)]; /* one query value */
};

/* The first condition that does not hold. */
struct checks_miss {
    const struct route_test *test;
    bool is_query;
    bool is_absent; /* the name does not occur at all */
};

/* Reports bad names and patterns to `build`. ERR_MEMORY. */
MUST_USE enum err checks_init(struct route_checks *checks, struct route_build *build,
                              const struct route_cond *cond);
/* Releases patterns. */
void checks_drop(struct route_checks *checks);

static inline bool checks_is_empty(const struct route_checks *checks)
{
    return checks->header_count == 0 && checks->query_count == 0;
}

/* OK: all hold. ERR_NOT_FOUND: *miss does not. ERR_LIMIT: a pattern ran out of its
 * budget, or a query value that a pattern is to judge is longer than limit target_bytes. */
MUST_USE enum err checks_judge(const struct route_checks *checks, const struct route_input *input,
                               struct checks_scratch *scratch, struct checks_miss *miss);
/* Whether both test the same field or parameter. */
bool check_has_name_of(const struct route_check *check, const struct route_check *other);

/* Goes through the values that a request has under the name of a check. */
struct check_values {
    const struct route_check *check;
    const struct route_input *input;
    uint32_t field;    /* where to go on */
    struct str params; /* the same, in the query */
};

/* Before the first one. */
struct check_values check_values_of(const struct route_check *check,
                                    const struct route_input *input);
/* The next one, decoded; false at the end. Decoded ones stand in the scratch until the next call;
 * a query value that does not fit there is left out. */
bool check_values_next(struct check_values *values, struct checks_scratch *scratch,
                       struct str *out);
/* Whether what meets the header and query conditions of `narrow` always meets those of `wide`. */
bool checks_cover(const struct route_cond *wide, const struct route_cond *narrow);
