/* reply.h - replies of our own: errors as problem+json (RFC 9457) that name the reason code, and
 * whatever a policy answers. They only set ex->response and ex->own_body; the conductor sends. */
#pragma once

#include "exchange/exchange.h"

/* Starts a reply with an empty field list; Date, Server and length are added when it is sent. */
void reply_start(struct exchange *ex, uint16_t status);
/* Adds a field; both slices must live as long as the exchange. ERR_MEMORY, ERR_BAD_FIELD. */
MUST_USE enum err reply_field(struct exchange *ex, struct str name, struct str value);
/* Sets the body; it must live as long as the exchange. ERR_MEMORY. */
MUST_USE enum err reply_body(struct exchange *ex, struct str content_type, struct str body);
/* A whole problem+json answer for an error: status and sentence from errors.def, the reason code,
 * the request id, Retry-After where waiting helps. Never fails: without memory it is shorter. */
void reply_error(struct exchange *ex, enum err why);
/* The same with a sentence of the policy's own, which may not contain secrets. */
void reply_problem(struct exchange *ex, uint16_t status, const char *code, struct str detail);
