/* relay.h - bodies pass from one side to the other: read, reframed, written, with the write side
 * holding the read side back. Never more than one scratch buffer is queued for a slow side, and
 * large bodies of known length do not enter the process at all (splice). */
#pragma once

#include "exchange/exchange.h"
#include "net/stream.h"

struct relay {
    struct exchange *ex;
    struct stream *from, *to;
    struct body *body;
    struct str pending; /* bytes of `from` that were read before; taken whole by the first run */
    struct str prefix;  /* a head to be written first, in one call with the first bytes */
    struct pipe **pipe; /* where the exchange keeps a pipe for this direction */
    const struct fields *trailers; /* written after the last chunk; NULL: none */
    uint64_t *in_bytes, *out_bytes;
    bool keeps; /* what is read is kept too: kept.h */
    uint8_t out_kind; /* enum body_kind on `to` */
    bool is_from_fault; /* out: with an error, it was `from` that failed */
};

/* Moves what can be moved now, within a budget.
 * OK: the body has ended and all of it is with the kernel; pending is what came behind it.
 * ERR_AGAIN: wait for either side. ERR_LIMIT: the budget is spent, go on in the next turn.
 * ERR_CLOSED: a side ended too early or cannot take more; ERR_IO: the same, broken; is_from_fault
 * says which. ERR_BAD_CHUNK, ERR_BAD_TRAILER, ERR_BODY_BYTES: `from` sent it. ERR_MEMORY. */
MUST_USE enum err relay_run(struct relay *relay);
/* Gives pipes of the exchange back. */
void relay_drop_pipes(struct exchange *ex);
