/* proxy_protocol.h - the PROXY protocol, versions 1 and 2: who the client of a connection is, said
 * by the balancer in front before the first byte of the connection itself. Read only where the
 * configuration says that a header must be there: bytes never decide whether it is one.
 * Specification: HAProxy, proxy-protocol.txt, 2020/03/05. */
#pragma once

#include "base/addr.h"

enum { PROXY_V1_BYTES_MAX = 107, PROXY_OUT_BYTES_MAX = 1024, PROXY_UNIQUE_ID_BYTES_MAX = 128 };
enum proxy_version { PROXY_NONE, PROXY_V1, PROXY_V2 };

/* Slices point into the bytes that were parsed; all-zero says nothing. */
struct proxy_header {
    bool is_local; /* sent by the balancer for itself: the addresses say nothing */
    struct addr from, to;                  /* family ADDR_NONE: not told */
    struct str authority, alpn, unique_id; /* of version 2; empty: not told */
};

/* Reads the header at the beginning of `in`; *bytes is its length. ERR_AGAIN: more bytes are
 * needed. ERR_SYNTAX: not a header of version 1 or 2, or longer than LIMIT proxy_header_bytes. */
MUST_USE enum err proxy_protocol_parse(struct str in, struct proxy_header *out, size_t *bytes);
/* Appends a header. `out` has room for PROXY_OUT_BYTES_MAX; an authority, ALPN or unique id that is
 * too long for it is left out. Addresses of two families are told as unknown. */
void proxy_protocol_write(struct strbuf *out, enum proxy_version version,
                          const struct proxy_header *header);
