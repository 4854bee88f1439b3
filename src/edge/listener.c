/* listener.c - accepting, in bounded batches, and pausing when descriptors run out.
 * See listener.h. */
#include "edge/listener.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "edge/preface.h"
#include "edge/session.h"
#include "net/socket.h"
#include "stats/stats.h"

enum { ACCEPT_PAUSE_MS = 50 };

const struct listener_conf *listener_conf(const struct listener *listener)
{
    const struct generation *current = listener->core->current;
    return listener->slot < current->listener_count ? current->listeners[listener->slot] : NULL;
}

static void on_pause_over(struct loop *loop, struct timer *timer)
{
    struct listener *listener = CONTAINER_OF(timer, struct listener, pause);
    if (loop_watch_level(loop, &listener->io) != OK) {
        timer_set(loop, timer, loop->now_ms + ACCEPT_PAUSE_MS);
    }
}

/* No descriptor is left: one idle client makes room, and accepting rests a moment instead of
 * spinning on a listener that stays ready. */
static void pause_accepting(struct listener *listener)
{
    struct core *core = listener->core;
    stats_add(core->stats, CELL_accept_errors, 1);
    LIST_EACH(node, &core->session_list) {
        struct session *session = CONTAINER_OF(node, struct session, node);
        if (session->state == SESSION_IDLE && session->request_count > 0) {
            session_abort(session, false);
            break;
        }
    }
    loop_unwatch(&core->loop, &listener->io);
    timer_set(&core->loop, &listener->pause, core->loop.now_ms + ACCEPT_PAUSE_MS);
}

/* A connection that is not HTTP holds two descriptors for as long as it lives. */
static bool has_room(const struct core *core)
{
    return core->session_max == 0 ||
           core->sessions.used_count + 2 * core->tunnel_count < core->session_max;
}

void listener_hand(struct listener *listener, int fd, const struct caller *caller)
{
    const struct listener_conf *conf = listener_conf(listener);
    if (conf != NULL && conf->on_accept != NULL) {
        conf->on_accept(listener, fd, caller);
    } else {
        session_open(listener, fd, &caller->peer);
    }
}

static bool is_proxy(const struct listener_conf *conf, const struct addr *peer)
{
    for (uint32_t i = 0; i < conf->proxy_count; i++) {
        if (addr_prefix_has(&conf->proxies[i], peer)) {
            return true;
        }
    }
    return false;
}

void listener_take(struct listener *listener, int fd, const struct addr *peer)
{
    const struct listener_conf *conf = listener_conf(listener);
    const struct caller caller = {.peer = *peer};
    if (conf == NULL || conf->proxy_count == 0) {
        listener_hand(listener, fd, &caller);
    } else if (is_proxy(conf, peer)) {
        preface_open(listener, fd, peer);
    } else if (conf->requires_proxy) {
        stats_add(listener->core->stats, conf->cell_refused, 1);
        socket_linger_reset(fd);
        socket_close(&fd);
    } else {
        listener_hand(listener, fd, &caller);
    }
}

static void on_ready(struct loop *loop, struct io *io, unsigned ready)
{
    struct listener *listener = CONTAINER_OF(io, struct listener, io);
    (void)loop;
    (void)ready;
    for (int i = 0; i < LIMIT_VALUE(accepts_per_turn); i++) {
        struct addr peer;
        int fd;
        if (!has_room(listener->core)) {
            pause_accepting(listener);
            return;
        }
        enum err e = socket_accept(io->fd, &fd, &peer);
        if (e == ERR_CLOSED) {
            continue;
        }
        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK) {
            pause_accepting(listener);
            return;
        }
        listener_take(listener, fd, &peer);
    }
}

enum err listener_open(struct listener *listener, struct core *core, const struct addr *addr,
                       uint32_t slot, int fd)
{
    *listener = (struct listener){.core = core, .addr = *addr, .slot = slot};
    listener->io = (struct io){.on_ready = on_ready, .fd = fd};
    listener->pause.fire = on_pause_over;
    enum err e = loop_watch_level(&core->loop, &listener->io);
    if (e != OK) {
        loop_close(&core->loop, &listener->io);
    }
    return e;
}

void listener_close(struct listener *listener)
{
    listener->is_removed = true;
    timer_stop(&listener->pause);
    /* The supervisor holds the socket too, so closing alone would leave it in the epoll set. */
    loop_unwatch(&listener->core->loop, &listener->io);
    loop_close(&listener->core->loop, &listener->io);
}
