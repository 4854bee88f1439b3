/* http_server.c - one thread that accepts, reads a whole request, and lets the test answer; see
 * http_server.h. */
#include "http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_BYTES_MAX = 65536, TURN_MS = 20 };

/* Whether something can be read soon; false: the server stops. */
static bool wait_readable(struct http_server *server, int fd)
{
    while (!atomic_load(&server->is_stopping)) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (poll(&poll_fd, 1, TURN_MS) > 0) {
            return true;
        }
    }
    return false;
}

static bool is_whole(const char *request, size_t len)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "\r\nContent-Length:");
    if (end == NULL) {
        return false;
    }
    size_t body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return len >= (size_t)(end - request) + 4 + body;
}

static void serve(struct http_server *server, int fd)
{
    static char request[REQUEST_BYTES_MAX];
    size_t len = 0;
    request[0] = '\0';
    while (!is_whole(request, len) && len < sizeof request - 1 && wait_readable(server, fd)) {
        ssize_t got = read(fd, request + len, sizeof request - 1 - len);
        if (got <= 0) {
            return;
        }
        len += (size_t)got;
        request[len] = '\0';
    }
    atomic_fetch_add(&server->requests, 1);
    server->respond(server, request, fd);
}

static void *run(void *arg)
{
    struct http_server *server = arg;
    while (wait_readable(server, server->fd)) {
        int fd = accept(server->fd, NULL, NULL);
        if (fd >= 0) {
            serve(server, fd);
            close(fd);
        }
    }
    return NULL;
}

bool http_server_start(struct http_server *server, http_server_fn *respond)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t len = sizeof name;
    *server = (struct http_server){.respond = respond};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->fd < 0 || bind(server->fd, (struct sockaddr *)&name, len) != 0 ||
        listen(server->fd, 16) != 0 ||
        getsockname(server->fd, (struct sockaddr *)&name, &len) != 0) {
        return false;
    }
    server->port = ntohs(name.sin_port);
    (void)snprintf(server->base, sizeof server->base, "http://127.0.0.1:%u", server->port);
    return pthread_create(&server->thread, NULL, run, server) == 0;
}

void http_server_stop(struct http_server *server)
{
    atomic_store(&server->is_stopping, true);
    pthread_join(server->thread, NULL);
    close(server->fd);
}

void http_server_write(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        text += sent;
        left -= (size_t)sent;
    }
}

void http_server_send(int fd, const char *status, const char *fields, const char *body)
{
    char head[512];
    (void)snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n",
                   status, fields, strlen(body));
    http_server_write(fd, head);
    http_server_write(fd, body);
}

void http_server_hold(struct http_server *server, int fd)
{
    char byte;
    while (wait_readable(server, fd) && read(fd, &byte, 1) > 0) {
    }
}
