/* serve_h1.c - HTTP/1.1 on one client connection; see serve_h1.h. */
#include "edge/serve_h1.h"

#include "base/check.h"
#include "base/limits.h"
#include "edge/request_id.h"
#include "net/socket.h"
#include "stats/stats.h"

void session_drop_exchange(struct session *session)
{
    if (session->ex == NULL) {
        return;
    }
    if (session->ex->state == EX_READING) {
        exchange_move(session->ex, EX_DONE);
    }
    exchange_close(&session->ex);
}

static const struct listener_conf *conf_of(const struct exchange *ex)
{
    return ex->generation->listeners[ex->session->listener->slot];
}

static void start_parser(struct session *session)
{
    struct exchange *ex = session->ex;
    h1_parser_init(&session->parser, H1_REQUEST, &ex->request, &ex->arena, &conf_of(ex)->limits);
}

/* False: there is no room for another exchange, or the listener is gone. */
static bool open_exchange(struct session *session)
{
    if (listener_conf(session->listener) == NULL) {
        return false;
    }
    session->ex = exchange_open(session->core, session);
    if (session->ex == NULL) {
        return false;
    }
    start_parser(session);
    return true;
}

/* The conductor takes over. */
static void hand_over(struct session *session, enum err e)
{
    session->state = SESSION_BUSY;
    session->progress_ms = session->core->loop.now_ms;
    session->core->conductor->on_head(session->ex, e);
}

void serve_h1_refuse(struct session *session, enum err why)
{
    struct exchange *ex = session->ex;
    /* What follows a head that was not understood is not a request: it is never looked at. */
    ex->in_taken = ex->in_len;
    ex->closes_client = true;
    ex->request_body.is_done = true;
    hand_over(session, why);
}

/* A whole head: what it means, who sent it, and on with it. */
static void take_head(struct session *session)
{
    struct exchange *ex = session->ex;
    const struct listener_conf *conf = conf_of(ex);
    ex->in_taken = ex->head_bytes = (uint32_t)session->parser.at;
    exchange_trim_in(ex);
    exchange_mark(ex, FLIGHT_HEAD);
    enum err e = judge_request(&ex->request, &ex->arena, &conf->judge);
    if (e == OK) {
        e = request_id_take(ex, conf->request_id);
    }
    if (e != OK) {
        serve_h1_refuse(session, e);
        return;
    }
    forwarded_read(&ex->request, &conf->forwarded, &session->peer, false, &ex->forwarded);
    hand_over(session, OK);
}

/* OK: more must be read. Anything else: the exchange was handed over. */
static enum err parse_more(struct session *session)
{
    struct exchange *ex = session->ex;
    enum err e = h1_parse(&session->parser, str_of(ex->in_at, ex->in_len));
    if (e == OK) {
        take_head(session);
        return ERR_EXISTS;
    }
    if (e == ERR_AGAIN && ex->in_len == ex->in_cap) {
        e = exchange_grow_in(ex, conf_of(ex)->limits.head_bytes_max);
        if (e == OK) {
            start_parser(session);
            return OK;
        }
    }
    if (e != ERR_AGAIN && e != OK) {
        serve_h1_refuse(session, e);
        return ERR_EXISTS;
    }
    return OK;
}

/* The socket has no more for now: an incomplete head waits with a deadline, else nothing is held.
 */
static void rest(struct session *session)
{
    struct exchange *ex = session->ex;
    if (ex->in_len == 0) {
        session_drop_exchange(session);
        return;
    }
    if (session->state == SESSION_IDLE) {
        session_wait(session, SESSION_READING, conf_of(ex)->head_timeout_ms);
    }
}

void serve_h1_read(struct session *session)
{
    while (session->state == SESSION_IDLE || session->state == SESSION_READING) {
        size_t got;
        if (session->ex == NULL && (!session->stream.can_read || !open_exchange(session))) {
            if (session->stream.can_read) {
                session_close(session);
            }
            return;
        }
        struct exchange *ex = session->ex;
        enum err e = stream_recv(&session->stream, ex->in_at + ex->in_len, ex->in_cap - ex->in_len,
                                 &got);
        if (e == ERR_AGAIN) {
            rest(session);
            return;
        }
        if (e != OK) {
            session_close(session);
            return;
        }
        ex->in_len += (uint32_t)got;
        ex->client_in_bytes += got;
        if (parse_more(session) != OK) {
            return;
        }
    }
}

void serve_h1_resume(struct session *session)
{
    if (session->ex != NULL && session->ex->in_len > 0 && parse_more(session) != OK) {
        return;
    }
    serve_h1_read(session);
}

/* Copies what was read too far into a fresh exchange. False: no room. */
static bool carry_over(struct session *session, struct exchange *old, struct str leftover)
{
    session->ex = NULL;
    if (!open_exchange(session)) {
        session->ex = old;
        return false;
    }
    struct exchange *ex = session->ex;
    while (ex->in_cap < leftover.len) {
        if (exchange_grow_in(ex, SCRATCH_BYTES * 2) != OK) {
            session_drop_exchange(session);
            session->ex = old;
            return false;
        }
    }
    start_parser(session);
    memcpy(ex->in_at, leftover.at, leftover.len);
    ex->in_len = (uint32_t)leftover.len;
    ex->client_in_bytes = leftover.len;
    return true;
}

void serve_h1_next(struct session *session, struct str leftover)
{
    const struct listener_conf *conf = listener_conf(session->listener);
    struct exchange *old = session->ex;
    if (conf == NULL || session->is_retired) {
        serve_h1_end(session);
        return;
    }
    if (leftover.len > 0 && !carry_over(session, old, leftover)) {
        session_close(session);
        return;
    }
    if (leftover.len == 0) {
        session->ex = NULL;
        session_wait(session, SESSION_IDLE, conf->idle_timeout_ms);
    } else {
        session_wait(session, SESSION_READING, conf->head_timeout_ms);
    }
    exchange_close(&old);
    if (leftover.len > 0 || session->stream.can_read) {
        loop_later(&session->core->loop, &session->task);
    }
}

void serve_h1_end(struct session *session)
{
    const struct exchange *ex = session->ex;
    /* Who sent what was refused may be sending still, though nothing of it is here yet. */
    bool is_clean = ex->request_body.is_done && ex->in_taken == ex->in_len &&
                    ex->error == OK && !session->stream.can_read;
    if (is_clean || session->stream.is_broken || session->stream.has_ended) {
        session_close(session);
        return;
    }
    session_drop_exchange(session);
    socket_shutdown_send(session->stream.io.fd);
    session->drained_bytes = 0;
    session_wait(session, SESSION_LINGERING, LIMIT_VALUE(linger_timeout_ms));
    serve_h1_linger(session);
}

void serve_h1_linger(struct session *session)
{
    for (;;) {
        size_t got;
        enum err e = stream_recv(&session->stream, session->core->scratch, SCRATCH_BYTES, &got);
        session->drained_bytes += got;
        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK || session->drained_bytes > LIMIT_VALUE(linger_bytes)) {
            session_close(session);
            return;
        }
    }
}

/* Drops body bytes at the front of *bytes. ERR_AGAIN: the body goes on. */
static enum err drop_body(struct session *session, struct str *bytes)
{
    struct body *body = &session->ex->request_body;
    while (!body->is_done && bytes->len > 0) {
        struct str data;
        TRY(body_take(body, bytes, &data));
        session->drained_bytes += data.len;
    }
    if (session->drained_bytes > LIMIT_VALUE(linger_bytes)) {
        return ERR_LIMIT;
    }
    return body->is_done ? OK : ERR_AGAIN;
}

void serve_h1_drain(struct session *session)
{
    struct exchange *ex = session->ex;
    struct str bytes = str_of(ex->in_at + ex->in_taken, ex->in_len - ex->in_taken);
    enum err e = drop_body(session, &bytes);
    while (e == ERR_AGAIN) {
        size_t got;
        ex->in_taken = ex->in_len;
        enum err got_e = stream_recv(&session->stream, session->core->scratch, SCRATCH_BYTES, &got);
        if (got_e == ERR_AGAIN) {
            return;
        }
        bytes = str_of(session->core->scratch, got);
        e = got_e == OK ? drop_body(session, &bytes) : got_e;
    }
    if (e == OK) {
        serve_h1_next(session, bytes);
    } else {
        session_close(session);
    }
}
