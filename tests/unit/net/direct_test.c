#define _GNU_SOURCE
#include "net/direct.h"

#include "pair.h"
#include "test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TEST(bytes_pass_and_an_end_is_zero)
{
    int fds[2];
    char text[8] = {0};
    WANT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    WANT_INT(direct_send(fds[0], "hello", 5), 5);
    WANT_INT(direct_recv(fds[1], text, 3), 3);
    WANT_INT(direct_recv(fds[1], text + 3, sizeof text - 3), 2);
    WANT(memcmp(text, "hello", 5) == 0);
    WANT(close(fds[0]) == 0);
    WANT_INT(direct_recv(fds[1], text, sizeof text), 0);
    WANT(close(fds[1]) == 0);
}

TEST(errno_says_what_went_wrong_and_no_signal_comes)
{
    int fds[2];
    char byte;
    WANT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    errno = 0;
    WANT_INT(direct_recv(fds[1], &byte, 1), -1);
    WANT_INT(errno, EAGAIN);
    WANT(close(fds[0]) == 0);
    WANT_INT(direct_send(fds[1], "x", 1), -1);
    WANT_INT(errno, EPIPE);
    WANT(close(fds[1]) == 0);
    WANT_INT(direct_recv(fds[1], &byte, 1), -1);
    WANT_INT(errno, EBADF);
}
