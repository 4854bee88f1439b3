/* origin.c - the origin of `make bench`: answers GET /N with N bytes; one thread, epoll.
 * It does as little as an honest server can: finds the end of each head, takes the number from the
 * target, sends head and body in one call. Prints its port when it listens. */
#define _GNU_SOURCE
#include "base/str.h"
#include "base/strbuf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_BYTES_MAX = 4 << 20, KEPT_BYTES_MAX = 8192, EVENTS_PER_TURN = 512, HEAD_BYTES = 128 };

struct session {
    int fd;
    size_t kept_len;
    size_t head_left, body_left; /* of the answer being sent, from the ends of head and body */
    char head[HEAD_BYTES];
    size_t head_len;
    char kept[KEPT_BYTES_MAX];
};

struct origin {
    int listen_fd, epoll_fd;
    char *body;
};

/* False when the kernel takes no more; the rest goes out with the next event. */
static bool send_answer(const struct origin *origin, struct session *session)
{
    while (session->head_left + session->body_left > 0) {
        struct iovec parts[2] = {
            {session->head + session->head_len - session->head_left, session->head_left},
            {origin->body, session->body_left},
        };
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        ssize_t sent = sendmsg(session->fd, &message, MSG_NOSIGNAL);
        if (sent < 0) {
            return false;
        }
        size_t of_head = (size_t)sent < session->head_left ? (size_t)sent : session->head_left;
        session->head_left -= of_head;
        session->body_left -= (size_t)sent - of_head;
    }
    return true;
}

static void prepare_answer(struct session *session, struct str head)
{
    uint64_t bytes = 0;
    struct str target = str_cut(str_cut(head, ' ').tail, ' ').head;
    struct str number = str_cut(str_skip(target, 1), '?').head;
    struct strbuf out = strbuf_over(session->head, sizeof(session->head));
    if (!str_to_u64(number, &bytes) || bytes > BODY_BYTES_MAX) {
        bytes = 0;
        strbuf_add(&out, STR("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
    } else {
        strbuf_add(&out, STR("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "));
        strbuf_add_u64(&out, bytes);
        strbuf_add(&out, STR("\r\n\r\n"));
    }
    session->head_len = session->head_left = out.len;
    session->body_left = bytes;
}

/* Answers every whole head that is there; false when the kernel holds an answer back. */
static bool answer_all(const struct origin *origin, struct session *session)
{
    struct str data = str_of(session->kept, session->kept_len);
    bool is_sent = true;
    for (size_t end; is_sent && (end = str_find_str(data, STR("\r\n\r\n"))) < data.len;) {
        prepare_answer(session, str_sub(data, 0, end));
        data = str_skip(data, end + 4);
        is_sent = send_answer(origin, session);
    }
    memmove(session->kept, data.at, data.len);
    session->kept_len = data.len;
    return is_sent;
}

/* False when the session is over. */
static bool serve(const struct origin *origin, struct session *session)
{
    for (;;) {
        if (!send_answer(origin, session) || !answer_all(origin, session)) {
            return errno == EAGAIN;
        }
        ssize_t got = recv(session->fd, session->kept + session->kept_len,
                           KEPT_BYTES_MAX - session->kept_len, 0);
        if (got <= 0) {
            return got < 0 && errno == EAGAIN;
        }
        session->kept_len += (size_t)got;
    }
}

static void accept_all(const struct origin *origin)
{
    for (int fd;
         (fd = accept4(origin->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        int one = 1;
        struct session *session = calloc(1, sizeof(*session));
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                    .data = {.ptr = session}};
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (session == NULL || epoll_ctl(origin->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            free(session);
            close(fd);
            continue;
        }
        session->fd = fd;
    }
}

static bool origin_open(struct origin *origin, uint16_t *port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t addr_len = sizeof(addr);
    int one = 1;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    origin->body = malloc(BODY_BYTES_MAX);
    origin->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    origin->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
    if (origin->body == NULL || origin->epoll_fd < 0 || origin->listen_fd < 0 ||
        setsockopt(origin->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(origin->listen_fd, (struct sockaddr *)(void *)&addr, addr_len) != 0 ||
        listen(origin->listen_fd, 4096) != 0 ||
        getsockname(origin->listen_fd, (struct sockaddr *)(void *)&addr, &addr_len) != 0 ||
        epoll_ctl(origin->epoll_fd, EPOLL_CTL_ADD, origin->listen_fd, &event) != 0) {
        return false;
    }
    memset(origin->body, 'b', BODY_BYTES_MAX);
    *port = ntohs(addr.sin_port);
    return true;
}

static void run(const struct origin *origin)
{
    struct epoll_event events[EVENTS_PER_TURN];
    for (;;) {
        int count = epoll_wait(origin->epoll_fd, events, EVENTS_PER_TURN, -1);
        for (int i = 0; i < count; i++) {
            struct session *session = events[i].data.ptr;
            if (session == NULL) {
                accept_all(origin);
            } else if (!serve(origin, session)) {
                close(session->fd);
                free(session);
            }
        }
    }
}

int main(int argc, char **argv)
{
    struct origin origin;
    struct rlimit files;
    uint64_t number = 0;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    if (argc > 2 || (argc == 2 && (!str_to_u64(str_from_c(argv[1]), &number) || number > 65535))) {
        (void)fprintf(stderr, "usage: origin [PORT]   (answers GET /N with N bytes)\n");
        return 2;
    }
    uint16_t port = (uint16_t)number;
    if (!origin_open(&origin, &port)) {
        perror("origin");
        return 1;
    }
    printf("%u\n", port);
    (void)fflush(stdout);
    run(&origin);
}
