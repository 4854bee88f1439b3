/* fault.c - system calls that fail to order; see fault.h. The linker's --wrap leads here. */
#define _GNU_SOURCE
#include "fault.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

static _Thread_local struct fault fault_now;

void fault_set(struct fault fault)
{
    fault_now = fault;
    fault_now.calls = 0;
}

unsigned fault_calls(void)
{
    return fault_now.calls;
}

/* Whether the call is to fail; errno says how. */
static bool is_due(void)
{
    fault_now.calls++;
    bool is_over = fault_now.times != 0 && fault_now.calls > fault_now.after + fault_now.times;
    if (fault_now.error != 0 && fault_now.calls > fault_now.after && !is_over) {
        errno = fault_now.error;
        return true;
    }
    if (fault_now.every != 0 && fault_now.calls % fault_now.every == 0) {
        errno = EAGAIN;
        return true;
    }
    return false;
}

static size_t shortened(size_t len)
{
    return fault_now.bytes_max != 0 && len > fault_now.bytes_max ? fault_now.bytes_max : len;
}

ssize_t __real_recv(int fd, void *at, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *at, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *at, size_t len, int flags)
{
    return is_due() ? -1 : __real_recv(fd, at, shortened(len), flags);
}

ssize_t __real_send(int fd, const void *at, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *at, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *at, size_t len, int flags)
{
    return is_due() ? -1 : __real_send(fd, at, shortened(len), flags);
}

/* What goes around libc fails to the same order. */
ssize_t __wrap_direct_recv(int fd, void *at, size_t bytes);
ssize_t __wrap_direct_recv(int fd, void *at, size_t bytes)
{
    return __wrap_recv(fd, at, bytes, 0);
}

ssize_t __wrap_direct_send(int fd, const void *at, size_t bytes);
ssize_t __wrap_direct_send(int fd, const void *at, size_t bytes)
{
    return __wrap_send(fd, at, bytes, MSG_NOSIGNAL);
}

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (is_due()) {
        return -1;
    }
    if (fault_now.bytes_max == 0 || message->msg_controllen > 0) {
        return __real_sendmsg(fd, message, flags);
    }
    /* The first piece that holds anything, shortened: as short as a short write can be told. */
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        if (message->msg_iov[i].iov_len > 0) {
            return __real_send(fd, message->msg_iov[i].iov_base,
                               shortened(message->msg_iov[i].iov_len), flags);
        }
    }
    return 0;
}

int __real_accept4(int fd, struct sockaddr *name, socklen_t *name_bytes, int flags);
int __wrap_accept4(int fd, struct sockaddr *name, socklen_t *name_bytes, int flags);
int __wrap_accept4(int fd, struct sockaddr *name, socklen_t *name_bytes, int flags)
{
    return is_due() ? -1 : __real_accept4(fd, name, name_bytes, flags);
}

int __real_connect(int fd, const struct sockaddr *name, socklen_t name_bytes);
int __wrap_connect(int fd, const struct sockaddr *name, socklen_t name_bytes);
int __wrap_connect(int fd, const struct sockaddr *name, socklen_t name_bytes)
{
    return is_due() ? -1 : __real_connect(fd, name, name_bytes);
}

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
    return is_due() ? -1 : __real_socket(domain, type, protocol);
}

ssize_t __real_splice(int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags);
ssize_t __wrap_splice(int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags);
ssize_t __wrap_splice(int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags)
{
    return is_due() ? -1 : __real_splice(from, from_at, to, to_at, shortened(len), flags);
}
