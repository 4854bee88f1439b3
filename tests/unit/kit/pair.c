/* pair.c - two connected sockets; see pair.h. */
#define _GNU_SOURCE
#include "pair.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

bool pair_wait(int fd, short events, int wait_ms)
{
    struct pollfd polled = {.fd = fd, .events = events};
    return poll(&polled, 1, wait_ms) == 1;
}

static int listen_on_loopback(struct sockaddr_in *name)
{
    socklen_t name_bytes = sizeof *name;
    *name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 &&
        (bind(fd, (const struct sockaddr *)name, name_bytes) != 0 || listen(fd, 1) != 0 ||
         getsockname(fd, (struct sockaddr *)name, &name_bytes) != 0)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

enum err pair_open(struct pair *pair)
{
    struct sockaddr_in name;
    *pair = (struct pair){-1, -1};
    int listen_fd = listen_on_loopback(&name);
    pair->near = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listen_fd >= 0 && pair->near >= 0) {
        (void)connect(pair->near, (const struct sockaddr *)&name, sizeof name);
        pair->far = accept(listen_fd, NULL, NULL);
    }
    if (listen_fd >= 0) {
        (void)close(listen_fd);
    }
    /* What a test says goes out at once, not with the acknowledgement of what it said before. */
    const int yes = 1;
    (void)setsockopt(pair->far, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (pair->far < 0 || !pair_wait(pair->near, POLLOUT, 1000)) {
        pair_close(pair);
        return ERR_SYSTEM;
    }
    return OK;
}

void pair_close(struct pair *pair)
{
    int *ends[] = {&pair->near, &pair->far};
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        if (*ends[i] >= 0) {
            (void)close(*ends[i]);
            *ends[i] = -1;
        }
    }
}

bool pair_say(struct pair *pair, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n =
            pair_wait(pair->far, POLLOUT, 1000) ? write(pair->far, bytes.at, bytes.len) : -1;
        if (n <= 0) {
            return false;
        }
        bytes = str_skip(bytes, (size_t)n);
    }
    return true;
}

struct str pair_hear(struct pair *pair, int wait_ms)
{
    static _Thread_local char room[65536];
    ssize_t n = pair_wait(pair->far, POLLIN, wait_ms) ? read(pair->far, room, sizeof room) : 0;
    return str_of(room, n > 0 ? (size_t)n : 0);
}

void pair_reset(struct pair *pair)
{
    const struct linger at_once = {.l_onoff = 1};
    (void)setsockopt(pair->far, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)close(pair->far);
    pair->far = -1;
}
