/* socket.c - non-blocking sockets; see socket.h.
 * errno of the network calls is read here and in pipe.c, nowhere else. Dual stack: RFC 3493 5.3. */
#define _GNU_SOURCE
#include "net/socket.h"

#include "net/direct.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* What a call that makes or binds a socket says with errno. */
static enum err err_of_open(int error)
{
    switch (error) {
    case EADDRINUSE: return ERR_ADDRESS_IN_USE;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT: return ERR_ADDRESS_ABSENT;
    case EACCES:
    case EPERM: return ERR_NOT_PERMITTED;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return ERR_LIMIT;
    default: return ERR_SYSTEM;
    }
}

/* What a connection that is being made says. */
static enum err err_of_connect(int error)
{
    switch (error) {
    case 0: return OK;
    case ETIMEDOUT: return ERR_ORIGIN_CONNECT_TIMEOUT;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case EACCES: /* a firewall of this machine, or a broadcast address */
    case EPERM:
    case EINVAL: /* an address that no connection can have */
    case EAFNOSUPPORT: return ERR_ORIGIN_CONNECT;
    case ECONNRESET:
    case EPIPE: return ERR_CLOSED;
    case EADDRNOTAVAIL: /* every local port towards this origin is taken */
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return ERR_LIMIT;
    default: return ERR_IO;
    }
}

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

void socket_close(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* Opens a TCP socket bound to `addr`, with the options that every socket accepted from it has. */
static enum err open_bound(const struct addr *addr, bool has_reuse_port, int *fd)
{
    struct sockaddr_storage name;
    socklen_t name_bytes = addr_to_kernel(addr, &name);
    *fd = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (*fd < 0) {
        return err_of_open(errno);
    }
    bool is_set = set_option(*fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
                  set_option(*fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (has_reuse_port) {
        is_set = is_set && set_option(*fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (addr->family == ADDR_V6) {
        is_set = is_set && set_option(*fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    }
    if (!is_set || bind(*fd, (const struct sockaddr *)&name, name_bytes) != 0) {
        enum err e = err_of_open(errno);
        socket_close(fd);
        return e;
    }
    return OK;
}

static bool is_any_v6(const struct addr *addr)
{
    static const uint8_t any[16];
    return addr->family == ADDR_V6 && memcmp(addr->ip, any, sizeof any) == 0;
}

/* open_bound, where "[::]" means every address that the kernel has a family for. */
static enum err open_listener(const struct addr *addr, bool has_reuse_port, int *fd)
{
    enum err e = open_bound(addr, has_reuse_port, fd);
    if (e == ERR_ADDRESS_ABSENT && is_any_v6(addr)) {
        const struct addr any_v4 = {.family = ADDR_V4, .port = addr->port};
        e = open_bound(&any_v4, has_reuse_port, fd);
    }
    return e;
}

enum err socket_listen(const struct addr *addr, int backlog, bool has_reuse_port, int *fd)
{
    TRY(open_listener(addr, has_reuse_port, fd));
    if (listen(*fd, backlog) != 0) {
        enum err e = err_of_open(errno);
        socket_close(fd);
        return e;
    }
    return OK;
}

enum err socket_listen_probe(const struct addr *addr)
{
    int fd;
    if (addr->port == 0) {
        return OK;
    }
    TRY(open_listener(addr, false, &fd));
    socket_close(&fd);
    return OK;
}

enum err socket_accept(int listen_fd, int *fd, struct addr *peer)
{
    struct sockaddr_storage name;
    socklen_t name_bytes = sizeof name;
    do {
        *fd =
            accept4(listen_fd, (struct sockaddr *)&name, &name_bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (*fd < 0 && errno == EINTR);
    if (*fd >= 0) {
        addr_from_kernel(&name, peer);
        return OK;
    }
    switch (errno) {
    case EAGAIN: return ERR_AGAIN;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return ERR_LIMIT;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
    case EFAULT: return ERR_SYSTEM;
    /* accept(2): Linux hands over errors that are already pending on the new connection. */
    default: return ERR_CLOSED;
    }
}

/* Binds the source address. The port is left to connect(2), which may then share it between
 * different origins: without that option 28,000 connections would be the end for all of them. */
static enum err bind_local(int fd, const struct addr *local)
{
    struct sockaddr_storage name;
    socklen_t name_bytes = addr_to_kernel(local, &name);
    (void)set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    if (bind(fd, (const struct sockaddr *)&name, name_bytes) != 0) {
        return errno == EADDRINUSE ? ERR_LIMIT : err_of_open(errno);
    }
    return OK;
}

static enum err connect_prepare(int fd, const struct socket_connect_conf *conf)
{
    if (!set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1)) {
        return ERR_SYSTEM;
    }
    if (conf == NULL) {
        return OK;
    }
    if (conf->user_timeout_ms > 0 &&
        !set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)conf->user_timeout_ms)) {
        return ERR_SYSTEM;
    }
    return conf->local.family == ADDR_NONE ? OK : bind_local(fd, &conf->local);
}

enum err socket_connect(const struct addr *addr, const struct socket_connect_conf *conf, int *fd)
{
    struct sockaddr_storage name;
    socklen_t name_bytes = addr_to_kernel(addr, &name);
    CHECK(conf == NULL || conf->user_timeout_ms <= INT32_MAX);
    *fd = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (*fd < 0) {
        return errno == EAFNOSUPPORT ? ERR_ORIGIN_CONNECT : err_of_open(errno);
    }
    enum err e = connect_prepare(*fd, conf);
    if (e == OK && connect(*fd, (const struct sockaddr *)&name, name_bytes) != 0 &&
        errno != EINPROGRESS && errno != EINTR) {
        e = err_of_connect(errno);
    }
    if (e != OK) {
        socket_close(fd);
    }
    return e;
}

enum err socket_error(int fd)
{
    int error = 0;
    socklen_t error_bytes = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_bytes) != 0) {
        return ERR_SYSTEM;
    }
    return err_of_connect(error);
}

enum err socket_recv(int fd, void *at, size_t len, size_t *got)
{
    *got = 0;
    CHECK(len > 0); /* 0 bytes asked for would look like the end */
    ssize_t n;
    do {
        n = direct_recv(fd, at, len);
    } while (UNLIKELY(n < 0) && errno == EINTR);
    if (LIKELY(n > 0)) {
        *got = (size_t)n;
        return OK;
    }
    if (n == 0) {
        return ERR_CLOSED;
    }
    return errno == EAGAIN ? ERR_AGAIN : ERR_IO;
}

enum err socket_peek(int fd, void *at, size_t len, size_t *got)
{
    *got = 0;
    ssize_t n;
    do {
        n = recv(fd, at, len, MSG_PEEK);
    } while (UNLIKELY(n < 0) && errno == EINTR);
    if (n > 0) {
        *got = (size_t)n;
        return OK;
    }
    if (n == 0) {
        return ERR_CLOSED;
    }
    return errno == EAGAIN ? ERR_AGAIN : ERR_IO;
}

size_t socket_unread_bytes(int fd)
{
    int bytes = 0;
    return ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

static enum err err_of_send(int error)
{
    if (error == EAGAIN) {
        return ERR_AGAIN;
    }
    return error == EPIPE || error == ECONNRESET ? ERR_CLOSED : ERR_IO;
}

enum err socket_send(int fd, const struct iovec *pieces, size_t count, bool has_more, size_t *sent)
{
    struct msghdr message = {.msg_iovlen = count < IOV_MAX ? count : IOV_MAX};
    /* The kernel only reads the pieces, though its type does not say so. */
    memcpy(&message.msg_iov, &pieces, sizeof pieces);
    *sent = 0;
    CHECK(count > 0);
    ssize_t n;
    do {
        n = sendmsg(fd, &message, MSG_NOSIGNAL | (has_more ? MSG_MORE : 0));
    } while (UNLIKELY(n < 0) && errno == EINTR);
    if (UNLIKELY(n < 0)) {
        return err_of_send(errno);
    }
    *sent = (size_t)n;
    return OK;
}

enum err socket_send_str(int fd, struct str bytes, size_t *sent)
{
    *sent = 0;
    ssize_t n;
    do {
        n = direct_send(fd, bytes.at, bytes.len);
    } while (UNLIKELY(n < 0) && errno == EINTR);
    if (UNLIKELY(n < 0)) {
        return err_of_send(errno);
    }
    *sent = (size_t)n;
    return OK;
}

void socket_shutdown_send(int fd)
{
    (void)shutdown(fd, SHUT_WR);
}

void socket_linger_reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

enum err socket_local(int fd, struct addr *out)
{
    struct sockaddr_storage name;
    socklen_t name_bytes = sizeof name;
    if (getsockname(fd, (struct sockaddr *)&name, &name_bytes) != 0) {
        return ERR_SYSTEM;
    }
    addr_from_kernel(&name, out);
    return OK;
}

enum err socket_peer(int fd, struct addr *out)
{
    struct sockaddr_storage name;
    socklen_t name_bytes = sizeof name;
    if (getpeername(fd, (struct sockaddr *)&name, &name_bytes) != 0) {
        return ERR_SYSTEM;
    }
    addr_from_kernel(&name, out);
    return OK;
}
