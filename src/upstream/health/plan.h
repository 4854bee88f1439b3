/* plan.h - a check as a configuration asks for it, in memory of its own: checks outlive the
 * configuration that brought them. Two services that say the same share one plan, and so the
 * checks of it. */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "config/conf_health.h"
#include "upstream/health/counter.h"

struct health_protocol;

struct health_plan {
    struct list node;
    uint32_t use_count; /* checks that go by it */
    struct arena arena;
    struct conf_health conf; /* its strings are in the arena */
    struct str spec;         /* all that it says, as one text: equal specs are equal plans */
    struct health_rules rules;
    const struct health_protocol *protocol; /* NULL: a connection, or a handshake, is enough */
    const char *kind;                       /* "http": its name in metrics and logs */
    bool has_target_name; /* what the target is called matters: Host, SNI */
    void *tls;            /* SSL_CTX; NULL: no TLS beneath it */
};

/* A plan that says what `conf` says. NULL: no memory. The caller owns it. */
struct health_plan *health_plan_new(const struct conf_health *conf);
void health_plan_free(struct health_plan *plan);
/* Writes the spec of a check. NULL slice: no memory. */
struct str health_plan_spec(const struct conf_health *conf, struct arena *arena);
