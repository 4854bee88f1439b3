/* demo_origin.c - a small HTTP/1.1 server for the example; see demo_origin.h. Heads and chunks are
 * taken apart by the rooms that the gateway itself uses. A request's body is counted and dropped,
 * its fields are shown in the answer. */
#include "cli/demo_origin.h"

#include "base/slab.h"
#include "http/h1/chunked.h"
#include "http/h1/parser.h"
#include "http/judge.h"
#include "loop/loop.h"
#include "net/socket.h"

enum {
    CONNS_MAX = 4096,
    IN_BYTES = 16384,
    OUT_BYTES = 16384,
    ARENA_FIRST_BYTES = 4096,
    ARENA_BYTES_MAX = 1 << 20,
    SHOWN_VALUE_BYTES = 200,
    ACCEPTS_PER_TURN = 64,
    STEPS_PER_TURN = 64
};

enum conn_state { CONN_HEAD, CONN_BODY };

struct origin {
    struct loop loop;
    struct slab conns;
};

struct listener {
    struct io io;
    struct origin *origin;
    const struct demo_instance *instance;
};

struct conn {
    struct io io;
    struct task reap;
    struct task again;
    struct origin *origin;
    const struct demo_instance *instance;
    struct arena arena; /* one request */
    struct head head;
    struct h1_parser parser;
    struct chunked chunked;
    struct str shown; /* what the answer says of the request, made while its head is there */
    uint64_t body_left, body_bytes;
    uint8_t state; /* enum conn_state */
    bool is_closing, is_head_request;
    size_t in_len, out_len, out_at;
    char first[ARENA_FIRST_BYTES] __attribute__((aligned(8)));
    char in[IN_BYTES], out[OUT_BYTES];
};

static const struct h1_limits request_limits = {
    .head_bytes_max = IN_BYTES, .field_count_max = 256, .target_bytes_max = 8192};
static const struct judge_rules rules = {
    .uri = {.encoded_slash = URI_SLASH_KEEP, .keeps_double_slashes = true},
    .keeps_underscores = true,
    .default_port = 80};

static void start_request(struct conn *conn)
{
    arena_reset(&conn->arena);
    conn->state = CONN_HEAD;
    conn->head = (struct head){0};
    conn->shown = STR("");
    conn->body_left = conn->body_bytes = 0;
    h1_parser_init(&conn->parser, H1_REQUEST, &conn->head, &conn->arena, &request_limits);
}

static void free_conn(struct loop *loop, struct task *task)
{
    struct conn *conn = CONTAINER_OF(task, struct conn, reap);
    (void)loop;
    arena_reset(&conn->arena);
    slab_give(&conn->origin->conns, conn);
}

static void close_conn(struct conn *conn)
{
    task_cancel(&conn->again);
    loop_close(&conn->origin->loop, &conn->io);
    conn->io.on_ready = NULL;
    loop_reap(&conn->origin->loop, &conn->reap);
}

static void drop_in(struct conn *conn, size_t bytes)
{
    conn->in_len -= bytes;
    memmove(conn->in, conn->in + bytes, conn->in_len);
}

static void add_json_pair(struct strbuf *out, const char *name, struct str value)
{
    strbuf_add_fmt(out, "\"%s\":\"", name);
    strbuf_add_json(out, value, SHOWN_VALUE_BYTES);
    strbuf_add(out, STR("\","));
}

/* Method, target and fields as JSON, while the bytes of the head are still there. */
static enum err show_request(struct conn *conn)
{
    const size_t bytes = OUT_BYTES / 2;
    char *room = arena_alloc(&conn->arena, bytes);
    if (room == NULL) {
        return ERR_MEMORY;
    }
    struct strbuf out = strbuf_over(room, bytes);
    add_json_pair(&out, "method", conn->head.method_text);
    add_json_pair(&out, "target", conn->head.target);
    strbuf_add(&out, STR("\"fields\":["));
    for (uint32_t i = 0; i < conn->head.fields.count; i++) {
        const struct field *field = &conn->head.fields.at[i];
        size_t before = out.len;
        strbuf_add_c(&out, i > 0 ? ",\"" : "\"");
        strbuf_add_json(&out, field->name, SHOWN_VALUE_BYTES);
        strbuf_add(&out, STR(": "));
        strbuf_add_json(&out, field->value, SHOWN_VALUE_BYTES);
        strbuf_add(&out, STR("\""));
        if (strbuf_overflowed(&out)) {
            out.len = before; /* so many fields are not shown to the last one */
            out.has_overflowed = false;
            break;
        }
    }
    conn->shown = strbuf_str(&out);
    return OK;
}

static void write_answer(struct conn *conn)
{
    char room[OUT_BYTES - 512];
    struct strbuf body = strbuf_over(room, sizeof room);
    const struct demo_instance *instance = conn->instance;
    strbuf_add_char(&body, '{');
    add_json_pair(&body, "service", instance->service);
    add_json_pair(&body, "version", instance->version);
    add_json_pair(&body, "instance", instance->name);
    strbuf_add(&body, conn->shown);
    strbuf_add_fmt(&body, "],\"body_bytes\":%llu}\n", (unsigned long long)conn->body_bytes);
    struct strbuf out = strbuf_over(conn->out, sizeof conn->out);
    strbuf_add_fmt(
        &out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
        body.len, conn->is_closing ? "Connection: close\r\n" : "");
    if (!conn->is_head_request) {
        strbuf_add(&out, strbuf_str(&body));
    }
    conn->out_len = out.len;
    conn->out_at = 0;
}

static enum err take_head(struct conn *conn)
{
    TRY(h1_parse(&conn->parser, str_of(conn->in, conn->in_len)));
    TRY(judge_request(&conn->head, &conn->arena, &rules));
    TRY(show_request(conn));
    conn->is_closing = !conn->head.is_persistent;
    conn->is_head_request = conn->head.method == METHOD_HEAD;
    conn->body_left = conn->head.body == BODY_LENGTH ? conn->head.content_length : 0;
    chunked_init(&conn->chunked, &conn->arena, NULL);
    conn->state = CONN_BODY;
    if (conn->head.expects_continue) {
        struct strbuf out = strbuf_over(conn->out, sizeof conn->out);
        strbuf_add(&out, STR("HTTP/1.1 100 Continue\r\n\r\n"));
        conn->out_len = out.len;
        conn->out_at = 0;
    }
    drop_in(conn, conn->parser.at);
    return OK;
}

/* OK: the body is over and the answer is in `out`. */
static enum err take_body(struct conn *conn)
{
    struct str bytes = str_of(conn->in, conn->in_len), data = {0};
    if (conn->head.body == BODY_LENGTH) {
        size_t taken = bytes.len < conn->body_left ? bytes.len : (size_t)conn->body_left;
        conn->body_left -= taken;
        conn->body_bytes += taken;
        drop_in(conn, taken);
        TRY(conn->body_left > 0 ? ERR_AGAIN : OK);
    }
    while (conn->head.body == BODY_CHUNKED && !conn->chunked.is_done) {
        enum err e = bytes.len > 0 ? chunked_feed(&conn->chunked, &bytes, &data) : ERR_AGAIN;
        conn->body_bytes += e == OK ? data.len : 0;
        if (e != OK || conn->chunked.is_done) {
            drop_in(conn, conn->in_len - bytes.len);
            TRY(e);
        }
    }
    write_answer(conn);
    start_request(conn);
    return OK;
}

static enum err flush(struct conn *conn)
{
    while (conn->out_at < conn->out_len) {
        size_t sent = 0;
        TRY(socket_send_str(conn->io.fd,
                            str_of(conn->out + conn->out_at, conn->out_len - conn->out_at), &sent));
        conn->out_at += sent;
    }
    return conn->is_closing && conn->state == CONN_HEAD ? ERR_CLOSED : OK;
}

static enum err fill(struct conn *conn)
{
    size_t got = 0;
    if (conn->in_len == IN_BYTES) {
        return ERR_LIMIT;
    }
    TRY(socket_recv(conn->io.fd, conn->in + conn->in_len, IN_BYTES - conn->in_len, &got));
    conn->in_len += got;
    return OK;
}

/* One step of a connection: what was answered is sent before more is taken. */
static enum err step(struct conn *conn)
{
    TRY(flush(conn));
    enum err e = conn->state == CONN_HEAD ? take_head(conn) : take_body(conn);
    return e == ERR_AGAIN ? fill(conn) : e;
}

static void run_conn(struct conn *conn)
{
    enum err e = OK;
    for (int i = 0; i < STEPS_PER_TURN && e == OK; i++) {
        e = step(conn);
    }
    if (e == OK) {
        loop_later(&conn->origin->loop, &conn->again);
    } else if (e != ERR_AGAIN) {
        close_conn(conn);
    }
}

static void on_again(struct loop *loop, struct task *task)
{
    (void)loop;
    run_conn(CONTAINER_OF(task, struct conn, again));
}

static void on_conn(struct loop *loop, struct io *io, unsigned ready)
{
    (void)loop;
    (void)ready;
    run_conn(CONTAINER_OF(io, struct conn, io));
}

static void open_conn(struct listener *listener, int fd)
{
    struct origin *origin = listener->origin;
    struct conn *conn = slab_take(&origin->conns);
    if (conn == NULL) {
        socket_close(&fd);
        return;
    }
    /* Not the buffers: they are large, and written before they are read. */
    memset(conn, 0, offsetof(struct conn, first));
    conn->io = (struct io){on_conn, fd};
    conn->reap.run = free_conn;
    conn->again.run = on_again;
    conn->origin = origin;
    conn->instance = listener->instance;
    arena_init_slab(&conn->arena, conn->first, sizeof conn->first, (struct arena_slabs){0},
                    ARENA_BYTES_MAX);
    start_request(conn);
    if (loop_watch(&origin->loop, &conn->io) != OK) {
        close_conn(conn);
    }
}

static void on_listener(struct loop *loop, struct io *io, unsigned ready)
{
    struct listener *listener = CONTAINER_OF(io, struct listener, io);
    (void)loop;
    (void)ready;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct addr peer;
        int fd = -1;
        enum err e = socket_accept(io->fd, &fd, &peer);
        if (e == OK) {
            open_conn(listener, fd);
        } else if (e != ERR_CLOSED) {
            return;
        }
    }
}

enum err demo_origin_bind(struct demo_instance *instances, uint32_t count, uint32_t *failed)
{
    for (uint32_t i = 0; i < count; i++) {
        instances[i].listen_fd = -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        enum err e =
            socket_listen(&instances[i].addr, SOCKET_BACKLOG, false, &instances[i].listen_fd);
        if (e != OK) {
            *failed = i;
            demo_origin_close(instances, count);
            return e;
        }
    }
    return OK;
}

void demo_origin_close(struct demo_instance *instances, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        socket_close(&instances[i].listen_fd);
    }
}

enum err demo_origin_serve(struct demo_instance *instances, uint32_t count)
{
    struct origin origin;
    struct listener listeners[DEMO_INSTANCES_MAX];
    CHECK(count <= DEMO_INSTANCES_MAX);
    TRY(slab_init(&origin.conns, sizeof(struct conn), CONNS_MAX));
    TRY(loop_init(&origin.loop));
    for (uint32_t i = 0; i < count; i++) {
        listeners[i] = (struct listener){.io = {on_listener, instances[i].listen_fd},
                                         .origin = &origin,
                                         .instance = &instances[i]};
        TRY(loop_watch_level(&origin.loop, &listeners[i].io));
    }
    loop_run(&origin.loop);
    return ERR_SYSTEM;
}
