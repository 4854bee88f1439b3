/* writer.h - a head becomes bytes (RFC 9112). Framing fields are never copied from what came in:
 * the writer states them itself from `body` and `content_length`. Fields that stand verbatim next
 * to each other are copied as one run. */
#pragma once

#include "base/strbuf.h"
#include "http/message.h"

/* What decides the wire form beside the head itself. */
struct h1_wire {
    uint8_t body; /* enum body_kind of the message as written */
    uint64_t content_length;
    bool has_content_length; /* also without a body: answers to HEAD, 304 */
    bool is_closing;         /* say "Connection: close" */
    bool says_keep_alive;    /* say "Connection: keep-alive", for an HTTP/1.0 peer */
    struct str upgrade;      /* not empty: "Connection: upgrade" and "Upgrade: <this>" */
};

/* "METHOD target HTTP/1.1", Host, fields, framing, empty line. `target` is what is sent: path and
 * query as decided by routing. Check strbuf_overflowed after: it is also set, with nothing written,
 * when one of these parts has a byte that could end the line (space, control, '#', not ASCII).
 * Host is written first, from `authority`; head fields with the ids HOST, CONTENT_LENGTH,
 * TRANSFER_ENCODING, CONNECTION are expected to be dropped or are skipped. */
void h1_write_request(struct strbuf *out, const struct head *head, struct str method,
                      struct str path, struct str query, bool has_query, struct str authority,
                      const struct h1_wire *wire);
/* "HTTP/1.1 status reason", fields, framing, empty line. */
void h1_write_response(struct strbuf *out, const struct head *head, const struct h1_wire *wire);
/* The size line of a chunk, "1f CR LF". */
void h1_write_chunk_head(struct strbuf *out, uint64_t bytes);
/* "0 CR LF", trailer fields that are not dropped (may be NULL), CR LF. */
void h1_write_chunk_end(struct strbuf *out, const struct fields *trailers);
/* The standard phrase, or an empty slice. */
struct str status_reason(uint16_t status);
