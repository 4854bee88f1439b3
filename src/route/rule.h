/* rule.h - what the router is compiled from: rules as the configuration states them.
 * Own structs, so that the router knows no file format; proxy/world.c translates. A rule has one or
 * more matches, any of which is enough; inside a match every condition must hold. All memory is
 * borrowed and must live as long as the router (the snapshot's arena). */
#pragma once

#include "http/message.h"

enum route_path_kind {
    ROUTE_PATH_ANY,    /* no condition; the only kind that takes "*" (OPTIONS *) */
    ROUTE_PATH_EXACT,  /* "/foo" is not "/foo/" */
    ROUTE_PATH_PREFIX, /* by whole segments: "/foo" and "/foo/" are the same prefix and take /foo,
                          /foo/ and /foo/bar, never /foobar; "/" takes all */
    ROUTE_PATH_PATTERN /* PCRE2 over the whole path; named groups become parameters */
};

struct route_path {
    struct str text; /* brought to canonical form at compile time, like the paths of requests */
    uint8_t kind;    /* enum route_path_kind */
    bool has_params; /* EXACT, PREFIX: a segment "{name}" takes any one segment that is not empty */
};

enum route_test_kind {
    ROUTE_TEST_EQUALS,  /* one of `values` */
    ROUTE_TEST_PATTERN, /* PCRE2 over the whole value */
    ROUTE_TEST_PRESENT, /* any value */
    ROUTE_TEST_ABSENT   /* no such field or parameter */
};

/* A condition on a header field or a query parameter. Where a name occurs several times, one value
 * that fits is enough; a field line is one value and is not split at commas. Query names and values
 * are compared after percent-decoding, with '+' as a space. */
struct route_test {
    struct str name; /* header: any case; query: case-sensitive */
    struct str pattern;
    const struct str *values;
    uint32_t value_count;
    uint8_t kind; /* enum route_test_kind */
};

struct route_tests {
    const struct route_test *at;
    uint32_t count;
};

struct route_host {
    struct str name;  /* lower case, no port; a wildcard "*.example.com" is "example.com" here */
    bool is_wildcard; /* one or more labels in front of the name */
};

struct route_cond {
    const struct str *methods; /* none: every method. Case-sensitive (RFC 9110 9.1) */
    uint32_t method_count;
    const struct route_host *hosts; /* none: every host */
    uint32_t host_count;
    struct route_path path;
    struct route_tests headers, query;
};

struct route_rule {
    struct str name;
    int64_t priority;                 /* higher wins over every other criterion; default 0 */
    uint32_t index;                   /* position in the file: the last criterion */
    const struct route_cond *matches; /* at least one */
    uint32_t match_count;
    void *value; /* what the caller wants back */
};
