/* conn.h - one connection to an instance: connecting, carrying one exchange at a time, or idle in
 * its core's pool. Reuse only from a state that the codec has proved clean; anything that arrives
 * on an idle connection, bytes or end, closes it, so nothing unasked for ever meets the next
 * request. */
#pragma once

#include "exchange/exchange.h"
#include "net/stream.h"
#include "upstream/origin.h"

enum conn_state { CONN_CONNECTING, CONN_BUSY, CONN_IDLE, CONN_DEAD };

struct conn {
    struct stream stream;
    struct core *core;
    struct origin *origin;
    struct exchange *ex; /* NULL when idle */
    struct list node;    /* in the pool when idle */
    struct timer timer;
    struct task task;    /* freeing */
    int64_t deadline_ms; /* of what it waits for; INT64_MAX: nothing */
    int64_t idle_from_ms;
    int64_t idle_ms_max;    /* as the instance said; 0: it did not */
    uint64_t sent_bytes;    /* handed to the kernel or queued, over its life */
    uint64_t request_count; /* exchanges that it has carried, the present one included */
    /* A response head that did not come in one piece: a block or a large chunk. */
    char *in_at;
    uint32_t in_len, in_cap;
    uint8_t state; /* enum conn_state */
    bool is_reused;
};
static_assert(sizeof(struct conn) <= 512, "one slab object");

/* The idle connection used last, now BUSY with `ex`; ERR_NOT_FOUND: none. */
MUST_USE enum err pool_take(struct origin *origin, struct exchange *ex, struct conn **out);
/* Starts a new connection for `ex`, CONNECTING; conductor->on_origin_connected tells the end.
 * ERR_ORIGIN_CONNECT, ERR_LIMIT, ERR_MEMORY, ERR_SYSTEM. */
MUST_USE enum err conn_open(struct origin *origin, struct exchange *ex, int64_t timeout_ms,
                            struct conn **out);
/* The exchange is done with a clean connection: into the pool, or closed when that is full.
 * Clears *conn. `idle_ms` is how long it may wait there. */
void pool_give(struct conn **conn, uint32_t idle_max, int64_t idle_ms);
/* The instance said in a response that it keeps idle connections for `seconds`: one second less is
 * the most for this one. When it said another time before, what was learned of it is forgotten. */
void conn_note_keep_alive(struct conn *conn, uint32_t seconds);
/* Closes it, whatever it was doing. Clears *conn. */
void conn_close(struct conn **conn);
/* Rings conductor->on_origin_timer at or after at_ms, unless it is moved again. */
void conn_wait_until(struct conn *conn, int64_t at_ms);
/* Closes idle connections of this core: those of one origin. */
void pool_purge(struct origin *origin, struct core *core);
/* Room for a response head in pieces: in_at becomes larger, keeping its bytes.
 * ERR_ORIGIN_HEAD_BYTES: it is at its largest. ERR_MEMORY. */
MUST_USE enum err conn_grow_in(struct conn *conn);
void conn_drop_in(struct conn *conn);
/* Whether the kernel knows that the instance acknowledged nothing sent since `sent_before` bytes:
 * then it cannot have acted on it. */
bool conn_is_unacked_since(const struct conn *conn, uint64_t sent_before);
