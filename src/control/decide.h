/* decide.h - what the gateway would do with a request, worked out without a network: for explain
 * and for the tests in a file. Nothing here judges by itself: the request is written as bytes and
 * goes through the parser, the judge, the router, the policies and the rewriting that serve, in an
 * exchange on a core that never runs. What only a running process knows (which instance has room)
 * is left open. */
#pragma once

#include "config/config.h"
#include "exchange/exchange.h"
#include "exchange/policy.h"
#include "route/router.h"

struct router;
struct compiled_policy;

/* Lent to one decision after another; by one thread. */
struct decider {
    const struct config *config;
    const struct router *router;
    struct router *own_router; /* compiled here; NULL: borrowed */
    struct route_scratch *scratch;
    struct arena arena; /* as long as the decider */
    struct arena once;  /* one decision */
    struct core core;
    struct generation generation;
    struct exchange *ex;
    struct chain chain;
    struct compiled_policy *policies; /* of the chain */
    bool has_core;
};

struct decide_request {
    struct str method, url; /* "https://host/path?query", or "/path" */
    const struct conf_pair *fields;
    uint32_t field_count;
    struct addr from; /* family ADDR_NONE: 127.0.0.1 */
};

struct decision {
    enum err
        error; /* why the gateway refuses it: ERR_BAD_PATH, ERR_NO_ROUTE, ...; OK: it does not */
    uint16_t status; /* of an answer that the gateway itself makes; 0: a service answers */
    const struct conf_listener *listener;
    const struct conf_route *route; /* NULL: none takes it */
    uint32_t match_index;
    const struct conf_service *service; /* NULL: none is asked */
    const struct conf_version *version; /* NULL: none, or by chance and weight */
    bool is_by_cohort;
    uint32_t policies_run;         /* how many of the route's policies saw the request */
    bool is_answered_by_policy;    /* the last of those answered */
    struct str origin_path, query; /* what the service is asked for */
    struct route_input input;      /* as it was routed */
    const struct fields
        *fields; /* of the gateway's own answer, as far as they do not change with time */
    struct str body;
};

/* A decider over `config`, which must outlive it. `router` is the one of a running process for this
 * very configuration, or NULL: it is compiled here. decider_drop in any case. ERR_MEMORY,
 * ERR_SYSTEM, ERR_CONFIG (configurations that were checked never give it). */
MUST_USE enum err decider_init(struct decider *decider, const struct config *config,
                               const struct router *router);
void decider_drop(struct decider *decider);
/* Works it out; *out lives until the next decision. ERR_SYNTAX: the method, the URL or a field
 * cannot be written as a request at all. ERR_NOT_FOUND: there is no listener. ERR_MEMORY. */
MUST_USE enum err decide(struct decider *decider, const struct decide_request *request,
                         struct decision *out);
