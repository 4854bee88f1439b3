#define _GNU_SOURCE
#include "net/handover.h"

#include "fault.h"
#include "net/socket.h"
#include "test.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

TEST(what_is_not_a_record_is_refused_with_its_descriptor_closed)
{
    int pair[2], passed = -1;
    struct handover_record record = {.bytes = sizeof record, .version = HANDOVER_VERSION};
    struct handover_record got;
    WANT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
    WANT(handover_get(pair[1], &got, &passed) == ERR_AGAIN && passed == -1);
    WANT(write(pair[0], "short", 5) == 5);
    WANT(handover_get(pair[1], &got, &passed) == ERR_SYNTAX && passed == -1);
    record.kind = HANDOVER_ANSWER + 1;
    WANT(handover_put(pair[0], &record, 0) == OK);
    WANT(handover_get(pair[1], &got, &passed) == ERR_SYNTAX && passed == -1);
    record.kind = HANDOVER_READY;
    record.version++;
    WANT(handover_put(pair[0], &record, -1) == OK);
    WANT(handover_get(pair[1], &got, &passed) == ERR_SYNTAX);
    record.version--;
    WANT(handover_put(pair[0], &record, 0) == OK);
    WANT(handover_get(pair[1], &got, &passed) == OK && passed >= 0);
    socket_close(&passed);
    (void)close(pair[0]);
    WANT(handover_get(pair[1], &got, &passed) == ERR_CLOSED);
    WANT(handover_put(pair[1], &record, -1) == ERR_CLOSED);
    (void)close(pair[1]);
}

TEST(more_descriptors_than_one_are_closed_by_the_kernel)
{
    int pair[2], passed = -1, many[3] = {0, 1, 2};
    struct handover_record record = {.bytes = sizeof record,
                                     .version = HANDOVER_VERSION,
                                     .kind = HANDOVER_READY},
                           got;
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof many)];
    } control = {0};
    struct iovec piece = {&record, sizeof record};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof many);
    memcpy(CMSG_DATA(head), many, sizeof many);
    WANT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    int before = dup(0);
    (void)close(before);
    WANT(sendmsg(pair[0], &message, 0) == (ssize_t)sizeof record);
    enum err e = handover_get(pair[1], &got, &passed);
    WANT(e == OK || e == ERR_SYNTAX);
    socket_close(&passed);
    int after = dup(0);
    (void)close(after);
    WANT_INT(after, before); /* none is left open */
    (void)close(pair[0]);
    (void)close(pair[1]);
}

TEST(a_wire_that_breaks_is_told)
{
    int passed;
    struct handover_record record = {.bytes = sizeof record};
    static const struct {
        int error;
        enum err wanted;
    } rows[] = {
        {EAGAIN, ERR_AGAIN}, {EPIPE, ERR_CLOSED}, {ECONNRESET, ERR_CLOSED}, {ENOMEM, ERR_IO}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fault_set((struct fault){.error = rows[i].error});
        WANT_INT(handover_put(0, &record, -1), rows[i].wanted);
    }
    fault_set((struct fault){0});
    WANT(handover_get(-1, &record, &passed) == ERR_IO && passed == -1);
}
