/* router.h - which rule takes a request: compiled once, read-only after, no lock and no allocation
 * on the data path. The winner is the matching rule that stands first in this order (Gateway API
 * HTTPRoute precedence; what that leaves open is fixed here):
 *   1 higher priority
 *   2 exact host, then the longer wildcard, then any host
 *   3 exact path, exact path with parameters, pattern, prefix, any path
 *   4 among paths with parameters and prefixes: more segments, more of them literal, literal first
 *   5 a condition on the method before none
 *   6 more header conditions, then more query conditions
 *   7 earlier in the file */
#pragma once

#include "base/strbuf.h"
#include "http/uri.h"
#include "route/rule.h"

struct router;
struct route_scratch;

enum { ROUTE_PARAMS_MAX = 32, ROUTE_SEGMENTS_MAX = 64 };

enum route_report_kind {
    ROUTE_REPORT_BAD_HOST,    /* error: empty, or not in canonical form */
    ROUTE_REPORT_BAD_PATH,    /* error: no leading '/', unbalanced braces, a name used twice, ... */
    ROUTE_REPORT_BAD_PATTERN, /* error, in path, header or query: `offset` and `text` say why */
    ROUTE_REPORT_BAD_METHOD,  /* error: not a token */
    ROUTE_REPORT_BAD_NAME,   /* error: a header name that is not a token, an empty parameter name */
    ROUTE_REPORT_SHADOWED,   /* warning: `by` takes all that this match could, its rule lives on */
    ROUTE_REPORT_UNREACHABLE /* warning: the same for every match of the rule */
};

struct route_report {
    enum route_report_kind kind;
    const struct route_rule *rule, *by; /* `by` for warnings only */
    uint32_t match_index, by_match_index;
    bool is_duplicate; /* `by` has the very same conditions */
    size_t offset;     /* bytes into the host, path or value at fault */
    struct str what;   /* the host, path or value at fault */
    const char *text;  /* until the callback returns */
};

typedef void route_report_fn(void *context, const struct route_report *report);

struct router_conf {
    const struct route_rule *rules;
    uint32_t rule_count;
    struct uri_rules uri;    /* those of the listeners, for the canonical form of paths */
    route_report_fn *report; /* may be NULL */
    void *report_context;
};

/* Compiles every rule and reports every problem. ERR_CONFIG: at least one error was reported, *out
 * is NULL. ERR_MEMORY. The router lives in `arena`; router_drop before the arena goes. */
MUST_USE enum err router_new(struct arena *arena, const struct router_conf *conf,
                             struct router **out);
/* Releases compiled patterns; NULL is fine. */
void router_drop(struct router *router);

/* One thread's working memory, good for every router. ERR_MEMORY. */
MUST_USE enum err route_scratch_new(struct arena *arena, struct route_scratch **out);
void route_scratch_drop(struct route_scratch *scratch);

struct route_input {
    struct str host;  /* canonical: lower case, no port (head.host) */
    struct str path;  /* canonical (head.path) */
    struct str query; /* as received, without '?' */
    struct str method_text;
    const struct fields *fields;
    uint8_t method; /* enum method */
};

struct route_param {
    struct str name, value; /* value: still percent-encoded, never empty in templates */
};

struct route_match {
    const struct route_rule *rule;
    void *value;                      /* rule->value */
    const struct route_param *params; /* in the scratch: copy before the next match on it */
    uint32_t param_count;
    uint32_t match_index;
    size_t prefix_bytes; /* of the path taken by a prefix or the fixed part of a template: what a
                            prefix rewrite replaces. "/foo" of "/foo/bar"; whole path when exact */
};

/* Finds the rule for one request. ERR_NO_ROUTE. ERR_METHOD_NOT_ALLOWED: some rule differs in the
 * method alone. ERR_LIMIT: a pattern ran out of its budget; the request is to be refused.
 * A rule that takes GET takes HEAD too (RFC 9110 9.3.2); one for HEAD alone needs a higher priority
 * to come before it. A CORS preflight that ends in ERR_METHOD_NOT_ALLOWED is meant to be matched
 * again as the method it asks for. */
MUST_USE enum err router_match(const struct router *router, const struct route_input *input,
                               struct route_scratch *scratch, struct route_match *out);
/* After ERR_METHOD_NOT_ALLOWED: the value of Allow, "GET, POST" (RFC 9110 10.2.1). */
void router_allowed_methods(const struct router *router, const struct route_input *input,
                            struct route_scratch *scratch, struct strbuf *out);

/* Closest first. */
enum route_verdict_kind {
    ROUTE_VERDICT_TAKES,  /* this one has the request */
    ROUTE_VERDICT_SECOND, /* would take it, but another comes first */
    ROUTE_VERDICT_LIMIT,  /* its pattern ran out of budget */
    ROUTE_VERDICT_QUERY,  /* all but the query parameter `name` */
    ROUTE_VERDICT_HEADER, /* host, path and method, but not the field `name` */
    ROUTE_VERDICT_METHOD, /* host and path */
    ROUTE_VERDICT_PATH,   /* the host alone */
    ROUTE_VERDICT_HOST,
    ROUTE_VERDICT_COUNT
};

struct route_verdict {
    const struct route_rule *rule;
    uint32_t match_index; /* the match that came closest */
    enum route_verdict_kind kind;
    bool is_absent; /* QUERY, HEADER: `name` is missing rather than different */
    struct str name;
};

struct route_explain {
    void (*on_rule)(void *context, const struct route_verdict *verdict);
    void *context;
    uint32_t rules_max; /* rules told at most */
};

/* Says of each rule why it does or does not take the request, the closest ones first and those of
 * one kind in file order. For people: its time grows with the number of rules. */
void router_explain(const struct router *router, const struct route_input *input,
                    struct route_scratch *scratch, const struct route_explain *explain);
