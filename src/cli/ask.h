/* ask.h - one question and its answer over HTTP/1.1, waiting for it: for verbs that speak to a
 * running process or to the example. Not a client for strangers' servers: answers are small and
 * bounded, and heads are read by the same strict parser as everything else. */
#pragma once

#include "base/addr.h"
#include "http/h1/parser.h"

enum { ASK_ANSWER_BYTES_MAX = 4 << 20, ASK_TIMEOUT_MS = 10000 };

/* One connection and the answer that came last on it. All-zero but for fd -1 is none. */
struct ask {
    int fd; /* non-blocking; -1: not connected */
    char *in;
    size_t len, end;          /* bytes received, bytes that belong to the answer */
    size_t body_at, body_end; /* its body, decoded in place */
    struct arena heads;       /* of the answer's fields, until the next question */
    struct arena memory;
    struct head head;
    int64_t deadline_ms;
};

/* Connects over TCP. `ask` needs no initialisation; ask_close afterwards in any case.
 * ERR_ORIGIN_CONNECT, ERR_ORIGIN_CONNECT_TIMEOUT, ERR_LIMIT, ERR_MEMORY. */
MUST_USE enum err ask_open(struct ask *ask, const struct addr *addr);
/* Connects to a Unix socket. Errors of local_connect, ERR_MEMORY. */
MUST_USE enum err ask_open_unix(struct ask *ask, struct str path);
void ask_close(struct ask *ask);
/* Sends `request`, whole and well-formed, and waits for its final answer. The connection can be
 * used again when ask->head.is_persistent. ERR_CLOSED, ERR_IO, ERR_ORIGIN_TIMEOUT, ERR_LIMIT (a
 * longer answer), ERR_ORIGIN_BAD_HEAD, ERR_ORIGIN_FRAMING, ERR_BAD_CHUNK, ERR_ORIGIN_TRUNCATED. */
MUST_USE enum err ask_exchange(struct ask *ask, struct str request, enum method method);
/* The same in two steps, so that several connections can work at a time. */
MUST_USE enum err ask_send(struct ask *ask, struct str request);
MUST_USE enum err ask_receive(struct ask *ask, enum method method);
/* The body of the last answer, until the next question. */
static inline struct str ask_body(const struct ask *ask)
{
    return str_of(ask->in + ask->body_at, ask->body_end - ask->body_at);
}
