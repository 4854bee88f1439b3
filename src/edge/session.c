/* session.c - the life of one client connection: its states, its deadlines, its end.
 * Reading heads and draining what is left of a body is serve_h1.c; what a request means is the
 * conductor's. The object outlives its end until the loop reaps it, so that nobody above on the
 * stack is left with freed memory. See session.h. */
#include "edge/session.h"

#include "base/check.h"
#include "base/limits.h"
#include "edge/serve_h1.h"
#include "net/socket.h"
#include "stats/stats.h"

enum { WAIT_MS_MAX = 86400000 };

static void on_reap(struct loop *loop, struct task *task)
{
    struct session *session = CONTAINER_OF(task, struct session, task);
    (void)loop;
    slab_give(&session->core->sessions, session);
}

void session_close(struct session *session)
{
    struct core *core = session->core;
    if (session->state == SESSION_DEAD) {
        return;
    }
    session_drop_exchange(session);
    session->state = SESSION_DEAD;
    timer_stop(&session->timer);
    task_cancel(&session->task);
    list_remove(&session->node);
    stream_close(&core->loop, &session->stream);
    stats_sub(core->stats, session->cell_open, 1);
    session->task.run = on_reap;
    loop_reap(&core->loop, &session->task);
}

void session_abort(struct session *session, bool is_reset)
{
    if (is_reset && session->stream.io.fd >= 0) {
        socket_linger_reset(session->stream.io.fd);
    }
    session_close(session);
}

void session_ring_at(struct session *session, int64_t at_ms)
{
    if (!session->timer.is_set || at_ms < session->timer.at_ms) {
        timer_set(&session->core->loop, &session->timer, at_ms);
    }
}

void session_wait(struct session *session, enum session_state state, int64_t wait_ms)
{
    session->state = (uint8_t)state;
    /* A time-out of 0 is none; a day keeps the arithmetic simple. */
    wait_ms = wait_ms > 0 ? wait_ms : WAIT_MS_MAX;
    session->deadline_ms = session->core->loop.now_ms + wait_ms;
    timer_set(&session->core->loop, &session->timer, session->deadline_ms);
}

static void on_timer(struct loop *loop, struct timer *timer)
{
    struct session *session = CONTAINER_OF(timer, struct session, timer);
    if (session->state == SESSION_BUSY) {
        int64_t next_ms = session->core->conductor->on_client_timer(session->ex);
        if (session->state == SESSION_BUSY) {
            timer_set(loop, timer, next_ms);
        }
        return;
    }
    if (loop->now_ms < session->deadline_ms) {
        timer_set(loop, timer, session->deadline_ms);
        return;
    }
    if (session->state == SESSION_READING) {
        serve_h1_refuse(session, ERR_HEAD_TIMEOUT);
        return;
    }
    session_close(session);
}

static void on_ready(struct loop *loop, struct io *io, unsigned ready)
{
    struct stream *stream = CONTAINER_OF(io, struct stream, io);
    struct session *session = CONTAINER_OF(stream, struct session, stream);
    (void)loop;
    stream_note(stream, ready);
    switch ((enum session_state)session->state) {
    case SESSION_IDLE:
    case SESSION_READING: serve_h1_read(session); break;
    case SESSION_BUSY:
        if ((ready & READY_ERROR) != 0) {
            session->core->conductor->on_client_lost(session->ex, ERR_CLIENT_GONE);
        } else {
            session->core->conductor->on_client_ready(session->ex, ready);
        }
        break;
    case SESSION_DRAINING: serve_h1_drain(session); break;
    case SESSION_LINGERING: serve_h1_linger(session); break;
    case SESSION_DEAD: break;
    }
}

/* Goes on with bytes that were read before: pipelined requests, or data that came while busy. */
static void on_task(struct loop *loop, struct task *task)
{
    struct session *session = CONTAINER_OF(task, struct session, task);
    (void)loop;
    if (session->state == SESSION_IDLE || session->state == SESSION_READING) {
        serve_h1_resume(session);
    } else if (session->state == SESSION_DRAINING) {
        serve_h1_drain(session);
    }
}

void session_open(struct listener *listener, int fd, const struct addr *peer)
{
    struct core *core = listener->core;
    const struct listener_conf *conf = listener_conf(listener);
    struct session *session = NULL;
    if (conf != NULL && !core->is_draining) {
        session = slab_take(&core->sessions);
    }
    if (session == NULL) {
        if (conf != NULL) {
            stats_add(core->stats, conf->cell_refused, 1);
        }
        socket_close(&fd);
        return;
    }
    memset(session, 0, sizeof *session);
    session->core = core;
    session->listener = listener;
    session->peer = *peer;
    session->cell_open = conf->cell_open;
    forwarded_prepare(&session->forwarded, peer, false, listener->addr.port);
    session->timer.fire = on_timer;
    session->task.run = on_task;
    list_push_back(&core->session_list, &session->node);
    stream_init(&session->stream, fd, on_ready, &core->blocks);
    session->stream.can_write = true;
    stats_add(core->stats, conf->cell_accepted, 1);
    stats_add(core->stats, conf->cell_open, 1);
    session_wait(session, SESSION_IDLE, conf->idle_timeout_ms);
    if (loop_watch(&core->loop, &session->stream.io) != OK) {
        session_close(session);
    }
}

bool session_can_persist(const struct session *session)
{
    const struct listener_conf *conf = listener_conf(session->listener);
    bool is_wanted = session->ex->request.is_persistent && !session->ex->closes_client &&
                     !session->is_retired;
    bool is_offered = !session->core->is_draining && !session->listener->is_removed && conf != NULL;
    return is_wanted && is_offered &&
           (conf->keepalive_requests_max == 0 ||
            session->request_count + 1 < conf->keepalive_requests_max);
}

void session_retire(struct session *session)
{
    session->is_retired = true;
    if (session->state == SESSION_IDLE) {
        session_close(session);
    }
}

void session_finish(struct session *session)
{
    CHECK(session->state == SESSION_BUSY);
    CHECK(session->ex->state == EX_DONE);
    bool persists = session_can_persist(session);
    session->request_count++;
    if (!persists) {
        serve_h1_end(session);
    } else if (session->ex->request_body.is_done) {
        serve_h1_next(session, str_of(session->ex->in_at + session->ex->in_taken,
                                      session->ex->in_len - session->ex->in_taken));
    } else {
        session->drained_bytes = 0;
        session_wait(session, SESSION_DRAINING, LIMIT_VALUE(linger_timeout_ms));
        /* The conductor is still on the stack: reading goes on from the task. */
        loop_later(&session->core->loop, &session->task);
    }
}
