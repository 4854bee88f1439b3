/* body.h - where a body ends: length, chunks or the connection's end, read from bytes as they come
 * (RFC 9112 6 and 7). No input or output here. */
#pragma once

#include "http/h1/chunked.h"
#include "http/message.h"

struct body {
    struct chunked chunked;
    uint64_t left;  /* with BODY_LENGTH */
    uint64_t bytes; /* payload taken so far */
    uint64_t bytes_max; /* 0: no limit */
    uint8_t kind;   /* enum body_kind */
    bool is_done;
};

/* Starts reading a body as the head says. `trailers` as in chunked_init, `bytes_max` 0 for none. */
void body_init(struct body *body, const struct head *head, struct arena *arena,
               struct fields *trailers, uint64_t bytes_max);
/* Takes bytes from the front of *bytes up to and including one run of payload, named by *data
 * (a slice of *bytes, maybe empty). After is_done the rest of *bytes is not part of the body.
 * ERR_BODY_BYTES, ERR_BAD_CHUNK, ERR_BAD_TRAILER, ERR_MEMORY. */
MUST_USE enum err body_take(struct body *body, struct str *bytes, struct str *data);
/* The connection has ended: OK when that ends the body, else ERR_CLOSED. */
MUST_USE enum err body_end(struct body *body);
