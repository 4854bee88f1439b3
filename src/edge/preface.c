/* preface.c - waiting for a PROXY protocol header; see preface.h.
 * A header that does not come whole in time, or is none, ends the connection: it is asked for by
 * the configuration, so a connection without it is not from whom it seems. */
#include "edge/preface.h"

#include "base/limits.h"
#include "net/proxy_protocol.h"
#include "net/socket.h"
#include "stats/stats.h"

static_assert((int)LIMIT_VALUE_proxy_header_bytes <= (int)SCRATCH_BYTES, "it is read at once");

static void on_reap(struct loop *loop, struct task *task)
{
    struct preface *preface = CONTAINER_OF(task, struct preface, task);
    (void)loop;
    slab_give(&preface->core->sessions, preface);
}

/* The object goes; the descriptor may have gone before. */
static void preface_close(struct preface *preface)
{
    timer_stop(&preface->timer);
    list_remove(&preface->node);
    loop_close(&preface->core->loop, &preface->io);
    preface->task.run = on_reap;
    loop_reap(&preface->core->loop, &preface->task);
}

static void refuse(struct preface *preface)
{
    struct stats_block *stats = preface->core->stats;
    stats_add(stats, preface->cell_refused, 1);
    stats_add(stats, CELL_errors + (uint32_t)ERR_BAD_PREFACE, 1);
    socket_linger_reset(preface->io.fd);
    preface_close(preface);
}

static void hand_on(struct preface *preface, const struct proxy_header *header)
{
    struct caller caller = {.peer = preface->peer};
    if (!header->is_local) {
        caller.peer = header->from;
        caller.to = header->to;
    }
    int fd = preface->io.fd;
    loop_unwatch(&preface->core->loop, &preface->io);
    preface->io.fd = -1;
    struct listener *listener = preface->listener;
    preface_close(preface);
    listener_hand(listener, fd, &caller);
}

static void on_ready(struct loop *loop, struct io *io, unsigned ready)
{
    struct preface *preface = CONTAINER_OF(io, struct preface, io);
    char *scratch = preface->core->scratch;
    struct proxy_header header;
    size_t got, bytes;
    (void)loop;
    enum err e = socket_peek(io->fd, scratch, LIMIT_VALUE(proxy_header_bytes), &got);
    if (e == ERR_AGAIN && (ready & READY_ERROR) == 0) {
        return;
    }
    e = e == OK ? proxy_protocol_parse(str_of(scratch, got), &header, &bytes) : e;
    if (e == ERR_AGAIN && (ready & (READY_HANGUP | READY_ERROR)) == 0) {
        return;
    }
    /* The same bytes again, now taken out. */
    if (e != OK || socket_recv(io->fd, scratch, bytes, &got) != OK || got != bytes) {
        refuse(preface);
        return;
    }
    hand_on(preface, &header);
}

static void on_timer(struct loop *loop, struct timer *timer)
{
    (void)loop;
    refuse(CONTAINER_OF(timer, struct preface, timer));
}

void preface_open(struct listener *listener, int fd, const struct addr *peer)
{
    struct core *core = listener->core;
    const struct listener_conf *conf = listener_conf(listener);
    struct preface *preface = core->is_draining ? NULL : slab_take(&core->sessions);
    if (preface == NULL) {
        stats_add(core->stats, conf->cell_refused, 1);
        socket_close(&fd);
        return;
    }
    memset(preface, 0, sizeof *preface);
    preface->core = core;
    preface->listener = listener;
    preface->peer = *peer;
    preface->cell_refused = conf->cell_refused;
    preface->io = (struct io){.on_ready = on_ready, .fd = fd};
    preface->timer.fire = on_timer;
    list_push_back(&core->preface_list, &preface->node);
    timer_set(&core->loop, &preface->timer,
              core->loop.now_ms + LIMIT_VALUE(preface_timeout_ms));
    if (loop_watch(&core->loop, &preface->io) != OK) {
        refuse(preface);
    }
}

void preface_end_all(struct core *core)
{
    LIST_EACH_SAFE(node, &core->preface_list) {
        refuse(CONTAINER_OF(node, struct preface, node));
    }
}
