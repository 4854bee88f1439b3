/* ask_test.c - answers of a scripted peer, whole and byte by byte, good and broken. */
#include "cli/ask.h"

#include "net/socket.h"
#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

struct peer {
    struct addr addr;
    int listen_fd;
    struct str answer;
    size_t piece; /* bytes in one write */
    pthread_t thread;
};

static bool wait_readable(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    return poll(&polled, 1, 5000) == 1;
}

/* Takes one connection, waits for a request, answers and closes. */
static void *play(void *context)
{
    struct peer *peer = context;
    struct addr from;
    int fd = -1;
    char room[4096];
    if (!wait_readable(peer->listen_fd) || socket_accept(peer->listen_fd, &fd, &from) != OK) {
        return NULL;
    }
    if (wait_readable(fd) && read(fd, room, sizeof room) > 0) {
        for (struct str rest = peer->answer; rest.len > 0; rest = str_skip(rest, peer->piece)) {
            struct str piece = str_sub(rest, 0, peer->piece);
            if (write(fd, piece.at, piece.len) != (ssize_t)piece.len) {
                break;
            }
        }
    }
    (void)close(fd);
    return NULL;
}

static bool peer_start(struct peer *peer, struct str answer, size_t piece)
{
    *peer = (struct peer){.answer = answer, .piece = piece, .listen_fd = -1};
    const struct addr any_port = {.family = ADDR_V4, .ip = {127, 0, 0, 1}};
    return socket_listen(&any_port, 1, false, &peer->listen_fd) == OK &&
           socket_local(peer->listen_fd, &peer->addr) == OK &&
           pthread_create(&peer->thread, NULL, play, peer) == 0;
}

static void peer_end(struct peer *peer)
{
    (void)pthread_join(peer->thread, NULL);
    socket_close(&peer->listen_fd);
}

static enum err ask_peer(struct ask *ask, struct str answer, size_t piece, enum method method)
{
    struct peer peer;
    if (!peer_start(&peer, answer, piece)) {
        *ask = (struct ask){.fd = -1};
        return ERR_SYSTEM;
    }
    enum err e = ask_open(ask, &peer.addr);
    if (e == OK) {
        e = ask_exchange(ask, STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), method);
    }
    peer_end(&peer);
    return e;
}

TEST(answers_are_read_whole_whatever_their_framing)
{
    static const struct {
        const char *answer;
        const char *body;
        enum method method;
        uint16_t status;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", METHOD_GET, 200},
        {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "", METHOD_GET, 404},
        {"HTTP/1.1 204 No Content\r\n\r\n", "", METHOD_GET, 204},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "", METHOD_HEAD, 200},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end", "to the end", METHOD_GET, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
         "chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
         "abcde", METHOD_GET, 200},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
         "ok", METHOD_GET, 200},
    };
    const size_t pieces[] = {1, 7, 4096};
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(pieces); i++) {
        struct ask ask;
        size_t row = i / COUNT_OF(pieces);
        WANT_INT(ask_peer(&ask, str_from_c(rows[row].answer), pieces[i % COUNT_OF(pieces)],
                          rows[row].method),
                 OK);
        WANT_INT(ask.head.status, rows[row].status);
        WANT_STR(ask_body(&ask), str_from_c(rows[row].body));
        ask_close(&ask);
    }
}

TEST(broken_answers_are_refused)
{
    static const struct {
        const char *answer;
        enum err wanted;
    } rows[] = {
        {"", ERR_CLOSED},
        {"HTTP/1.1 200", ERR_CLOSED},
        {"SSH-2.0-x\r\n\r\n", ERR_ORIGIN_BAD_HEAD},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", ERR_ORIGIN_TRUNCATED},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!", ERR_ORIGIN_FRAMING},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", ERR_LIMIT},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ERR_BAD_CHUNK},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", ERR_ORIGIN_TRUNCATED},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", ERR_ORIGIN_FRAMING},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ask ask;
        WANT_INT(ask_peer(&ask, str_from_c(rows[i].answer), 4096, METHOD_GET), rows[i].wanted);
        ask_close(&ask);
    }
}

TEST(nobody_there_is_an_error)
{
    struct ask ask;
    struct addr addr = {.family = ADDR_V4, .ip = {127, 0, 0, 1}};
    int fd = -1;
    WANT_INT(socket_listen(&addr, 1, false, &fd), OK);
    WANT_INT(socket_local(fd, &addr), OK);
    socket_close(&fd);
    WANT_INT(ask_open(&ask, &addr), ERR_ORIGIN_CONNECT);
    ask_close(&ask);
    WANT_INT(ask_open_unix(&ask, STR("/nowhere/at/all.sock")), ERR_NOT_FOUND);
    ask_close(&ask);
}

TEST(a_unix_path_has_an_end)
{
    struct ask ask;
    char path[200];
    memset(path, 'x', sizeof path);
    WANT_INT(ask_open_unix(&ask, str_of(path, sizeof path)), ERR_RANGE);
    ask_close(&ask);
    WANT_INT(ask_open_unix(&ask, STR("")), ERR_RANGE);
    ask_close(&ask);
}
