/* policy.h - the face of a policy: one const struct, listed in policy/policies.def in running
 * order. A policy looks at an exchange, changes it or answers it. Its configuration is a field
 * table, from which parsing, checks, defaults, schema and reference page come.
 * Rules: hooks run on the exchange's core and never block; whatever they allocate comes from the
 * exchange's arena; headers are changed with fields_add, fields_set, fields_remove only. */
#pragma once

#include "exchange/exchange.h"

struct conf_table;

enum verdict {
    VERDICT_NEXT,   /* go on with the next policy */
    VERDICT_WAIT,   /* the policy will call exchange_resume(ex) exactly once, unless on_end comes
                       first: then it may not touch the exchange any more */
    VERDICT_REPLIED /* the policy has set a reply (exchange/reply.h); nothing after it runs */
};

/* What compile gets: the snapshot's arena and a place to complain. */
struct policy_compile {
    struct arena *arena;
    const char *error; /* set with a non-OK return: a sentence for the operator with the way out */
};

struct policy_type {
    const char *name;    /* the key in the file */
    const char *summary; /* one sentence for the reference page */
    const struct conf_table *table;
    size_t state_bytes; /* for one exchange, zeroed; 0: none */
    /* Turns the configuration struct that `table` describes into what the hooks read. NULL: the
     * hooks get the configuration itself. ERR_CONFIG with ctx->error, ERR_MEMORY. */
    enum err (*compile)(struct policy_compile *ctx, const void *conf, const void **compiled);
    /* Gives back what compile took from elsewhere than the arena. NULL: nothing. */
    void (*drop)(const void *compiled);
    enum verdict (*on_request)(struct exchange *ex, const void *compiled, void *state);
    /* ex->response is the head that the client will get: of an origin or our own. Anything but OK:
     * an origin's response is given up for an error reply, which the hooks then see too. */
    enum err (*on_response)(struct exchange *ex, const void *compiled, void *state);
    /* The exchange is over; nothing can be changed any more. */
    void (*on_end)(struct exchange *ex, const void *compiled, void *state);
};

/* One policy of one route. */
struct chain_step {
    const struct policy_type *type;
    const void *compiled;
    const char *file; /* where it was written, for explain */
    uint32_t line;
    uint32_t state_at; /* its state's offset in ex->policy_state */
};

/* The policies of a route in running order. */
struct chain {
    const struct chain_step *steps;
    uint32_t count;
    uint32_t state_bytes;
};

/* Binds the chain to the exchange: allocates its state. ERR_MEMORY: the exchange has no chain. */
MUST_USE enum err chain_bind(struct exchange *ex, const struct chain *chain);
/* Runs request hooks from ex->chain_at on. NEXT: all have run. */
enum verdict chain_run_request(struct exchange *ex);
/* Runs response hooks in reverse; every policy of the chain sees the response, whoever made it, so
 * that headers such as CORS stand on errors too. The first error of a hook; on a reply of our own
 * there is none, because a client gets it even if a policy could not do its part. */
MUST_USE enum err chain_run_response(struct exchange *ex);
void chain_run_end(struct exchange *ex);
/* A waiting policy goes on: what it did counts as NEXT, or REPLIED when a reply was set. */
void exchange_resume(struct exchange *ex);
