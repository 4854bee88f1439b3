/* socket.h - non-blocking sockets, with results as enum err instead of errno.
 * Every descriptor made here is non-blocking, close-on-exec and, for TCP, without Nagle's delay.
 * Accepted sockets inherit that from their listener, so a new client costs one system call.
 * Each function makes the system calls its name says and no more; callers count them. */
#pragma once

#include "base/addr.h"

struct iovec;

enum { SOCKET_BACKLOG = 4096 }; /* the kernel lowers it to net.core.somaxconn */

/* Opens a listening TCP socket; the caller owns *fd. "[::]" also takes IPv4, and is IPv4 alone on
 * a kernel without IPv6. With `has_reuse_port` several sockets of one user share the address; the
 * kernel spreads connections over them.
 * ERR_ADDRESS_IN_USE, ERR_ADDRESS_ABSENT (not an address of this machine), ERR_NOT_PERMITTED
 * (a low port), ERR_LIMIT (descriptors, memory), ERR_SYSTEM. */
MUST_USE enum err socket_listen(const struct addr *addr, int backlog, bool has_reuse_port, int *fd);
/* Whether somebody listens on `addr`, whom SO_REUSEPORT would otherwise let us share with unseen:
 * another instance of the same user. Errors as socket_listen. */
MUST_USE enum err socket_listen_probe(const struct addr *addr);
/* Takes one waiting connection; the caller owns *fd. `peer` may not be NULL.
 * ERR_AGAIN: none waits. ERR_CLOSED: that one died in the queue, take the next.
 * ERR_LIMIT: no descriptor or memory is left, pause. ERR_SYSTEM: the listener is of no use. */
MUST_USE enum err socket_accept(int listen_fd, int *fd, struct addr *peer);

/* How a connection to an origin is made. All-zero is the default. */
struct socket_connect_conf {
    struct addr local;        /* source address, ADDR_NONE: the kernel's choice */
    uint32_t user_timeout_ms; /* unacknowledged data older than this ends the connection; 0: off */
};

/* Starts a connection; the caller owns *fd, which becomes writable when it stands or has failed
 * (socket_error tells). `conf` may be NULL. ERR_ORIGIN_CONNECT: refused or unreachable at once.
 * ERR_LIMIT: no descriptor, memory or local port is left. ERR_SYSTEM. */
MUST_USE enum err socket_connect(const struct addr *addr, const struct socket_connect_conf *conf,
                                 int *fd);
/* Takes the pending error of a socket: OK, ERR_ORIGIN_CONNECT (refused, unreachable),
 * ERR_ORIGIN_CONNECT_TIMEOUT, ERR_CLOSED (reset by the peer), ERR_LIMIT, ERR_IO. */
MUST_USE enum err socket_error(int fd);

/* Reads once. OK: *got > 0 bytes. ERR_AGAIN: nothing yet. ERR_CLOSED: orderly end of what the peer
 * sends. ERR_IO: the connection broke (reset, timed out); an end that must not pass for a clean
 * one. *got is 0 unless OK. A short read means that the socket was empty a moment ago: an edge
 * will tell when there is more. */
MUST_USE enum err socket_recv(int fd, void *at, size_t len, size_t *got);
/* Bytes that stand in the socket to be read. */
size_t socket_unread_bytes(int fd);
/* The same without taking the bytes: the next read gets them again, from the first. */
MUST_USE enum err socket_peek(int fd, void *at, size_t len, size_t *got);
/* Writes once, from at most `count` pieces; never raises SIGPIPE. OK: *sent bytes, perhaps not all.
 * ERR_AGAIN: the socket is full. ERR_CLOSED: the peer takes no more. ERR_IO: it broke otherwise.
 * `has_more` holds back a partial segment (MSG_MORE). */
MUST_USE enum err socket_send(int fd, const struct iovec *pieces, size_t count, bool has_more,
                              size_t *sent);
/* The same for one piece. */
MUST_USE enum err socket_send_str(int fd, struct str bytes, size_t *sent);

/* Says that nothing more will be sent (FIN); errors do not matter: the read side will show them. */
void socket_shutdown_send(int fd);
/* Makes the coming close send RST: the peer must not take what it has got for a whole message. */
void socket_linger_reset(int fd);
/* The two ends of a connection, or of a listener (local). ERR_SYSTEM: not connected. */
MUST_USE enum err socket_local(int fd, struct addr *out);
MUST_USE enum err socket_peer(int fd, struct addr *out);
/* Closes *fd when it is open and makes it -1. For sockets that no loop watches. */
void socket_close(int *fd);
