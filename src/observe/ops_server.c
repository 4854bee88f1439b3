/* ops_server.c - metrics and health over a strict, small HTTP/1.1 server; see ops_server.h.
 * A connection is one object of fixed size: an in-buffer for the head, an out-buffer for one piece
 * of the answer, scratch memory for the fields. The metrics page is written a piece at a time, when
 * the one before has gone out, so a slow reader holds a buffer and not a page. */
#include "observe/ops_server.h"

#include "base/date.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/region.h"
#include "base/slab.h"
#include "http/h1/parser.h"
#include "http/h1/writer.h"
#include "http/judge.h"
#include "net/socket.h"
#include "observe/prometheus.h"

enum {
    IN_BYTES = LIMIT_VALUE(ops_head_bytes),
    CHUNK_HEAD_BYTES = 8, /* the size of a piece in hexadecimal, CR LF */
    CHUNK_END_BYTES = 8,  /* CR LF, and the last chunk */
    OUT_BYTES = CHUNK_HEAD_BYTES + PROMETHEUS_ROOM_BYTES_MIN + CHUNK_END_BYTES,
    FIELDS_MAX = 64,
    SCRATCH_BYTES = 16384,
    PAGE_BYTES = 4096,
    STEPS_PER_TURN = 8, /* of one connection */
    ACCEPTS_PER_TURN = 8,
    ACCEPT_PAUSE_MS = 1000,
    LINGER_MS = 1000
};

enum ops_state {
    OPS_IDLE,   /* waits for the first byte of a request */
    OPS_HEAD,   /* has some of its head */
    OPS_ANSWER, /* sends */
    OPS_LINGER  /* has said all; reads on, so that the answer is not lost in a reset */
};

struct ops_conn {
    struct io io;
    struct timer timer;
    struct task more, reap;
    struct list node;
    struct ops_server *server;
    struct arena arena;
    struct head request;
    struct h1_parser parser;
    struct prometheus_cursor cursor;
    size_t in_len, out_at, out_len, lingered_bytes;
    uint8_t state; /* enum ops_state */
    bool is_page_due, is_chunked, is_closing;
    uint64_t scratch[SCRATCH_BYTES / sizeof(uint64_t)];
    char in[IN_BYTES];
    char out[OUT_BYTES];
};

struct ops_server {
    struct ops_conf conf;
    struct io listener;
    struct timer accept_pause;
    struct task reap;
    struct slab slab;
    struct list conns; /* oldest first */
    uint32_t conn_count;
};

static const struct h1_limits limits = {
    .head_bytes_max = IN_BYTES, .field_count_max = FIELDS_MAX, .target_bytes_max = IN_BYTES};

/* A connection's end. */

static void conn_reap(struct loop *loop, struct task *task)
{
    (void)loop;
    struct ops_conn *conn = CONTAINER_OF(task, struct ops_conn, reap);
    struct slab *slab = &conn->server->slab;
    slab_give(slab, conn);
    (void)slab_trim(slab, 1, 1);
}

static void conn_close(struct ops_conn *conn)
{
    struct ops_server *server = conn->server;
    loop_close(server->conf.loop, &conn->io);
    timer_stop(&conn->timer);
    task_cancel(&conn->more);
    list_remove(&conn->node);
    server->conn_count--;
    loop_reap(server->conf.loop, &conn->reap);
}

static void on_timer(struct loop *loop, struct timer *timer)
{
    (void)loop;
    conn_close(CONTAINER_OF(timer, struct ops_conn, timer));
}

static void set_timer(struct ops_conn *conn, int64_t ms)
{
    struct loop *loop = conn->server->conf.loop;
    timer_set(loop, &conn->timer, loop->now_ms + ms);
}

/* Answers. */

struct answer {
    uint16_t status;
    bool is_page;
    struct str type;
    struct str text; /* the body; of a page, none */
};

static void answer_head(struct ops_conn *conn, const struct answer *answer, struct strbuf *out)
{
    char date_text[DATE_HTTP_BYTES];
    struct strbuf date = strbuf_over(date_text, sizeof date_text);
    date_add_http(&date, conn->server->conf.loop->wall_us / 1000000);
    struct field slots[4];
    struct head head = {.status = answer->status, .fields = {.at = slots, .cap = COUNT_OF(slots)}};
    enum err e = fields_add(&head.fields, NULL, STR("Date"), strbuf_str(&date));
    e = e != OK ? e : fields_add(&head.fields, NULL, STR("Content-Type"), answer->type);
    e = e != OK ? e : fields_add(&head.fields, NULL, STR("Cache-Control"), STR("no-store"));
    if (e == OK && answer->status == 405) {
        /* RFC 9110 15.5.6: a 405 says what is allowed. */
        e = fields_add(&head.fields, NULL, STR("Allow"), STR("GET, HEAD"));
    }
    CHECK(e == OK);
    struct h1_wire wire = {.body = BODY_NONE, .is_closing = conn->is_closing};
    bool is_head = conn->request.method == METHOD_HEAD;
    if (!answer->is_page) {
        wire.body = is_head ? BODY_NONE : BODY_LENGTH;
        wire.has_content_length = true;
        wire.content_length = answer->text.len;
    } else if (!is_head) {
        wire.body = conn->is_chunked ? BODY_CHUNKED : BODY_UNTIL_CLOSE;
    }
    wire.says_keep_alive = conn->request.minor == 0 && !conn->is_closing;
    h1_write_response(out, &head, &wire);
}

static void answer_start(struct ops_conn *conn, const struct answer *answer)
{
    struct strbuf out = strbuf_over(conn->out, sizeof conn->out);
    bool is_head = conn->request.method == METHOD_HEAD;
    conn->is_page_due = answer->is_page && !is_head;
    conn->is_chunked = conn->request.minor > 0;
    /* RFC 9112 6.3: HTTP/1.0 has no chunks, so there the page ends with the connection. */
    conn->is_closing = conn->is_closing || (conn->is_page_due && !conn->is_chunked);
    answer_head(conn, answer, &out);
    strbuf_add(&out, is_head ? STR("") : answer->text);
    CHECK(!strbuf_overflowed(&out));
    conn->out_at = 0;
    conn->out_len = out.len;
    conn->state = OPS_ANSWER;
    set_timer(conn, LIMIT_VALUE(ops_timeout_ms));
}

static void answer_text(struct ops_conn *conn, uint16_t status, const char *text)
{
    char bytes[512];
    struct strbuf body = strbuf_over(bytes, sizeof bytes);
    strbuf_add_c(&body, text);
    strbuf_add_char(&body, '\n');
    const struct answer answer = {
        .status = status, .type = STR("text/plain; charset=utf-8"), .text = strbuf_str(&body)};
    answer_start(conn, &answer);
}

static void answer_error(struct ops_conn *conn, enum err why)
{
    /* What follows is not known to be a request. */
    conn->is_closing = true;
    answer_text(conn, err_status(why) == 0 ? 400 : err_status(why), err_text(why));
}

static void answer_health(struct ops_conn *conn, bool (*is_well)(void *, const char **))
{
    const char *why = "not ready";
    if (is_well == NULL || is_well(conn->server->conf.owner, &why)) {
        answer_text(conn, 200, "ok");
    } else {
        answer_text(conn, 503, why);
    }
}

static void answer_metrics(struct ops_conn *conn)
{
    const struct ops_conf *conf = &conn->server->conf;
    const struct field *accept = fields_find(&conn->request.fields, FIELD_ACCEPT);
    enum prometheus_format format = prometheus_format_for(accept == NULL ? STR("") : accept->value);
    if (conf->collect != NULL) {
        conf->collect(conf->owner);
    }
    prometheus_begin(&conn->cursor, conf->registry, format);
    const struct answer answer = {
        .status = 200, .is_page = true, .type = prometheus_content_type(format)};
    answer_start(conn, &answer);
}

/* A complete head. */
static void answer_request(struct ops_conn *conn)
{
    static const struct judge_rules rules = {.default_port = 80};
    struct head *request = &conn->request;
    enum err e = judge_request(request, &conn->arena, &rules);
    if (e == OK && request->body != BODY_NONE) {
        e = ERR_BODY_BYTES;
    }
    if (e != OK) {
        answer_error(conn, e);
        return;
    }
    conn->is_closing = !request->is_persistent;
    bool is_metrics = str_eq(request->path, STR("/metrics"));
    bool is_health = str_eq(request->path, STR("/healthz"));
    if (!is_metrics && !is_health && !str_eq(request->path, STR("/readyz"))) {
        answer_text(conn, 404, "there are /metrics, /healthz and /readyz");
    } else if (request->method != METHOD_GET && request->method != METHOD_HEAD) {
        answer_text(conn, 405, "only GET and HEAD are answered");
    } else if (is_metrics) {
        answer_metrics(conn);
    } else {
        const struct ops_conf *conf = &conn->server->conf;
        answer_health(conn, is_health ? conf->is_healthy : conf->is_ready);
    }
}

/* Steps of a connection: OK, go on; ERR_AGAIN, wait for the socket; else close. */

/* Makes ready for a request; what came behind the one before is its beginning. */
static void next_request(struct ops_conn *conn, size_t taken)
{
    CHECK(taken <= conn->in_len);
    conn->in_len -= taken;
    memmove(conn->in, conn->in + taken, conn->in_len);
    arena_reset(&conn->arena);
    conn->request = (struct head){0};
    h1_parser_init(&conn->parser, H1_REQUEST, &conn->request, &conn->arena, &limits);
    conn->is_page_due = conn->is_closing = false;
    conn->out_at = conn->out_len = 0;
    conn->state = conn->in_len > 0 ? OPS_HEAD : OPS_IDLE;
    set_timer(conn, conn->in_len > 0 ? LIMIT_VALUE(ops_timeout_ms) : LIMIT_VALUE(idle_timeout_ms));
}

static enum err step_head(struct ops_conn *conn)
{
    enum err e =
        conn->in_len == 0 ? ERR_AGAIN : h1_parse(&conn->parser, str_of(conn->in, conn->in_len));
    if (e == ERR_AGAIN && conn->in_len == IN_BYTES) {
        e = ERR_HEAD_BYTES;
    }
    if (e == OK) {
        answer_request(conn);
        return OK;
    }
    if (e != ERR_AGAIN) {
        answer_error(conn, e);
        return OK;
    }
    size_t got;
    TRY(socket_recv(conn->io.fd, conn->in + conn->in_len, IN_BYTES - conn->in_len, &got));
    conn->in_len += got;
    if (conn->state == OPS_IDLE) {
        /* From the first byte on, the whole head has this long: a trickle does not extend it. */
        conn->state = OPS_HEAD;
        set_timer(conn, LIMIT_VALUE(ops_timeout_ms));
    }
    return OK;
}

/* Puts the next piece of the page into the out-buffer. */
static enum err refill(struct ops_conn *conn)
{
    struct strbuf piece = strbuf_over(conn->out + CHUNK_HEAD_BYTES, PROMETHEUS_ROOM_BYTES_MIN);
    if (prometheus_write(&conn->cursor, &piece) != OK) {
        /* The client must not take what it has for a whole page. */
        socket_linger_reset(conn->io.fd);
        return ERR_CLOSED;
    }
    conn->is_page_due = !conn->cursor.is_done;
    conn->out_at = CHUNK_HEAD_BYTES;
    conn->out_len = CHUNK_HEAD_BYTES + piece.len;
    if (conn->is_chunked) {
        char text[CHUNK_HEAD_BYTES];
        struct strbuf head = strbuf_over(text, sizeof text);
        if (piece.len > 0) {
            h1_write_chunk_head(&head, piece.len);
        }
        CHECK(!strbuf_overflowed(&head));
        conn->out_at -= head.len;
        memcpy(conn->out + conn->out_at, head.at, head.len);
        struct strbuf end = strbuf_over(conn->out + conn->out_len, CHUNK_END_BYTES);
        strbuf_add(&end, piece.len > 0 ? STR("\r\n") : STR(""));
        if (!conn->is_page_due) {
            h1_write_chunk_end(&end, NULL);
        }
        CHECK(!strbuf_overflowed(&end));
        conn->out_len += end.len;
    }
    /* A whole piece in this time, or the reader is too slow. */
    set_timer(conn, LIMIT_VALUE(ops_timeout_ms));
    return OK;
}

static enum err step_answer(struct ops_conn *conn)
{
    if (conn->out_at < conn->out_len) {
        size_t sent;
        struct str rest = str_of(conn->out + conn->out_at, conn->out_len - conn->out_at);
        TRY(socket_send_str(conn->io.fd, rest, &sent));
        conn->out_at += sent;
        return OK;
    }
    if (conn->is_page_due) {
        return refill(conn);
    }
    if (!conn->is_closing) {
        next_request(conn, conn->parser.at);
        return OK;
    }
    /* RFC 9112 9.6: closing with unread bytes would reset the connection and may take the answer
     * away from a client that has not read it yet. */
    socket_shutdown_send(conn->io.fd);
    conn->state = OPS_LINGER;
    set_timer(conn, LINGER_MS);
    return OK;
}

static enum err step_linger(struct ops_conn *conn)
{
    size_t got;
    TRY(socket_recv(conn->io.fd, conn->in, IN_BYTES, &got));
    conn->lingered_bytes += got;
    return conn->lingered_bytes > LIMIT_VALUE(linger_bytes) ? ERR_CLOSED : OK;
}

static enum err step(struct ops_conn *conn)
{
    switch ((enum ops_state)conn->state) {
    case OPS_IDLE:
    case OPS_HEAD: return step_head(conn);
    case OPS_ANSWER: return step_answer(conn);
    case OPS_LINGER: return step_linger(conn);
    }
    return ERR_BUG;
}

static void conn_run(struct ops_conn *conn)
{
    for (int i = 0; i < STEPS_PER_TURN; i++) {
        enum err e = step(conn);
        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK) {
            conn_close(conn);
            return;
        }
    }
    loop_later(conn->server->conf.loop, &conn->more);
}

static void on_ready(struct loop *loop, struct io *io, unsigned ready)
{
    (void)loop;
    (void)ready;
    conn_run(CONTAINER_OF(io, struct ops_conn, io));
}

static void on_more(struct loop *loop, struct task *task)
{
    (void)loop;
    conn_run(CONTAINER_OF(task, struct ops_conn, more));
}

/* Accepting. */

/* Makes room by closing the connection that has been idle longest; false: all are at work. */
static bool evict_idle(struct ops_server *server)
{
    LIST_EACH(node, &server->conns)
    {
        struct ops_conn *conn = CONTAINER_OF(node, struct ops_conn, node);
        if (conn->state == OPS_IDLE) {
            conn_close(conn);
            return true;
        }
    }
    return false;
}

static void conn_open(struct ops_server *server, int fd)
{
    bool has_room = server->conn_count < LIMIT_VALUE(ops_connections) || evict_idle(server);
    struct ops_conn *conn = has_room ? slab_take(&server->slab) : NULL;
    if (conn == NULL) {
        socket_close(&fd);
        return;
    }
    memset(conn, 0, offsetof(struct ops_conn, scratch));
    conn->io = (struct io){.on_ready = on_ready, .fd = fd};
    conn->timer.fire = on_timer;
    conn->more.run = on_more;
    conn->reap.run = conn_reap;
    conn->server = server;
    list_push_back(&server->conns, &conn->node);
    server->conn_count++;
    arena_init_slab(&conn->arena, conn->scratch, sizeof conn->scratch,
                    (struct arena_slabs){0}, sizeof conn->scratch);
    next_request(conn, 0);
    if (loop_watch(server->conf.loop, &conn->io) != OK) {
        conn_close(conn);
    }
}

static void on_listener(struct loop *loop, struct io *io, unsigned ready)
{
    (void)ready;
    struct ops_server *server = CONTAINER_OF(io, struct ops_server, listener);
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd;
        struct addr peer;
        enum err e = socket_accept(io->fd, &fd, &peer);
        if (e == ERR_AGAIN) {
            return;
        }
        if (e == OK) {
            conn_open(server, fd);
        } else if (e != ERR_CLOSED) {
            /* Out of descriptors: a level-triggered listener would spin. */
            log_line(LOG_WARN, "observe", "metrics listener pauses: %s", err_text(e));
            loop_unwatch(loop, io);
            timer_set(loop, &server->accept_pause, loop->now_ms + ACCEPT_PAUSE_MS);
            return;
        }
    }
}

static void on_pause_over(struct loop *loop, struct timer *timer)
{
    struct ops_server *server = CONTAINER_OF(timer, struct ops_server, accept_pause);
    if (loop_watch_level(loop, &server->listener) != OK) {
        timer_set(loop, timer, loop->now_ms + ACCEPT_PAUSE_MS);
    }
}

/* The server. */

static void server_free(struct ops_server *server)
{
    slab_drop(&server->slab);
    region_release(server, sizeof *server);
}

static void server_reap(struct loop *loop, struct task *task)
{
    (void)loop;
    server_free(CONTAINER_OF(task, struct ops_server, reap));
}

enum err ops_server_open(const struct ops_conf *conf, struct ops_server **out)
{
    *out = NULL;
    struct ops_server *server = region_reserve(sizeof *server);
    if (server == NULL) {
        return ERR_MEMORY;
    }
    server->conf = *conf;
    server->listener = (struct io){.on_ready = on_listener, .fd = conf->listen_fd};
    server->accept_pause.fire = on_pause_over;
    server->reap.run = server_reap;
    list_init(&server->conns);
    /* Whole pages, so that memory goes back to the kernel; twice as many as there may be, because
     * one that makes room is still there until the end of the turn. */
    size_t bytes = (sizeof(struct ops_conn) + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    enum err e = slab_init(&server->slab, bytes, LIMIT_VALUE(ops_connections) * 2);
    if (e == OK) {
        e = loop_watch_level(conf->loop, &server->listener);
    }
    if (e != OK) {
        server_free(server);
        return e;
    }
    *out = server;
    return OK;
}

void ops_server_close(struct ops_server **at)
{
    struct ops_server *server = *at;
    *at = NULL;
    if (server == NULL) {
        return;
    }
    /* The supervisor may hold the socket too, and then closing does not take it off the loop. */
    loop_unwatch(server->conf.loop, &server->listener);
    loop_close(server->conf.loop, &server->listener);
    timer_stop(&server->accept_pause);
    while (!list_is_empty(&server->conns)) {
        conn_close(CONTAINER_OF(server->conns.next, struct ops_conn, node));
    }
    loop_reap(server->conf.loop, &server->reap);
}
