/* routes.h - routes, their matches and the whole configuration; the second half of model.h.
 * A match is parsed but not canonical: paths keep their escapes, so that the router brings them to
 * the same form as request paths with the same code. */
#pragma once

#include "config/model.h"

enum conf_host_kind { CONF_HOST_EXACT, CONF_HOST_WILDCARD };

struct conf_host {
    struct str name; /* lower case, no port; a wildcard "*.example.com" is "example.com" here */
    struct source_pos pos;
    uint8_t kind; /* enum conf_host_kind; a wildcard stands for one or more labels */
};

enum conf_path_kind {
    CONF_PATH_PREFIX, /* by segment: "/a" takes "/a" and "/a/b", not "/ab"; "/" takes all */
    CONF_PATH_EXACT,
    CONF_PATH_PATTERN /* a PCRE2 pattern that must match the whole path */
};

enum conf_condition_kind { CONF_EQUALS, CONF_PATTERN, CONF_PRESENT, CONF_ABSENT };

/* On a header field (name without case) or a query parameter. */
struct conf_condition {
    struct str name;
    struct source_pos pos;
    uint8_t kind;            /* enum conf_condition_kind */
    struct str pattern;      /* with CONF_PATTERN */
    struct conf_strs values; /* with CONF_EQUALS: any of them */
};

struct conf_conditions {
    struct conf_condition *at;
    uint32_t count;
};

struct conf_match {
    struct source_pos pos;
    struct conf_strs methods; /* none: any method */
    struct {                  /* none: any host */
        struct conf_host *at;
        uint32_t count;
    } hosts;
    uint8_t path_kind; /* enum conf_path_kind */
    bool has_params;   /* whole segments "{name}" take any one segment */
    struct str
        path; /* "/orders" for the prefix "/orders/" + star; the pattern itself; never empty */
    struct source_pos path_pos;
    struct conf_conditions headers, query;
};

struct conf_respond {
    struct source_pos pos;
    int64_t status;
    struct str body;
    struct conf_pairs headers;
};

/* What the path becomes on its way to the origin, or in the Location of a redirect. */
enum conf_rewrite_kind {
    CONF_REWRITE_NONE,
    CONF_REWRITE_PREFIX,  /* the part that the prefix match took is replaced by `path` */
    CONF_REWRITE_TEMPLATE /* the whole path becomes `path`, with "{name}" filled in */
};

struct conf_rewrite {
    struct source_pos pos;
    uint8_t kind;    /* enum conf_rewrite_kind */
    struct str path; /* of a prefix without its closing slash and star; "/" for the whole prefix */
};

struct conf_redirect {
    struct source_pos pos;
    struct str scheme, host;  /* empty: as in the request */
    struct conf_rewrite path; /* CONF_REWRITE_NONE: as in the request */
    int64_t port; /* 0: the scheme's own; as in the request when scheme and host are empty too */
    bool keeps_query;
    int64_t status;
};

enum conf_action { CONF_TO_SERVICE, CONF_REDIRECT, CONF_RESPOND };

struct conf_route {
    struct str name;
    struct source_pos pos;
    uint32_t index; /* in file order, over all files: the last tie-break */
    struct {        /* at least one */
        struct conf_match *at;
        uint32_t count;
    } matches;
    int64_t priority; /* higher first, before any other rule; default 0 */
    uint8_t urgency; /* enum conf_urgency: who waits first in line goes first */
    uint8_t action;   /* enum conf_action */
    struct conf_text to;
    const struct conf_service *service; /* with CONF_TO_SERVICE */
    struct conf_redirect redirect;
    struct conf_respond respond;
    struct conf_rewrite rewrite;
    /* As written on the route. */
    struct conf_timeout timeout;
    struct conf_limit body_limit;
    struct conf_retry retry;
    struct conf_uses use, skip;
    struct conf_policies policies;
    /* What holds for it, after inheritance. */
    struct {
        struct conf_timeout timeout; /* body, connect, response, total; pos: who decided */
        struct conf_limit body_limit;
        const struct conf_retry *retry;
        const struct conf_policy *const *policies; /* in running order */
        uint32_t policy_count;
    } effective;
};
