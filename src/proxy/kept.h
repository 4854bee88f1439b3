/* kept.h - a request body that is kept while it is sent, so that it can be sent once more.
 * What came with the head stands in the in-buffer anyway; from the first byte that is read beyond
 * it, all body bytes are copied, as they came, into one block or large chunk of the core. A body
 * that grows over its bound is let go, and the request is sent once only. */
#pragma once

#include "base/str.h"

struct exchange;

/* Bytes of the body, just read from the client. */
void kept_add(struct exchange *ex, struct str bytes);
/* The body from its first byte: for a new attempt, before anything of it is sent. */
void kept_rewind(struct exchange *ex);
/* The last `bytes` read were not of the body. */
void kept_trim(struct exchange *ex, size_t bytes);
/* Lets it go; harmless when nothing is kept. */
void kept_drop(struct exchange *ex);
