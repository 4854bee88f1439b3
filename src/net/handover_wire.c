/* handover_wire.c - records and descriptors over the pair between supervisor and data process; see
 * handover.h. Both ends use it. One record is one message, so there is nothing to reassemble. */
#define _GNU_SOURCE
#include "net/handover.h"

#include "base/check.h"
#include "net/socket.h"

#include <errno.h>
#include <sys/uio.h>

union control {
    struct cmsghdr head; /* for its alignment */
    char bytes[CMSG_SPACE(sizeof(int))];
};

static_assert(sizeof(union control) - CMSG_LEN(0) <= 2 * sizeof(int), "take_passed sees them all");

enum err handover_put(int fd, const struct handover_record *record, int passed_fd)
{
    struct handover_record copy = *record;
    union control control = {0};
    struct iovec piece = {.iov_base = &copy, .iov_len = sizeof copy};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (passed_fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof passed_fd);
        memcpy(CMSG_DATA(head), &passed_fd, sizeof passed_fd);
    }
    ssize_t n;
    do {
        n = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof copy) {
        return OK;
    }
    if (n < 0 && errno == EAGAIN) {
        return ERR_AGAIN;
    }
    bool is_gone = n < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN);
    return is_gone ? ERR_CLOSED : ERR_IO;
}

/* Keeps the first descriptor. There can be two, as the kernel aligns the room for them; it closes
 * what does not fit. */
static int take_passed(struct msghdr *message)
{
    int fds[2] = {-1, -1};
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    if (head == NULL || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) {
        return -1;
    }
    size_t bytes = head->cmsg_len - CMSG_LEN(0);
    CHECK(bytes <= sizeof fds);
    memcpy(fds, CMSG_DATA(head), bytes);
    socket_close(&fds[1]);
    return fds[0];
}

enum err handover_get(int fd, struct handover_record *record, int *passed_fd)
{
    union control control;
    struct iovec piece = {.iov_base = record, .iov_len = sizeof *record};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    *passed_fd = -1;
    ssize_t n;
    do {
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return errno == EAGAIN ? ERR_AGAIN : errno == ECONNRESET ? ERR_CLOSED : ERR_IO;
    }
    if (n == 0) {
        return ERR_CLOSED;
    }
    *passed_fd = take_passed(&message);
    bool is_record = n == (ssize_t)sizeof *record && record->bytes >= sizeof *record &&
                     record->version == HANDOVER_VERSION && record->kind >= HANDOVER_LISTEN &&
                     record->kind <= HANDOVER_ANSWER;
    if (!is_record) {
        socket_close(passed_fd);
        return ERR_SYNTAX;
    }
    return OK;
}
