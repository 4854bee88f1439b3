/* client_hello.h - what a TLS client asks for before anything is encrypted: the name of the server
 * (SNI, RFC 6066 3) and the protocols that it speaks (ALPN, RFC 7301). For those who pass the
 * connection on without ending TLS themselves. Nothing here decides whether the handshake is any
 * good: only that the two are where they are read. */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum { CLIENT_HELLO_NAME_BYTES_MAX = 255 };

/* Slices point into `room`. */
struct client_hello {
    struct str name; /* lower case; empty: none was sent. With ECH it is the outer name */
    struct str alpn; /* the list as it was sent: client_hello_next_alpn */
    bool has_ech;    /* Encrypted Client Hello: the true name is hidden */
};

/* Reads the ClientHello at the beginning of `in`, which may come in several records (RFC 8446 5.1).
 * `room` has LIMIT client_hello_bytes bytes and gets what the slices point to.
 * ERR_AGAIN: more bytes are needed. ERR_SYNTAX: this is no ClientHello. ERR_LIMIT: it is larger
 * than LIMIT client_hello_bytes. */
MUST_USE enum err client_hello_parse(struct str in, char *room, struct client_hello *out);
/* Takes the next protocol from *alpn; false: there is none. */
bool client_hello_next_alpn(struct str *alpn, struct str *protocol);
