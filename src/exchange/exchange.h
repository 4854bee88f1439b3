/* exchange.h - one request and its response: everything known of it, in memory with one life.
 * The object is one slab chunk; what follows the struct is the start of its arena. Its states are
 * in states.def, moved by exchange_move alone; the conductor (proxy/life.c) says when.
 * Pointers to things of upper floors are opaque here: this room never looks behind them. */
#pragma once

#include "base/addr.h"
#include "exchange/body.h"
#include "exchange/core.h"
#include "exchange/flight.h"
#include "http/forwarded.h"
#include "http/message.h"

struct session;
struct pipe;
struct conn;
struct plan;
struct origin;
struct cluster;
struct balance_tried;
struct tries;
struct chain;

enum exchange_state {
#define STATE(name, text, moves) EX_##name,
#include "exchange/states.def"
#undef STATE
    EX_STATE_COUNT
};

struct exchange {
    struct core *core;
    struct session *session;
    struct generation *generation; /* the configuration this exchange is bound to */
    const struct plan *plan;       /* what the route says is to be done; NULL before routing */
    struct arena arena;
    struct head request, response; /* response: as sent to the client, valid while it is built */

    /* Bytes read from the client: the head, then whatever followed it. */
    char *in_at;
    uint32_t in_len, in_cap;
    uint32_t in_taken; /* head and body bytes already used */
    uint32_t head_bytes; /* of in_taken: the head's */

    char *kept_at; /* the request body as it came, to be sent again: a block or large chunk */
    uint32_t kept_len, kept_cap, kept_taken; /* taken: by the present attempt */
    struct body request_body, response_body;
    struct fields trailers; /* of the response, kept when the client takes some */
    struct pipe *request_pipe, *response_pipe; /* large bodies go through these; NULL: none yet */
    struct str origin_head; /* the request as written for the origin, kept for a replay */
    struct str own_body;    /* body of a reply of our own, not yet written */

    struct conn *conn; /* connection to the origin, NULL when none is held */
    struct origin *origin;   /* instance picked; kept for the record */
    struct str instance;     /* its name, once it may be gone before the exchange is */
    struct cluster *cluster; /* version picked */
    uint64_t bound_id;       /* instance that the client's cookie names; 0: none */
    bool holds_slot;         /* the origin counts this exchange as in flight */
    struct balance_tried *tried; /* instances that did not answer; NULL: none yet */
    struct tries *tries; /* what became of the attempts; NULL: the first one was answered */
    struct list queue_node; /* place among those who wait for a free instance */
    struct timer timer;     /* whole exchange, or time in the queue */
    struct task task;       /* going on after a budget was spent */
    int64_t deadline_ms;    /* of the whole exchange; INT64_MAX: none */
    int64_t progress_ms;    /* when a body last moved, in either direction */
    int64_t attempt_ns;     /* when the present attempt began */
    int64_t retry_at_ms, response_by_ms; /* a pause ends, 0: none; the latest for its answer */
    int64_t queued_ns;      /* when it got in line; 0: it did not wait */
    enum err queue_verdict, fallback_why; /* why it left the line, or its service; OK: it did not */
    uint64_t conn_sent_before; /* conn->sent_bytes when the attempt began */

    /* Policies. */
    const struct chain *chain;
    void *policy_state; /* chain->state_bytes, zeroed */
    uint16_t chain_at;  /* next step, or the step that waits */
    bool is_waiting;    /* a policy has said WAIT and not resumed yet */

    struct forwarded forwarded; /* who the client is */
    struct str consumer;        /* identity that a policy established; empty: none */
    const void *route_match;    /* what routing found, where rewriting needs it: proxy/routing.c */
    struct str request_id_text; /* the client's, if it is kept, or ours */
    char request_id_line[52];   /* "X-Request-Id: UUID CR LF", of ours */

    uint64_t client_in_bytes, client_out_bytes; /* on the wire */
    uint64_t origin_in_bytes, origin_out_bytes;
    struct flight flight; /* when it passed each stage */
    enum err error; /* why it did not go as asked; OK: it did */
    uint16_t status; /* as sent to the client; 0: none yet */
    uint8_t state;   /* enum exchange_state */
    uint8_t attempt_count, interim_count, urgency;
    uint8_t retry_count, retry_verdict; /* proxy/retry.h: how many; of the latest failure */
    uint8_t response_out_kind; /* enum body_kind of the response as the client gets it */
    bool is_called; /* out of the line of those who wait, because an instance became free */
    bool is_own_reply, is_replayed, is_conn_reused, is_upgrade;
    bool is_bound_fresh;      /* the cookie that names it need not be given anew */
    bool has_refused_head;    /* the origin's head could not be passed on: a reply is still due */
    bool has_passed_interim, keeps_body, is_try_soft; /* other than 100; proxy/retry.h */
    bool has_sent_continue;   /* the client was told to go on */
    bool is_head_sent;        /* the request head went to the origin */
    bool is_request_sent;     /* so has the whole request body */
    bool is_body_abandoned;   /* the response came first, the rest is not sent on */
    bool is_origin_persistent; /* the instance keeps its connection after this response */
    bool is_body_unbuffered;  /* body bytes went out that are not in the in-buffer: no replay */
    bool has_origin_fields;   /* what is said to origins was added to the request */
    bool closes_client;       /* the client connection ends with this exchange */
    bool has_response_begun;  /* a byte of the response went to the client */
};
static_assert(sizeof(struct exchange) <= 2048, "the rest of the slab object is its arena");

/* Opens an exchange of `session` on this core in state READING, its arena empty but for field slots
 * and the in-buffer. NULL at the slab's ceiling. */
MUST_USE struct exchange *exchange_open(struct core *core, struct session *session);
/* Resets the arena and gives the object back. State must be DONE. */
void exchange_close(struct exchange **ex);
/* The only way a state changes; CHECKs the move against states.def. */
void exchange_move(struct exchange *ex, enum exchange_state to);
const char *exchange_state_text(enum exchange_state state);
/* Makes the in-buffer larger when it is full, keeping its bytes (the memory may move).
 * ERR_HEAD_BYTES: it already holds `bytes_max`. ERR_MEMORY. */
MUST_USE enum err exchange_grow_in(struct exchange *ex, size_t bytes_max);
/* Gives what the in-buffer does not use back to the arena; after the head is complete. */
void exchange_trim_in(struct exchange *ex);

static inline void exchange_mark(struct exchange *ex, enum flight_stage stage)
{
    flight_mark(&ex->flight, stage, ex->core->loop.now_ns);
}

/* What upper rooms are told. One const struct, set once for each core. */
struct conductor {
    /* The head is complete and judged (e OK), or was refused (e: why). */
    void (*on_head)(struct exchange *ex, enum err e);
    /* The client's socket became readable, writable or was hung up while the exchange runs. */
    void (*on_client_ready)(struct exchange *ex, unsigned ready);
    /* The client's connection failed or timed out: the exchange must end now. */
    void (*on_client_lost)(struct exchange *ex, enum err why);
    /* The client's timer rang while the exchange runs: what is overdue ends it. Returns when to
     * ring again, loop time. */
    int64_t (*on_client_timer)(struct exchange *ex);
    /* The connection to the origin stands (e OK) or could not be made. */
    void (*on_origin_connected)(struct exchange *ex, enum err e);
    /* The origin's socket became readable, writable or was hung up. */
    void (*on_origin_ready)(struct exchange *ex, unsigned ready);
    /* The deadline set with conn_wait_until has passed. */
    void (*on_origin_timer)(struct exchange *ex);
    /* A policy that said WAIT goes on; called exactly once for each WAIT. */
    void (*on_resume)(struct exchange *ex);
    /* The last exchange of a retired generation has ended on this core. */
    void (*on_generation_idle)(struct core *core, struct generation *generation);
};
