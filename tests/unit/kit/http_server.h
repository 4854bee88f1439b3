/* http_server.h - an HTTP server on loopback for tests, in a thread of its own, that hands each
 * request to the test and sends what the test wants, byte by byte if it must. One connection after
 * the other; each is closed after its answer. */
#pragma once

#include "base/platform.h"

#include <pthread.h>
#include <stdatomic.h>

struct http_server;
/* Runs on the server's thread: `request` is the head and the body as they came. */
typedef void http_server_fn(struct http_server *server, const char *request, int fd);

struct http_server {
    pthread_t thread;
    int fd;
    uint16_t port;
    char base[40]; /* "http://127.0.0.1:8080" */
    http_server_fn *respond;
    void *owner;
    _Atomic unsigned requests;
    _Atomic bool is_stopping;
};

/* Starts it on a free port; false: it could not. */
bool http_server_start(struct http_server *server, http_server_fn *respond);
/* Ends the thread and closes everything. */
void http_server_stop(struct http_server *server);
/* Sends a whole answer with this status line rest ("200 OK"), further fields ("" or lines with
 * their ends) and body. */
void http_server_send(int fd, const char *status, const char *fields, const char *body);
/* Sends text as it stands. */
void http_server_write(int fd, const char *text);
/* Waits until the server is stopped or the peer has closed. */
void http_server_hold(struct http_server *server, int fd);
