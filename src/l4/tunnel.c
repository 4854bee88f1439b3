/* tunnel.c - the life of a tunnel: an instance is picked and connected, times are kept, and in the
 * end it is written down. Moving bytes is lanes.c. See tunnel.h. */
#include "l4/tunnel.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/limits.h"
#include "l4/lanes.h"
#include "l4/naming.h"
#include "net/proxy_protocol.h"
#include "net/socket.h"
#include "observe/access_log.h"
#include "stats/stats.h"

static_assert((int)LIMIT_VALUE_tunnel_attempts <= (int)BALANCE_TRIED_MAX,
              "all that were tried are known");

enum err tunnels_init(struct tunnels *tunnels)
{
    list_init(&tunnels->all);
    return slab_init(&tunnels->slab, sizeof(struct tunnel), LIMIT_VALUE(tunnels));
}

void tunnels_drop(struct tunnels *tunnels)
{
    slab_drop(&tunnels->slab);
}

uint64_t tunnel_source_hash(const struct addr *client)
{
    size_t bytes = client->family == ADDR_V4 ? 4 : sizeof client->ip;
    return hash_stable(str_of((const char *)client->ip, bytes), 0);
}

static void on_reap(struct loop *loop, struct task *task)
{
    struct tunnel *tunnel = CONTAINER_OF(task, struct tunnel, task);
    (void)loop;
    slab_give(&tunnel->core->tunnels->slab, tunnel);
}

static void write_log(const struct tunnel *tunnel, enum err reason)
{
    struct core *core = tunnel->core;
    struct flight flight = {0};
    struct str none = {0};
    if (core->log_ring == NULL) {
        return;
    }
    flight_mark(&flight, FLIGHT_START, tunnel->begun_ns);
    if (tunnel->connected_ns != 0) {
        flight_mark(&flight, FLIGHT_CONNECTED, tunnel->connected_ns);
    }
    flight_mark(&flight, FLIGHT_END, core->loop.now_ns);
    const struct access_record record = {
        .wall_us = core->loop.wall_us,
        .flight = &flight,
        .protocol = tunnel->is_tls ? STR("tls") : STR("tcp"),
        .host = str_of(tunnel->host, tunnel->host_len),
        .listener = str_of(tunnel->listener, tunnel->listener_len),
        .service = tunnel->cluster == NULL ? none : tunnel->cluster->service->name,
        .version = tunnel->cluster == NULL ? none : tunnel->cluster->name,
        .instance = tunnel->at == NULL ? none : tunnel->at->endpoint.name,
        .client = &tunnel->peer,
        .peer = &tunnel->peer,
        .client_received_bytes = tunnel->up.bytes,
        .client_sent_bytes = tunnel->down.bytes,
        .origin_received_bytes = tunnel->down.bytes,
        .origin_sent_bytes = tunnel->up.bytes,
        .generation = tunnel->generation,
        .reason = reason,
        .attempts = tunnel->attempts};
    access_log_write(core->log_ring, &record, core->stats);
}

static void count_end(const struct tunnel *tunnel, enum err reason)
{
    struct stats_block *stats = tunnel->core->stats;
    stats_sub(stats, tunnel->cell_open, 1);
    stats_add(stats, tunnel->cell_received_bytes, tunnel->up.bytes);
    stats_add(stats, tunnel->cell_sent_bytes, tunnel->down.bytes);
    stats_add(stats, tunnel->cell_ends + (uint32_t)reason, 1);
    stats_observe(stats, tunnel->cell_duration,
                  (tunnel->core->loop.now_ns - tunnel->begun_ns) / 1000);
    if (reason != OK) {
        stats_add(stats, CELL_errors + (uint32_t)reason, 1);
    }
    if (tunnel->cluster != NULL) {
        const struct service_cells *cells = &tunnel->cluster->service->cells;
        stats_add(stats, cells->sent_bytes, tunnel->up.bytes);
        stats_add(stats, cells->received_bytes, tunnel->down.bytes);
    }
}

/* Gives back the place at an instance, and the connection to it. */
static void leave_instance(struct tunnel *tunnel)
{
    struct origin *at = tunnel->at;
    tunnel->at = NULL;
    if (at != NULL) {
        if (tunnel->origin.io.fd >= 0) {
            stats_sub(tunnel->core->stats, tunnel->cluster->service->cells.open, 1);
        }
        stream_close(&tunnel->core->loop, &tunnel->origin);
        endpoint_end(&at->endpoint);
        cluster_freed(tunnel->cluster, tunnel->core);
    }
}

/* The settings may go from here on. */
static void let_go(struct tunnel *tunnel)
{
    struct generation *held = tunnel->held;
    tunnel->held = NULL;
    tunnel->conf = NULL;
    if (held != NULL && --held->in_flight == 0 && held->is_retired) {
        tunnel->core->conductor->on_generation_idle(tunnel->core, held);
    }
}

void tunnel_end(struct tunnel *tunnel, enum err reason, bool is_reset)
{
    struct core *core = tunnel->core;
    if (tunnel->state == TUNNEL_DEAD) {
        return;
    }
    tunnel->state = TUNNEL_DEAD;
    timer_stop(&tunnel->timer);
    task_cancel(&tunnel->task);
    list_remove(&tunnel->node);
    core->tunnel_count--;
    lanes_drop(tunnel);
    let_go(tunnel);
    count_end(tunnel, reason);
    write_log(tunnel, reason);
    if (is_reset) {
        socket_linger_reset(tunnel->client.io.fd);
        if (tunnel->at != NULL && tunnel->origin.io.fd >= 0) {
            socket_linger_reset(tunnel->origin.io.fd);
        }
    }
    leave_instance(tunnel);
    stream_close(&core->loop, &tunnel->client);
    tunnel->task.run = on_reap;
    loop_reap(&core->loop, &tunnel->task);
}

/* When the timer has to ring next. */
static int64_t next_deadline(const struct tunnel *tunnel)
{
    int64_t idle_end_ms =
        tunnel->idle_ms == 0 ? INT64_MAX : tunnel->moved_ms + tunnel->idle_ms;
    return idle_end_ms < tunnel->end_ms ? idle_end_ms : tunnel->end_ms;
}

static void wait_on(struct tunnel *tunnel)
{
    int64_t at_ms = next_deadline(tunnel);
    if (at_ms == INT64_MAX) {
        timer_stop(&tunnel->timer);
    } else {
        timer_set(&tunnel->core->loop, &tunnel->timer, at_ms);
    }
}

static void note_attempt(struct tunnel *tunnel, bool is_connected)
{
    struct core *core = tunnel->core;
    const struct balance_sample sample = {
        .outcome = is_connected ? BALANCE_ANSWERED : BALANCE_FAILED,
        .ttfb_ns = core->loop.now_ns - tunnel->attempt_ns};
    balance_note(&tunnel->at->endpoint, &sample, core->loop.now_ns);
    tally_note(&tunnel->at->pools[core->index].tally,
               is_connected ? TALLY_ANSWERED : TALLY_FAILED_LOCAL, sample.ttfb_ns);
    if (!is_connected) {
        stats_add(core->stats, tunnel->cluster->service->cells.connect_failures, 1);
    }
}

static void on_origin_ready(struct loop *loop, struct io *io, unsigned ready);

/* Starts a connection to the instance that was picked. */
static enum err connect_to(struct tunnel *tunnel)
{
    struct core *core = tunnel->core;
    const struct service_cells *cells = &tunnel->cluster->service->cells;
    int fd;
    tunnel->attempt_ns = core->loop.now_ns;
    stats_add(core->stats, cells->attempts, 1);
    stats_add(core->stats, cells->retries, tunnel->attempts > 1);
    TRY(socket_connect(&tunnel->at->endpoint.addr, NULL, &fd));
    stats_add(core->stats, cells->connects, 1);
    stats_add(core->stats, cells->open, 1);
    stream_init(&tunnel->origin, fd, on_origin_ready, &core->blocks);
    TRY(loop_watch(&core->loop, &tunnel->origin.io));
    timer_set(&core->loop, &tunnel->timer, core->loop.now_ms + tunnel->connect_ms);
    return OK;
}

/* Picks and connects until one connection is under way, or ends the tunnel. Nothing of the client
 * was read yet, so any instance will do. */
static void try_next(struct tunnel *tunnel, enum err last)
{
    struct core *core = tunnel->core;
    const struct balance_ask ask = {.tried = &tunnel->tried,
                                    .rng = &core->rng,
                                    .now_ns = core->loop.now_ns,
                                    .hash = tunnel_source_hash(&tunnel->peer),
                                    .has_hash = true};
    while (tunnel->attempts < LIMIT_VALUE(tunnel_attempts)) {
        enum err e = cluster_pick(tunnel->cluster, core, &ask, &tunnel->at);
        if (e != OK) {
            tunnel->at = NULL;
            tunnel_end(tunnel, last != OK ? last : e, true);
            return;
        }
        tunnel->attempts++;
        tunnel->tried.at[tunnel->tried.count++] = &tunnel->at->endpoint;
        last = connect_to(tunnel);
        if (last == OK) {
            return;
        }
        note_attempt(tunnel, false);
        if (tunnel->attempts < LIMIT_VALUE(tunnel_attempts)) {
            leave_instance(tunnel);
        }
    }
    tunnel_end(tunnel, last, true);
}

static void retry(struct tunnel *tunnel, enum err why)
{
    note_attempt(tunnel, false);
    if (tunnel->attempts < LIMIT_VALUE(tunnel_attempts)) {
        leave_instance(tunnel);
        try_next(tunnel, why);
    } else {
        tunnel_end(tunnel, why, true);
    }
}

/* Tells the instance whose connection it is, before anything else, and together with what the
 * client has sent already. False: the connection broke. */
static bool send_header(struct tunnel *tunnel)
{
    struct core *core = tunnel->core;
    struct proxy_header header = {.from = tunnel->peer, .to = tunnel->to};
    struct strbuf out = strbuf_over(core->scratch, PROXY_OUT_BYTES_MAX);
    char id[33];
    struct strbuf unique = strbuf_over(id, sizeof id);
    size_t got;
    if (header.to.family == ADDR_NONE && socket_local(tunnel->client.io.fd, &header.to) != OK) {
        header.is_local = true;
    }
    /* A name that was cut is no name. */
    header.authority =
        str_of(tunnel->host, tunnel->host_len < TUNNEL_HOST_BYTES ? tunnel->host_len : 0);
    header.alpn = str_of(tunnel->alpn, tunnel->alpn_len);
    strbuf_add_hex(&unique, rng_next(&core->rng) | UINT64_C(1) << 63);
    strbuf_add_hex(&unique, rng_next(&core->rng) | UINT64_C(1) << 63);
    header.unique_id = strbuf_str(&unique);
    proxy_protocol_write(&out, (enum proxy_version)tunnel->send_proxy, &header);
    if (stream_recv(&tunnel->client, core->scratch + out.len, SCRATCH_BYTES - out.len, &got) ==
        OK) {
        tunnel->up.bytes += got;
    }
    return stream_send_str(&tunnel->origin, str_of(core->scratch, out.len + got)) == OK;
}

static void on_connected(struct tunnel *tunnel)
{
    enum err e = socket_error(tunnel->origin.io.fd);
    if (e != OK) {
        retry(tunnel, e == ERR_ORIGIN_CONNECT_TIMEOUT ? e : ERR_ORIGIN_CONNECT);
        return;
    }
    tunnel->state = TUNNEL_OPEN;
    tunnel->connected_ns = tunnel->core->loop.now_ns;
    tunnel->moved_ms = tunnel->core->loop.now_ms;
    note_attempt(tunnel, true);
    wait_on(tunnel);
    if (tunnel->send_proxy != PROXY_NONE && !send_header(tunnel)) {
        tunnel_end(tunnel, ERR_TUNNEL_ORIGIN_RESET, true);
        return;
    }
    lanes_run(tunnel);
}

static void on_origin_ready(struct loop *loop, struct io *io, unsigned ready)
{
    struct stream *stream = CONTAINER_OF(io, struct stream, io);
    struct tunnel *tunnel = CONTAINER_OF(stream, struct tunnel, origin);
    (void)loop;
    stream_note(stream, ready);
    switch ((enum tunnel_state)tunnel->state) {
    case TUNNEL_NAMING: break;
    case TUNNEL_CONNECTING:
        if ((ready & (READY_WRITE | READY_ERROR | READY_HANGUP)) != 0) {
            on_connected(tunnel);
        }
        break;
    case TUNNEL_OPEN: lanes_on_ready(tunnel, stream, ready); break;
    case TUNNEL_DEAD: break;
    }
}

static void on_client_ready(struct loop *loop, struct io *io, unsigned ready)
{
    struct stream *stream = CONTAINER_OF(io, struct stream, io);
    struct tunnel *tunnel = CONTAINER_OF(stream, struct tunnel, client);
    (void)loop;
    stream_note(stream, ready);
    switch ((enum tunnel_state)tunnel->state) {
    case TUNNEL_NAMING: naming_run(tunnel, (ready & (READY_HANGUP | READY_ERROR)) != 0); break;
    case TUNNEL_CONNECTING:
        if ((ready & READY_ERROR) != 0) {
            tunnel_end(tunnel, ERR_TUNNEL_CLIENT_RESET, true);
        }
        break;
    case TUNNEL_OPEN: lanes_on_ready(tunnel, stream, ready); break;
    case TUNNEL_DEAD: break;
    }
}

static void on_timer(struct loop *loop, struct timer *timer)
{
    struct tunnel *tunnel = CONTAINER_OF(timer, struct tunnel, timer);
    if (tunnel->end_ms <= loop->now_ms) {
        tunnel_end(tunnel, tunnel->is_retired ? ERR_DRAINING : ERR_TUNNEL_LIFE,
                   lanes_hold(tunnel));
    } else if (tunnel->state == TUNNEL_NAMING) {
        tunnel_end(tunnel, ERR_BAD_PREFACE, true);
    } else if (tunnel->state == TUNNEL_CONNECTING) {
        retry(tunnel, ERR_ORIGIN_CONNECT_TIMEOUT);
    } else if (next_deadline(tunnel) <= loop->now_ms) {
        tunnel_end(tunnel, ERR_TUNNEL_IDLE, lanes_hold(tunnel));
    } else {
        wait_on(tunnel);
    }
}

static void on_task(struct loop *loop, struct task *task)
{
    struct tunnel *tunnel = CONTAINER_OF(task, struct tunnel, task);
    (void)loop;
    lanes_run(tunnel);
}

/* What is needed of the settings, so that the snapshot may go. */
static void copy_conf(struct tunnel *tunnel, const struct tunnel_conf *conf)
{
    struct str name = str_sub(conf->listener, 0, TUNNEL_NAME_BYTES);
    if (name.len > 0) {
        memcpy(tunnel->listener, name.at, name.len);
    }
    tunnel->listener_len = (uint8_t)name.len;
    tunnel->idle_ms = conf->idle_ms;
    tunnel->drain_ms = conf->drain_ms;
    tunnel->end_ms =
        conf->life_ms == 0 ? INT64_MAX : tunnel->core->loop.now_ms + conf->life_ms;
    tunnel->generation = conf->generation;
    tunnel->cell_open = conf->cell_open;
    tunnel->cell_received_bytes = conf->cell_received_bytes;
    tunnel->cell_sent_bytes = conf->cell_sent_bytes;
    tunnel->cell_duration = conf->cell_duration;
    tunnel->cell_ends = conf->cell_ends;
}

void tunnel_connect(struct tunnel *tunnel, const struct tunnel_service *service)
{
    const struct split_version *version;
    tunnel->state = TUNNEL_CONNECTING;
    tunnel->connect_ms = service->connect_ms;
    tunnel->cell_ends = service->cell_ends;
    tunnel->send_proxy = service->send_proxy;
    tunnel->cluster = service->split.versions[0].value;
    enum err e = split_pick(&service->split, &tunnel->core->rng, &version);
    if (e == OK) {
        tunnel->cluster = version->value;
    }
    let_go(tunnel);
    if (e != OK) {
        tunnel_end(tunnel, e, true);
        return;
    }
    try_next(tunnel, OK);
}

/* Waits for the name; only so long is an old configuration held. */
static void await_name(struct tunnel *tunnel, const struct tunnel_conf *conf)
{
    struct core *core = tunnel->core;
    tunnel->state = TUNNEL_NAMING;
    tunnel->is_tls = true;
    tunnel->conf = conf;
    tunnel->held = core->current;
    tunnel->held->in_flight++;
    timer_set(&core->loop, &tunnel->timer,
              core->loop.now_ms + LIMIT_VALUE(preface_timeout_ms));
}

void tunnel_open(struct core *core, const struct tunnel_conf *conf, int fd,
                 const struct tunnel_caller *caller)
{
    struct tunnel *tunnel = core->is_draining ? NULL : slab_take(&core->tunnels->slab);
    if (tunnel == NULL) {
        stats_add(core->stats, conf->cell_refused, 1);
        socket_close(&fd);
        return;
    }
    memset(tunnel, 0, sizeof *tunnel);
    tunnel->core = core;
    tunnel->slot = caller->slot;
    tunnel->peer = caller->peer;
    tunnel->to = caller->to;
    tunnel->begun_ns = core->loop.now_ns;
    tunnel->moved_ms = core->loop.now_ms;
    tunnel->timer.fire = on_timer;
    tunnel->task.run = on_task;
    tunnel->origin.io.fd = -1;
    copy_conf(tunnel, conf);
    list_push_back(&core->tunnels->all, &tunnel->node);
    core->tunnel_count++;
    stream_init(&tunnel->client, fd, on_client_ready, &core->blocks);
    tunnel->client.can_write = true;
    stats_add(core->stats, conf->cell_accepted, 1);
    stats_add(core->stats, conf->cell_open, 1);
    if (loop_watch(&core->loop, &tunnel->client.io) != OK) {
        tunnel_end(tunnel, ERR_SYSTEM, true);
    } else if (conf->names != NULL) {
        await_name(tunnel, conf);
    } else {
        tunnel_connect(tunnel, conf->service);
    }
}

void tunnels_retire(struct core *core, uint32_t slot)
{
    LIST_EACH(node, &core->tunnels->all) {
        struct tunnel *tunnel = CONTAINER_OF(node, struct tunnel, node);
        int64_t end_ms = core->loop.now_ms + tunnel->drain_ms;
        if (tunnel->slot == slot && end_ms < tunnel->end_ms) {
            tunnel->is_retired = true;
            tunnel->end_ms = end_ms;
            if (tunnel->state == TUNNEL_OPEN) {
                wait_on(tunnel);
            }
        }
    }
}

void tunnels_end_all(struct core *core)
{
    LIST_EACH_SAFE(node, &core->tunnels->all) {
        tunnel_end(CONTAINER_OF(node, struct tunnel, node), ERR_DRAINING, true);
    }
}
