/* serve_h1.h - HTTP/1.1 on one client connection: bytes become exchanges, and what a client sends
 * beyond what was wanted is drained or ends the connection. For session.c. */
#pragma once

#include "edge/session.h"

/* Reads what the socket has until a head is complete, then hands the exchange to the conductor. */
void serve_h1_read(struct session *session);
/* The same, beginning with bytes that an earlier read brought. */
void serve_h1_resume(struct session *session);
/* Refuses the request that is being read; the connection ends with the answer. */
void serve_h1_refuse(struct session *session, enum err why);
/* The exchange is over and the connection goes on with `leftover`, bytes of later requests that
 * stand in the old exchange or in scratch memory. */
void serve_h1_next(struct session *session, struct str leftover);
/* The exchange is over and so is the connection: at once, or lingering while the client may still
 * be sending, so that the kernel does not reset the answer away (RFC 9112 9.6). */
void serve_h1_end(struct session *session);
/* Reads and drops the rest of a request body that nobody wants. */
void serve_h1_drain(struct session *session);
/* Reads and drops until the client closes. */
void serve_h1_linger(struct session *session);
/* Gives the exchange back, if there is one. */
void session_drop_exchange(struct session *session);
