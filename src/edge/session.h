/* session.h - one client connection: reads request heads, hands exchanges to the conductor, and
 * decides after each whether the connection carries another one (RFC 9112 9).
 * An idle session owns no buffer: an exchange is opened when the first byte is there. */
#pragma once

#include "edge/listener.h"
#include "exchange/exchange.h"
#include "net/stream.h"

enum session_state {
    SESSION_IDLE,     /* between requests */
    SESSION_READING,  /* a head is incomplete */
    SESSION_BUSY,     /* the conductor has the exchange */
    SESSION_DRAINING, /* answered; the rest of the request body is read and dropped */
    SESSION_LINGERING, /* sending is shut; what the client still sends is dropped (RFC 9112 9.6) */
    SESSION_DEAD
};

struct session {
    struct stream stream;
    struct list node; /* in core->session_list */
    struct core *core;
    struct listener *listener;
    struct exchange *ex; /* NULL when idle */
    struct h1_parser parser;
    struct timer timer;
    struct task task; /* going on with what was already read; later: freeing */
    struct addr peer;
    struct forwarded_peer forwarded; /* what origins are told of it */
    int64_t deadline_ms;  /* of the state; the timer may ring earlier */
    int64_t progress_ms;  /* when the client last gave or took a byte of a body */
    uint64_t drained_bytes;
    uint64_t request_count;
    uint32_t cell_open; /* the series it is counted in, whatever reloads do to the listener */
    uint8_t state;      /* enum session_state */
    bool is_retired;    /* the running exchange is the last, whatever becomes of the listener */
};
static_assert(sizeof(struct session) <= 512, "an idle client is cheap");

/* A session for an accepted descriptor. The descriptor is closed when there is no room. */
void session_open(struct listener *listener, int fd, const struct addr *peer);
/* The exchange has ended and its response is with the kernel: on to the next request, or close. */
void session_finish(struct session *session);
/* Ends the connection now; `is_reset` makes the client see that its response is not whole. */
void session_abort(struct session *session, bool is_reset);
/* Closes it if it is idle; otherwise the running exchange will be its last. */
void session_retire(struct session *session);
/* Whether the response may offer another request on this connection. */
bool session_can_persist(const struct session *session);
/* Makes conductor->on_client_timer be called no later than at_ms. */
void session_ring_at(struct session *session, int64_t at_ms);
/* For serve_h1.c: a state of its own waiting time, and closing with whatever is held. */
void session_wait(struct session *session, enum session_state state, int64_t wait_ms);
void session_close(struct session *session);
