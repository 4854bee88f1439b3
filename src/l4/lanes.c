/* lanes.c - bytes of tunnels, copied or spliced; see lanes.h.
 * A reset goes through as a reset: what one side has sent before it is passed on as far as the
 * other side takes it just then. A side that takes nothing more may still have sent an answer:
 * that is passed on before the end. */
#include "l4/lanes.h"

#include "base/limits.h"
#include "net/socket.h"

enum {
    READ_BYTES = SCRATCH_BYTES, /* of a message; a read that fills this is bulk */
    PAUSE_BYTES = 65536,        /* less than this between two pauses is no bulk any more */
    SPLICE_BYTES = 1 << 20      /* asked for at once; the pipe takes what it has room for */
};

/* One direction in this turn. */
struct lane {
    struct tunnel *tunnel;
    struct stream *from, *to;
    struct tunnel_way *way;
    size_t left; /* of this turn's share */
};

static void give_pipe(struct tunnel *tunnel, struct tunnel_way *way)
{
    if (way->has_pipe) {
        pipe_give(tunnel->core->pipes, &way->pipe);
        way->has_pipe = false;
    }
}

void lanes_drop(struct tunnel *tunnel)
{
    give_pipe(tunnel, &tunnel->up);
    give_pipe(tunnel, &tunnel->down);
}

static bool way_holds(const struct tunnel_way *way, const struct stream *to)
{
    return to->queued_bytes > 0 || (way->has_pipe && way->pipe.held_bytes > 0);
}

bool lanes_hold(const struct tunnel *tunnel)
{
    return way_holds(&tunnel->up, &tunnel->origin) || way_holds(&tunnel->down, &tunnel->client);
}

/* Nothing more can go this way, and something is missing at its end. */
static void cut(struct lane *lane)
{
    lane->way->is_done = lane->way->is_cut = true;
    give_pipe(lane->tunnel, lane->way);
}

static void took(struct lane *lane, size_t bytes)
{
    lane->way->bytes += bytes;
    lane->left -= bytes < lane->left ? bytes : lane->left;
    lane->tunnel->moved_ms = lane->tunnel->core->loop.now_ms;
}

/* Bulk begins: from here on through a pipe, if there is one. */
static void begin_bulk(struct lane *lane)
{
    struct tunnel_way *way = lane->way;
    if (!way->copies && lane->to->queued_bytes == 0) {
        way->has_pipe = pipe_take(lane->tunnel->core->pipes, &way->pipe) == OK;
        way->fill = 0;
    }
}

/* Reads once and passes on. False: nothing came. */
static bool copy_once(struct lane *lane)
{
    struct core *core = lane->tunnel->core;
    size_t got;
    enum err e = stream_recv(lane->from, core->scratch, READ_BYTES, &got);
    if (e != OK) {
        return false;
    }
    took(lane, got);
    if (stream_send_str(lane->to, str_of(core->scratch, got)) != OK) {
        cut(lane);
        return false;
    }
    if (got == READ_BYTES) {
        begin_bulk(lane);
    }
    return true;
}

/* Fills the pipe once. */
static size_t fill_pipe(struct lane *lane)
{
    struct stream *from = lane->from;
    struct pipe *pipe = &lane->way->pipe;
    size_t moved = 0;
    if (!from->can_read || from->has_ended || pipe->held_bytes == pipe->capacity_bytes) {
        return 0;
    }
    enum err e = splice_in(from->io.fd, pipe, SPLICE_BYTES, &moved);
    if (e == ERR_AGAIN) {
        /* With bytes in the pipe it may be the pipe that is full: asked again once it is empty. */
        from->can_read = pipe->held_bytes > 0;
    } else if (e == ERR_NOT_FOUND) {
        lane->way->copies = true;
    } else if (e != OK) {
        from->has_ended = true;
        from->can_read = false;
        from->is_broken |= e != ERR_CLOSED;
    }
    took(lane, moved);
    lane->way->fill += (uint32_t)moved;
    return moved;
}

/* Empties it once. */
static size_t empty_pipe(struct lane *lane)
{
    struct stream *to = lane->to;
    size_t moved = 0;
    if (lane->way->pipe.held_bytes == 0 || !to->can_write) {
        return 0;
    }
    enum err e = splice_out(&lane->way->pipe, to->io.fd, SPLICE_BYTES, false, &moved);
    if (e == ERR_AGAIN) {
        to->can_write = false;
    } else if (e != OK) {
        to->is_broken = true;
        to->can_write = false;
        cut(lane);
    }
    return moved;
}

/* Through the pipe, once. False: nothing moved. */
static bool splice_once(struct lane *lane)
{
    struct tunnel_way *way = lane->way;
    size_t moved = fill_pipe(lane);
    moved += empty_pipe(lane);
    bool is_empty = way->has_pipe && way->pipe.held_bytes == 0;
    if (is_empty && (way->copies || lane->from->has_ended)) {
        give_pipe(lane->tunnel, way);
    } else if (is_empty && !lane->from->can_read) {
        /* The sender pauses. */
        if (way->fill < PAUSE_BYTES) {
            give_pipe(lane->tunnel, way);
        }
        way->fill = 0;
    }
    return moved > 0;
}

/* The sender has ended and all that it sent has gone: so has its end, if it was an orderly one. */
static void pass_end(struct lane *lane)
{
    if (lane->from->is_broken) {
        cut(lane);
    } else {
        lane->way->is_done = true;
        socket_shutdown_send(lane->to->io.fd);
    }
}

static void run_lane(struct lane *lane)
{
    bool is_moving = true;
    lane->left = LIMIT_VALUE(bytes_per_turn);
    while (is_moving && !lane->way->is_done && lane->left > 0) {
        if (lane->to->queued_bytes > 0 && stream_flush(lane->to) != OK) {
            cut(lane);
            return;
        }
        if (lane->to->queued_bytes > 0) {
            return;
        }
        is_moving = lane->way->has_pipe ? splice_once(lane) : copy_once(lane);
        if (lane->from->has_ended && !lane->way->is_done && !way_holds(lane->way, lane->to)) {
            pass_end(lane);
        }
    }
}

/* Whether a stream can do no more than tell why. */
static bool is_lost(const struct stream *stream)
{
    return stream->is_broken && stream->has_ended;
}

static void end(struct tunnel *tunnel, bool is_whole)
{
    enum err reset =
        tunnel->client.is_broken ? ERR_TUNNEL_CLIENT_RESET : ERR_TUNNEL_ORIGIN_RESET;
    tunnel_end(tunnel, is_whole ? OK : reset, !is_whole);
}

void lanes_run(struct tunnel *tunnel)
{
    struct lane up = {tunnel, &tunnel->client, &tunnel->origin, &tunnel->up, 0};
    struct lane down = {tunnel, &tunnel->origin, &tunnel->client, &tunnel->down, 0};
    run_lane(&up);
    run_lane(&down);
    /* Who takes nothing more is read to the end, which will not be long in coming. */
    if (tunnel->up.is_cut && !tunnel->down.is_done) {
        tunnel->origin.can_read = true;
        run_lane(&down);
    }
    if (tunnel->down.is_cut && !tunnel->up.is_done) {
        tunnel->client.can_read = true;
        run_lane(&up);
    }
    bool is_cut = tunnel->up.is_cut || tunnel->down.is_cut;
    if (is_lost(&tunnel->client) || is_lost(&tunnel->origin)) {
        end(tunnel, false);
    } else if (tunnel->up.is_done && tunnel->down.is_done) {
        end(tunnel, !is_cut);
    } else if (up.left == 0 || down.left == 0) {
        loop_later(&tunnel->core->loop, &tunnel->task);
    }
}

void lanes_on_ready(struct tunnel *tunnel, struct stream *stream, unsigned ready)
{
    lanes_run(tunnel);
    /* What came before a reset was still there to be read; now it is passed on in turn. */
    if (UNLIKELY((ready & READY_ERROR) != 0) && tunnel->state == TUNNEL_OPEN) {
        stream->is_broken = true;
        end(tunnel, false);
    }
}
