/* tls.h - TLS beneath a health check, over OpenSSL and without its sockets: what goes over the wire
 * passes through here by way of net/socket.h. One object is one connection of the client side. */
#pragma once

#include "base/err.h"
#include "base/strbuf.h"
#include "config/conf_health.h"

struct health_tls {
    void *ssl; /* SSL; NULL: not open */
    size_t raw_bytes; /* that were received */
    char why[120];
};

/* What connections of one plan share. NULL: no memory, or its certificates cannot be read. */
void *health_tls_context_new(const struct conf_health *conf);
void health_tls_context_free(void *context);

/* Begins; `host` is the target, with its port, for checks that name nobody else. ERR_MEMORY. */
MUST_USE enum err health_tls_open(struct health_tls *tls, void *context,
                                  const struct conf_health_tls *conf, struct str host);
void health_tls_close(struct health_tls *tls);
/* Goes on with the handshake. OK: it is done. ERR_AGAIN: the other side has to say something.
 * ERR_CLOSED. ERR_IO. ERR_SYNTAX: it failed, tls->why says how. */
MUST_USE enum err health_tls_shake(struct health_tls *tls, int fd);
/* As socket_recv and socket_send_str; nothing is taken to be sent unless all of it is. */
MUST_USE enum err health_tls_recv(struct health_tls *tls, int fd, void *at, size_t room,
                                  size_t *got);
MUST_USE enum err health_tls_send(struct health_tls *tls, int fd, struct str bytes, size_t *sent);
