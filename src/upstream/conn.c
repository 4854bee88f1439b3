/* conn.c - connections to instances and the pools they rest in; see conn.h. */
#define _GNU_SOURCE
#include "upstream/conn.h"

#include "base/check.h"
#include "base/limits.h"
#include "net/socket.h"
#include "stats/stats.h"
#include "upstream/cluster.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { IDLE_MS_LEARNED_MIN = 1000, IDLE_MARGIN_MS = 500, IDLE_RELEARN_S = 300 };

static struct pool *pool_of(const struct conn *conn)
{
    return &conn->origin->pools[conn->core->index];
}

static void on_reap(struct loop *loop, struct task *task)
{
    struct conn *conn = CONTAINER_OF(task, struct conn, task);
    (void)loop;
    slab_give(&conn->core->conns, conn);
}

void conn_drop_in(struct conn *conn)
{
    if (conn->in_at != NULL) {
        bool is_block = conn->in_cap == BLOCK_BYTES;
        slab_give(is_block ? &conn->core->blocks : &conn->core->large_chunks, conn->in_at);
    }
    conn->in_at = NULL;
    conn->in_len = conn->in_cap = 0;
}

enum err conn_grow_in(struct conn *conn)
{
    if (conn->in_cap >= LARGE_CHUNK_BYTES) {
        return ERR_ORIGIN_HEAD_BYTES;
    }
    bool is_first = conn->in_at == NULL;
    char *larger = slab_take(is_first ? &conn->core->blocks : &conn->core->large_chunks);
    if (larger == NULL) {
        return ERR_MEMORY;
    }
    uint32_t kept = conn->in_len;
    if (!is_first) {
        memcpy(larger, conn->in_at, kept);
        conn_drop_in(conn);
    }
    conn->in_at = larger;
    conn->in_len = kept;
    conn->in_cap = is_first ? BLOCK_BYTES : LARGE_CHUNK_BYTES;
    return OK;
}

static void leave_pool(struct conn *conn)
{
    if (conn->state == CONN_IDLE) {
        list_remove(&conn->node);
        pool_of(conn)->idle_count--;
        stats_sub(conn->core->stats, conn->origin->cluster->service->cells.idle, 1);
    }
}

void conn_close(struct conn **slot)
{
    struct conn *conn = *slot;
    *slot = NULL;
    if (conn == NULL || conn->state == CONN_DEAD) {
        return;
    }
    leave_pool(conn);
    conn->state = CONN_DEAD;
    conn->ex = NULL;
    timer_stop(&conn->timer);
    conn_drop_in(conn);
    stream_close(&conn->core->loop, &conn->stream);
    pool_of(conn)->open_count--;
    stats_sub(conn->core->stats, conn->origin->cluster->service->cells.open, 1);
    /* Last: the control thread may free the instance, and with it all that it belongs to. */
    atomic_fetch_sub_explicit(&conn->origin->open_count, 1, memory_order_release);
    conn->task.run = on_reap;
    loop_reap(&conn->core->loop, &conn->task);
}

/* What idle connections taught: a time, and since when it is known, in one word for all cores. It
 * is not for ever: after each IDLE_RELEARN_S without such an end twice as long is tried, so an
 * instance that was given a longer time-out gets its connections back. */
static uint64_t idle_pack(int64_t since_ms, int64_t idle_ms)
{
    return (uint64_t)(uint32_t)(since_ms / 1000) << 32 | (uint32_t)idle_ms;
}

/* 0: nothing is known. */
static int64_t learned_idle_ms(const struct origin *origin, int64_t now_ms)
{
    uint64_t learned = atomic_load_explicit(&origin->idle_learned, memory_order_relaxed);
    uint32_t age_s = (uint32_t)(now_ms / 1000) - (uint32_t)(learned >> 32);
    uint32_t doublings = age_s > INT32_MAX ? 0 : age_s / IDLE_RELEARN_S; /* cores' clocks differ */
    return doublings >= 20 ? 0 : (int64_t)(uint32_t)learned << doublings;
}

/* The instance ended an idle connection: connections should not be left to that age again. */
static void learn_idle_time(const struct conn *conn)
{
    int64_t now_ms = conn->core->loop.now_ms, age_ms = now_ms - conn->idle_from_ms;
    int64_t known_ms = learned_idle_ms(conn->origin, now_ms), idle_ms = age_ms - IDLE_MARGIN_MS;
    /* Ends before a second are restarts and resets, not a time-out that one could keep below. */
    if (idle_ms >= IDLE_MS_LEARNED_MIN && idle_ms <= UINT32_MAX &&
        (known_ms == 0 || idle_ms < known_ms)) {
        atomic_store_explicit(&conn->origin->idle_learned, idle_pack(now_ms, idle_ms),
                              memory_order_relaxed);
    }
}

void conn_note_keep_alive(struct conn *conn, uint32_t seconds)
{
    struct origin *origin = conn->origin;
    conn->idle_ms_max = seconds > 1 ? ((int64_t)seconds - 1) * 1000 : 1;
    uint32_t before = atomic_load_explicit(&origin->idle_said_s, memory_order_relaxed);
    if (before != seconds) {
        atomic_store_explicit(&origin->idle_said_s, seconds, memory_order_relaxed);
        atomic_store_explicit(&origin->idle_learned, 0, memory_order_relaxed);
    }
}

static void on_connecting(struct conn *conn)
{
    enum err e = socket_error(conn->stream.io.fd);
    struct exchange *ex = conn->ex;
    if (e != OK) {
        conn->core->conductor->on_origin_connected(
            ex, e == ERR_ORIGIN_CONNECT_TIMEOUT ? e : ERR_ORIGIN_CONNECT);
        return;
    }
    conn->state = CONN_BUSY;
    conn->deadline_ms = INT64_MAX;
    conn->core->conductor->on_origin_connected(ex, OK);
}

static void on_ready(struct loop *loop, struct io *io, unsigned ready)
{
    struct stream *stream = CONTAINER_OF(io, struct stream, io);
    struct conn *conn = CONTAINER_OF(stream, struct conn, stream);
    (void)loop;
    stream_note(stream, ready);
    switch ((enum conn_state)conn->state) {
    case CONN_CONNECTING:
        if ((ready & (READY_WRITE | READY_ERROR | READY_HANGUP)) != 0) {
            on_connecting(conn);
        }
        /* What came together with the connection itself has no event of its own. */
        if (conn->state == CONN_BUSY && conn->stream.can_read) {
            conn->core->conductor->on_origin_ready(conn->ex, READY_READ);
        }
        break;
    case CONN_BUSY: conn->core->conductor->on_origin_ready(conn->ex, ready); break;
    case CONN_IDLE:
        if ((ready & (READY_READ | READY_HANGUP | READY_ERROR)) != 0) {
            if ((ready & READY_HANGUP) != 0) {
                learn_idle_time(conn);
            }
            conn_close(&conn);
        }
        break;
    case CONN_DEAD: break;
    }
}

static void on_timer(struct loop *loop, struct timer *timer)
{
    struct conn *conn = CONTAINER_OF(timer, struct conn, timer);
    if (conn->deadline_ms == INT64_MAX) {
        return;
    }
    if (loop->now_ms < conn->deadline_ms) {
        timer_set(loop, timer, conn->deadline_ms);
        return;
    }
    switch ((enum conn_state)conn->state) {
    case CONN_CONNECTING:
        conn->core->conductor->on_origin_connected(conn->ex, ERR_ORIGIN_CONNECT_TIMEOUT);
        break;
    case CONN_BUSY: conn->core->conductor->on_origin_timer(conn->ex); break;
    case CONN_IDLE: conn_close(&conn); break;
    case CONN_DEAD: break;
    }
}

void conn_wait_until(struct conn *conn, int64_t at_ms)
{
    conn->deadline_ms = at_ms;
    if (at_ms != INT64_MAX) {
        timer_set(&conn->core->loop, &conn->timer, at_ms);
    }
}

enum err pool_take(struct origin *origin, struct exchange *ex, struct conn **out)
{
    struct pool *pool = &origin->pools[ex->core->index];
    if (pool->idle_count == 0) {
        return ERR_NOT_FOUND;
    }
    struct conn *conn = CONTAINER_OF(pool->idle.next, struct conn, node);
    CHECK(conn->state == CONN_IDLE);
    leave_pool(conn);
    conn->state = CONN_BUSY;
    conn->is_reused = true;
    conn->request_count++;
    conn->ex = ex;
    conn->deadline_ms = INT64_MAX;
    stats_add(ex->core->stats, origin->cluster->service->cells.reuses, 1);
    *out = conn;
    return OK;
}

/* The object around a connecting descriptor, counted everywhere. NULL: no room. */
static struct conn *conn_new(struct origin *origin, struct exchange *ex, int fd)
{
    struct core *core = ex->core;
    struct conn *conn = slab_take(&core->conns);
    if (conn == NULL) {
        return NULL;
    }
    memset(conn, 0, sizeof *conn);
    conn->core = core;
    conn->origin = origin;
    conn->ex = ex;
    conn->request_count = 1;
    conn->state = CONN_CONNECTING;
    conn->timer.fire = on_timer;
    list_init(&conn->node);
    stream_init(&conn->stream, fd, on_ready, &core->blocks);
    pool_of(conn)->open_count++;
    atomic_fetch_add_explicit(&origin->open_count, 1, memory_order_relaxed);
    stats_add(core->stats, origin->cluster->service->cells.open, 1);
    stats_add(core->stats, origin->cluster->service->cells.connects, 1);
    return conn;
}

enum err conn_open(struct origin *origin, struct exchange *ex, int64_t timeout_ms,
                   struct conn **out)
{
    int fd;
    TRY(socket_connect(&origin->endpoint.addr, NULL, &fd));
    struct conn *conn = conn_new(origin, ex, fd);
    if (conn == NULL) {
        socket_close(&fd);
        return ERR_MEMORY;
    }
    if (loop_watch(&ex->core->loop, &conn->stream.io) != OK) {
        conn_close(&conn);
        return ERR_SYSTEM;
    }
    conn_wait_until(conn, ex->core->loop.now_ms + timeout_ms);
    *out = conn;
    return OK;
}

/* Whether nothing stands unread in the socket. A body that was read to its last byte and no further
 * leaves that open, so the kernel is asked once. */
static bool is_silent(struct conn *conn)
{
    char byte;
    size_t got;
    return !conn->stream.can_read || stream_recv(&conn->stream, &byte, 1, &got) == ERR_AGAIN;
}

void pool_give(struct conn **slot, uint32_t idle_max, int64_t idle_ms)
{
    struct conn *conn = *slot;
    struct pool *pool = pool_of(conn);
    int64_t learned_ms = learned_idle_ms(conn->origin, conn->core->loop.now_ms);
    bool is_clean = is_silent(conn) && !conn->stream.has_hangup && !conn->stream.has_ended &&
                    !conn->stream.is_broken && conn->stream.queued_bytes == 0;
    bool is_removed = !endpoint_is_usable(&conn->origin->endpoint);
    if (!is_clean || is_removed || pool->idle_count >= idle_max || idle_ms <= 0) {
        conn_close(slot);
        return;
    }
    CHECK(conn->state == CONN_BUSY);
    CHECK(conn->in_at == NULL);
    conn->state = CONN_IDLE;
    conn->ex = NULL;
    conn->idle_from_ms = conn->core->loop.now_ms;
    list_push_front(&pool->idle, &conn->node);
    pool->idle_count++;
    stats_add(conn->core->stats, conn->origin->cluster->service->cells.idle, 1);
    idle_ms = conn->idle_ms_max != 0 && conn->idle_ms_max < idle_ms ? conn->idle_ms_max : idle_ms;
    idle_ms = learned_ms != 0 && learned_ms < idle_ms ? learned_ms : idle_ms;
    conn_wait_until(conn, conn->core->loop.now_ms + idle_ms);
    *slot = NULL;
}

void pool_purge(struct origin *origin, struct core *core)
{
    struct pool *pool = &origin->pools[core->index];
    LIST_EACH_SAFE(node, &pool->idle) {
        struct conn *conn = CONTAINER_OF(node, struct conn, node);
        conn_close(&conn);
    }
}

bool conn_is_unacked_since(const struct conn *conn, uint64_t sent_before)
{
    struct tcp_info info;
    socklen_t bytes = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(conn->stream.io.fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0 ||
        bytes < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked) {
        return false;
    }
    /* The kernel counts the SYN as one acknowledged byte. */
    return info.tcpi_bytes_acked <= sent_before + 1;
}
