/* ask.c - the waiting HTTP/1.1 client of the command line; see ask.h. */
#include "cli/ask.h"

#include "base/clock.h"
#include "http/h1/chunked.h"
#include "http/judge.h"
#include "net/local.h"
#include "net/socket.h"

#include <poll.h>

enum { HEADS_BYTES_MAX = 1 << 20, MEMORY_BYTES_MAX = ASK_ANSWER_BYTES_MAX + 65536 };

static const struct h1_limits answer_limits = {
    .head_bytes_max = 65536, .field_count_max = 256, .target_bytes_max = 1};

static int64_t now_ms(void)
{
    return clock_mono_ns() / NS_PER_MS;
}

static enum err start(struct ask *ask)
{
    *ask = (struct ask){.fd = -1};
    arena_init_heap(&ask->memory, MEMORY_BYTES_MAX);
    arena_init_heap(&ask->heads, HEADS_BYTES_MAX);
    ask->deadline_ms = now_ms() + ASK_TIMEOUT_MS;
    /* As large as an answer may be, so that it never moves; pages that stay empty cost nothing. */
    ask->in = arena_alloc(&ask->memory, ASK_ANSWER_BYTES_MAX);
    return ask->in == NULL ? ERR_MEMORY : OK;
}

/* Waits for the socket; ERR_ORIGIN_TIMEOUT at the deadline. */
static enum err wait_for(const struct ask *ask, short events)
{
    for (;;) {
        struct pollfd polled = {.fd = ask->fd, .events = events};
        int64_t left_ms = ask->deadline_ms - now_ms();
        if (left_ms <= 0) {
            return ERR_ORIGIN_TIMEOUT;
        }
        if (poll(&polled, 1, (int)left_ms) > 0) {
            return OK;
        }
    }
}

enum err ask_open(struct ask *ask, const struct addr *addr)
{
    TRY(start(ask));
    TRY(socket_connect(addr, NULL, &ask->fd));
    if (wait_for(ask, POLLOUT) != OK) {
        return ERR_ORIGIN_CONNECT_TIMEOUT;
    }
    return socket_error(ask->fd);
}

enum err ask_open_unix(struct ask *ask, struct str path)
{
    TRY(start(ask));
    return local_connect(path, &ask->fd);
}

void ask_close(struct ask *ask)
{
    socket_close(&ask->fd);
    arena_reset(&ask->memory);
    arena_reset(&ask->heads);
    ask->in = NULL;
    ask->len = ask->body_at = ask->body_end = 0;
}

enum err ask_send(struct ask *ask, struct str request)
{
    ask->deadline_ms = now_ms() + ASK_TIMEOUT_MS;
    while (request.len > 0) {
        size_t sent = 0;
        enum err e = socket_send_str(ask->fd, request, &sent);
        if (e == ERR_AGAIN) {
            TRY(wait_for(ask, POLLOUT));
        } else if (e != OK) {
            return e;
        }
        request = str_skip(request, sent);
    }
    return OK;
}

/* Reads at least one more byte. */
static enum err read_more(struct ask *ask)
{
    while (ask->len < ASK_ANSWER_BYTES_MAX) {
        size_t got = 0;
        enum err e =
            socket_recv(ask->fd, ask->in + ask->len, ASK_ANSWER_BYTES_MAX - ask->len, &got);
        ask->len += got;
        if (e != ERR_AGAIN) {
            return e;
        }
        TRY(wait_for(ask, POLLIN));
    }
    return ERR_LIMIT;
}

static enum err read_head(struct ask *ask, enum method method)
{
    for (;;) {
        struct h1_parser parser;
        ask->head = (struct head){0};
        arena_reset(&ask->heads);
        h1_parser_init(&parser, H1_RESPONSE, &ask->head, &ask->heads, &answer_limits);
        enum err e = h1_parse(&parser, str_of(ask->in, ask->len));
        if (e == ERR_AGAIN) {
            TRY(read_more(ask));
            continue;
        }
        TRY(e);
        TRY(judge_response(&ask->head, method, false));
        ask->body_at = ask->body_end = ask->end = parser.at;
        if (ask->head.status >= 200) {
            return OK;
        }
        /* An interim answer: the next head follows. */
        memmove(ask->in, ask->in + parser.at, ask->len - parser.at);
        ask->len -= parser.at;
    }
}

/* Chunks are decoded in place: data never takes more room than its coding. */
static enum err read_chunks(struct ask *ask)
{
    struct chunked chunked;
    size_t at = ask->body_at;
    chunked_init(&chunked, &ask->heads, NULL);
    while (!chunked.is_done) {
        struct str bytes = str_of(ask->in + at, ask->len - at), data = {0};
        if (bytes.len == 0) {
            TRY(read_more(ask));
            continue;
        }
        size_t before = bytes.len;
        TRY(chunked_feed(&chunked, &bytes, &data));
        if (data.len > 0) {
            memmove(ask->in + ask->body_end, data.at, data.len);
            ask->body_end += data.len;
        }
        at += before - bytes.len;
    }
    ask->end = at;
    return OK;
}

static enum err read_length(struct ask *ask)
{
    if (ask->head.content_length > ASK_ANSWER_BYTES_MAX) {
        return ERR_LIMIT;
    }
    while (ask->len - ask->body_at < ask->head.content_length) {
        TRY(read_more(ask));
    }
    ask->body_end = ask->body_at + (size_t)ask->head.content_length;
    ask->end = ask->body_end;
    return OK;
}

static enum err read_until_close(struct ask *ask)
{
    enum err e = OK;
    while (e == OK) {
        e = read_more(ask);
    }
    ask->body_end = ask->end = ask->len;
    return e == ERR_CLOSED ? OK : e;
}

static enum err read_body(struct ask *ask)
{
    enum err e = OK;
    if (ask->head.body == BODY_LENGTH) {
        e = read_length(ask);
    } else if (ask->head.body == BODY_CHUNKED) {
        e = read_chunks(ask);
    } else if (ask->head.body == BODY_UNTIL_CLOSE) {
        e = read_until_close(ask);
    }
    return e == ERR_CLOSED ? ERR_ORIGIN_TRUNCATED : e;
}

enum err ask_receive(struct ask *ask, enum method method)
{
    ask->len = 0;
    TRY(read_head(ask, method));
    TRY(read_body(ask));
    /* Nothing was asked for that could stand behind it. */
    return ask->end == ask->len ? OK : ERR_ORIGIN_FRAMING;
}

enum err ask_exchange(struct ask *ask, struct str request, enum method method)
{
    TRY(ask_send(ask, request));
    return ask_receive(ask, method);
}
