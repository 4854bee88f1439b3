/* admin.c - the transport of the admin API; see admin.h. A connection reads one head, gets one
 * answer made in its own arena, and ends. */
#include "control/admin.h"

#include "base/check.h"
#include "base/heap.h"
#include "base/limits.h"
#include "base/log.h"
#include "http/h1/parser.h"
#include "http/h1/writer.h"
#include "http/judge.h"
#include "net/local.h"
#include "net/socket.h"

enum {
    IN_BYTES = LIMIT_VALUE(admin_head_bytes),
    OUT_HEAD_BYTES = 1024,
    ANSWER_BYTES_MAX = 1 << 30,
    ACCEPTS_PER_TURN = 4
};

struct admin {
    struct admin_conf conf;
    struct local local;
    struct io listener;
    struct task reap;
    uint32_t conn_count;
    bool is_closed; /* goes with its last connection */
    char path[ADDR_UNIX_BYTES_MAX + 1];
};

struct conn {
    struct io io;
    struct timer timer;
    struct task reap;
    struct admin *admin;
    struct arena arena;
    struct head request;
    struct h1_parser parser;
    struct str head, body; /* what is still to be sent */
    bool is_answered, has_head;
    size_t in_len;
    char in[IN_BYTES];
};

static const struct h1_limits limits = {
    .head_bytes_max = IN_BYTES, .field_count_max = 64, .target_bytes_max = IN_BYTES};

static void free_admin(struct loop *loop, struct task *task)
{
    (void)loop;
    heap_free(CONTAINER_OF(task, struct admin, reap));
}

static void free_conn(struct loop *loop, struct task *task)
{
    struct conn *conn = CONTAINER_OF(task, struct conn, reap);
    struct admin *admin = conn->admin;
    arena_reset(&conn->arena);
    heap_free(conn);
    admin->conn_count--;
    if (admin->is_closed && admin->conn_count == 0) {
        loop_reap(loop, &admin->reap);
    }
}

static void close_conn(struct conn *conn)
{
    timer_stop(&conn->timer);
    conn->io.on_ready = NULL;
    loop_close(conn->admin->conf.loop, &conn->io);
    loop_reap(conn->admin->conf.loop, &conn->reap);
}

static void on_timer(struct loop *loop, struct timer *timer)
{
    (void)loop;
    close_conn(CONTAINER_OF(timer, struct conn, timer));
}

static void write_head(struct conn *conn, const struct admin_answer *answer)
{
    char *room = arena_alloc(&conn->arena, OUT_HEAD_BYTES);
    struct field slots[4];
    struct head head = {.status = answer->status, .fields = {.at = slots, .cap = COUNT_OF(slots)}};
    struct strbuf out = strbuf_over(room, room == NULL ? 0 : OUT_HEAD_BYTES);
    enum err e = fields_add(&head.fields, NULL, STR("Content-Type"), answer->type);
    e = e != OK ? e : fields_add(&head.fields, NULL, STR("Cache-Control"), STR("no-store"));
    if (e == OK && answer->allow.len > 0) {
        e = fields_add(&head.fields, NULL, STR("Allow"), answer->allow);
    }
    CHECK(e == OK);
    const struct h1_wire wire = {.body = BODY_LENGTH,
                                 .content_length = conn->body.len,
                                 .has_content_length = true,
                                 .is_closing = true};
    h1_write_response(&out, &head, &wire);
    conn->head = strbuf_overflowed(&out) ? STR("") : strbuf_str(&out);
}

void admin_problem(const struct admin_request *request, struct admin_answer *answer,
                   uint16_t status, const char *code, struct str detail)
{
    answer->status = status;
    if (request->wants_text) {
        sink_add(&answer->body, detail);
        sink_add(&answer->body, STR("\n"));
        return;
    }
    answer->type = STR("application/problem+json");
    sink_add_fmt(&answer->body, "{\"type\":\"about:blank\",\"title\":\"%.*s\",\"status\":%u,",
                 STR_FMT(status_reason(status)), status);
    sink_add_fmt(&answer->body, "\"code\":\"%s\",\"detail\":\"", code);
    sink_add_json(&answer->body, detail);
    sink_add(&answer->body, STR("\"}\n"));
}

/* What is to be sent. */
static void take_answer(struct conn *conn, const struct admin_request *request,
                        struct admin_answer *given)
{
    if (given->type.len == 0) {
        given->type =
            request->wants_text ? STR("text/plain; charset=utf-8") : STR("application/json");
    }
    conn->is_answered = true;
    conn->body = sink_str(&given->body);
    write_head(conn, given);
}

/* A refusal of the transport: nobody above was asked. */
static void refuse(struct conn *conn, enum err why)
{
    const struct admin_request nothing = {0};
    struct admin_answer given = {.arena = &conn->arena};
    uint16_t status = err_status(why) >= 400 ? err_status(why) : 400;
    sink_to_memory(&given.body, &conn->arena);
    admin_problem(&nothing, &given, status, err_code(why), str_from_c(err_text(why)));
    take_answer(conn, &nothing, &given);
}

static bool wants_text(const struct head *request)
{
    const struct field *accept = fields_find(&request->fields, FIELD_ACCEPT);
    return accept != NULL && str_starts(accept->value, STR("text/plain"));
}

/* The body; empty when there is none, or it is not whole yet. */
static struct str body_of(const struct conn *conn)
{
    size_t len = conn->request.body == BODY_LENGTH ? (size_t)conn->request.content_length : 0;
    return str_of(conn->in + conn->parser.at, len);
}

/* The head is whole. A body must say its length and fit behind the head; only what changes
 * something takes one. */
static enum err take_head(struct conn *conn)
{
    static const struct judge_rules rules = {.default_port = 80};
    struct head *request = &conn->request;
    TRY(judge_request(request, &conn->arena, &rules));
    bool may_have_body = request->body == BODY_LENGTH && request->method == METHOD_POST &&
                         request->content_length <= IN_BYTES - conn->parser.at;
    conn->has_head = true;
    return request->body == BODY_NONE || may_have_body ? OK : ERR_BODY_BYTES;
}

static void answer(struct conn *conn)
{
    const struct head *request = &conn->request;
    const struct admin_request asked = {.method = request->method_text,
                                        .path = request->path,
                                        .query = request->query,
                                        .body = body_of(conn),
                                        .wants_text = wants_text(request)};
    struct admin_answer given = {.status = 200, .arena = &conn->arena};
    sink_to_memory(&given.body, &conn->arena);
    conn->admin->conf.answer(conn->admin->conf.owner, &asked, &given);
    if (given.body.has_failed) {
        refuse(conn, ERR_MEMORY);
        return;
    }
    take_answer(conn, &asked, &given);
}

/* What has come so far. OK: the request is whole. ERR_AGAIN: more is to come. */
static enum err look(struct conn *conn)
{
    if (!conn->has_head) {
        struct str bytes = str_of(conn->in, conn->in_len);
        TRY(bytes.len == 0 ? ERR_AGAIN : h1_parse(&conn->parser, bytes));
        TRY(take_head(conn));
    }
    return conn->in_len - conn->parser.at >= body_of(conn).len ? OK : ERR_AGAIN;
}

/* OK: answered. ERR_AGAIN: more is to come. */
static enum err read_request(struct conn *conn)
{
    while (!conn->is_answered) {
        size_t got = 0;
        enum err e = look(conn);
        if (e == ERR_AGAIN && conn->in_len < IN_BYTES) {
            TRY(socket_recv(conn->io.fd, conn->in + conn->in_len, IN_BYTES - conn->in_len, &got));
            conn->in_len += got;
        } else if (e == OK) {
            answer(conn);
        } else {
            refuse(conn, e == ERR_AGAIN ? ERR_HEAD_BYTES : e);
        }
    }
    return OK;
}

static enum err send_some(struct conn *conn, struct str *rest)
{
    while (rest->len > 0) {
        size_t sent;
        TRY(socket_send_str(conn->io.fd, *rest, &sent));
        *rest = str_skip(*rest, sent);
        timer_set(conn->admin->conf.loop, &conn->timer,
                  conn->admin->conf.loop->now_ms + LIMIT_VALUE(admin_timeout_ms));
    }
    return OK;
}

static enum err run(struct conn *conn)
{
    TRY(read_request(conn));
    TRY(send_some(conn, &conn->head));
    TRY(send_some(conn, &conn->body));
    socket_shutdown_send(conn->io.fd);
    return ERR_CLOSED;
}

static void on_ready(struct loop *loop, struct io *io, unsigned ready)
{
    struct conn *conn = CONTAINER_OF(io, struct conn, io);
    (void)loop;
    (void)ready;
    if (run(conn) != ERR_AGAIN) {
        close_conn(conn);
    }
}

static void open_conn(struct admin *admin, int fd)
{
    struct conn *conn =
        admin->conn_count < LIMIT_VALUE(admin_connections) ? heap_new(sizeof *conn) : NULL;
    if (conn == NULL) {
        socket_close(&fd);
        return;
    }
    conn->io = (struct io){on_ready, fd};
    conn->timer.fire = on_timer;
    conn->reap.run = free_conn;
    conn->admin = admin;
    admin->conn_count++;
    arena_init_heap(&conn->arena, ANSWER_BYTES_MAX);
    h1_parser_init(&conn->parser, H1_REQUEST, &conn->request, &conn->arena, &limits);
    timer_set(admin->conf.loop, &conn->timer,
              admin->conf.loop->now_ms + LIMIT_VALUE(admin_timeout_ms));
    if (loop_watch(admin->conf.loop, &conn->io) != OK) {
        close_conn(conn);
    }
}

static void on_listener(struct loop *loop, struct io *io, unsigned ready)
{
    struct admin *admin = CONTAINER_OF(io, struct admin, listener);
    (void)loop;
    (void)ready;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = -1;
        enum err e = local_accept(&admin->local, &fd);
        if (e == OK) {
            open_conn(admin, fd);
        } else if (e == ERR_NOT_PERMITTED) {
            log_line(LOG_WARN, "control", "admin: a connection of another user was refused");
        } else if (e != ERR_CLOSED) {
            return;
        }
    }
}

enum err admin_open(const struct admin_conf *conf, struct admin **out)
{
    struct admin *admin = heap_new(sizeof *admin);
    *out = NULL;
    if (admin == NULL) {
        return ERR_MEMORY;
    }
    admin->conf = *conf;
    admin->reap.run = free_admin;
    admin->local.fd = -1;
    struct strbuf path = strbuf_over(admin->path, sizeof admin->path - 1);
    strbuf_add(&path, conf->path);
    admin->conf.path = strbuf_str(&path);
    enum err e =
        strbuf_overflowed(&path) ? ERR_RANGE : local_listen(&admin->local, admin->conf.path);
    admin->listener = (struct io){on_listener, admin->local.fd};
    if (e == OK) {
        e = loop_watch_level(conf->loop, &admin->listener);
    }
    if (e != OK) {
        local_close(&admin->local);
        heap_free(admin);
        return e;
    }
    *out = admin;
    return OK;
}

void admin_close(struct admin **admin)
{
    struct admin *closing = *admin;
    if (closing == NULL) {
        return;
    }
    *admin = NULL;
    loop_unwatch(closing->conf.loop, &closing->listener);
    local_close(&closing->local);
    closing->is_closed = true;
    if (closing->conn_count == 0) {
        loop_reap(closing->conf.loop, &closing->reap);
    }
}

struct str admin_path(const struct admin *admin)
{
    return admin->conf.path;
}
