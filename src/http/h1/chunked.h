/* chunked.h - the chunked transfer coding (RFC 9112 7.1), strict: 1 to 16 hexadecimal digits, exact
 * CR LF, extensions checked against their grammar, bounded and dropped, trailer section bounded. */
#pragma once

#include "http/message.h"

struct chunked {
    uint64_t left; /* bytes of the current chunk still to come */
    uint32_t ext_bytes, trailer_bytes;
    uint8_t state;
    uint8_t digits;
    bool is_done;
    /* The current trailer line is collected in the arena when `trailers` is set. */
    struct arena *arena;
    struct fields *trailers;
    char *line;
    uint32_t line_len, line_cap;
};

/* `trailers` may be NULL: trailer fields are then checked and dropped. Otherwise allowed ones are
 * kept in `arena`, the others dropped in silence (RFC 9110 6.5.1): names with a rule in fields.def
 * (framing, routing, authorisation, identity, hop-by-hop) and names with an underscore. */
void chunked_init(struct chunked *chunked, struct arena *arena, struct fields *trailers);
/* Takes bytes from the front of *bytes up to and including one run of data, which *data then names
 * (a slice of *bytes, empty when none was reached). Call again while bytes are left.
 * OK: go on, or the end was reached when chunked->is_done (rest of *bytes is the next message).
 * ERR_BAD_CHUNK, ERR_BAD_TRAILER, ERR_MEMORY. */
MUST_USE enum err chunked_feed(struct chunked *chunked, struct str *bytes, struct str *data);
