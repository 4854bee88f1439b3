/* attempt.c - one try at one instance: send, await, classify; and what may be tried again.
 * Nothing is tried again once a byte of the response has reached the client. */
#include "proxy/life.h"

#include "base/check.h"
#include "base/limits.h"
#include "exchange/tries.h"
#include "http/h1/parser.h"
#include "http/h1/writer.h"
#include "http/judge.h"
#include "proxy/kept.h"
#include "proxy/retry.h"
#include "proxy/routing.h"
#include "stats/stats.h"

enum { ORIGIN_HEAD_EXTRA_BYTES = 1024,
       ORIGIN_HEAD_BYTES_MAX = LARGE_CHUNK_BYTES - 64 };

/* The one place where an attempt is counted; `status` 0: it was not answered. */
static void note_outcome(struct exchange *ex, uint32_t status, enum balance_outcome outcome,
                         int64_t retry_after_ms)
{
    struct balance_sample sample = {.outcome = outcome, .retry_after_ms = retry_after_ms};
    sample.ttfb_ns = ex->core->loop.now_ns - ex->attempt_ns;
    balance_note(&ex->origin->endpoint, &sample, ex->core->loop.now_ns);
    if (LIKELY(outcome != BALANCE_UNKNOWN)) {
        tally_note(&ex->origin->pools[ex->core->index].tally, tally_of_status(status),
                   sample.ttfb_ns);
        if (cluster_is_counted(ex->cluster)) {
            cluster_count(ex->cluster, ex->core, status, sample.ttfb_ns);
        }
    }
}

/* What became of the attempt, for the log. */
void attempt_record(struct exchange *ex, enum err why, uint16_t status)
{
    tries_add(ex, &(struct tried){.instance = ex->origin->endpoint.name,
                                  .us = (ex->core->loop.now_ns - ex->attempt_ns) / 1000,
                                  .reason = why,
                                  .status = status,
                                  .is_reused = ex->is_conn_reused});
}

void attempt_end(struct exchange *ex, bool is_conn_clean)
{
    relay_drop_pipes(ex);
    if (ex->conn != NULL && is_conn_clean) {
        conn_drop_in(ex->conn);
        const struct plan_service *to = ex->plan->to;
        pool_give(&ex->conn, to->pool_idle_max, to->pool_idle_ms);
    } else if (ex->conn != NULL) {
        conn_close(&ex->conn);
    }
    if (ex->holds_slot) {
        ex->holds_slot = false;
        cluster_end(ex->cluster, ex->core, ex->origin);
    }
}

void attempt_note_failure(struct exchange *ex, enum err why)
{
    note_outcome(ex, 0, BALANCE_FAILED, 0);
    attempt_record(ex, why, 0);
}

/* Tried again, when that is allowed, or the end. */
static void on_failure(struct exchange *ex, enum conf_retry_on what, enum err why)
{
    if (!retry_failure(ex, what, why)) {
        attempt_note_failure(ex, why);
        life_fail(ex, why);
    }
}

static void on_connect_failed(struct exchange *ex, enum err why)
{
    stats_add(ex->core->stats, ex->plan->to->service->cells.connect_failures, 1);
    conn_close(&ex->conn);
    on_failure(ex, CONF_RETRY_CONNECT_FAILURE, why);
}

static struct str authority_for(const struct exchange *ex)
{
    const struct plan_service *to = ex->plan->to;
    switch ((enum plan_host)to->host) {
    case PLAN_HOST_CLIENT: break;
    case PLAN_HOST_TARGET:
        return *atomic_load_explicit(&ex->origin->host, memory_order_acquire);
    case PLAN_HOST_LITERAL: return to->host_literal;
    }
    return ex->request.authority;
}

/* The head as this instance will get it, in the arena: kept for a replay. */
static enum err write_head(struct exchange *ex)
{
    const struct listener_conf *conf = ex->generation->listeners[ex->session->listener->slot];
    const struct head *head = &ex->request;
    struct str path = head->path;
    if (!ex->has_origin_fields) {
        TRY(forwarded_write(&ex->request, &ex->arena, &conf->forwarded, &ex->session->forwarded,
                            &ex->forwarded));
        ex->has_origin_fields = true;
    }
    TRY(routing_rewrite(ex, &path));
    struct h1_wire wire = {.body = ex->request_body.kind,
                           .content_length = head->content_length,
                           .has_content_length = head->has_content_length};
    size_t room = ex->head_bytes + ORIGIN_HEAD_EXTRA_BYTES, tried = 0;
    while (tried < ORIGIN_HEAD_BYTES_MAX) {
        room = room < ORIGIN_HEAD_BYTES_MAX ? room : ORIGIN_HEAD_BYTES_MAX;
        char *at = arena_alloc(&ex->arena, room);
        if (at == NULL) {
            return ERR_MEMORY;
        }
        struct strbuf out = strbuf_over(at, room);
        h1_write_request(&out, head, head->method_text, path, head->query, head->has_query,
                         authority_for(ex), &wire);
        arena_shrink(&ex->arena, at, room, strbuf_overflowed(&out) ? 0 : out.len);
        if (!strbuf_overflowed(&out)) {
            ex->origin_head = strbuf_str(&out);
            return OK;
        }
        tried = room;
        room *= 4;
    }
    return ERR_HEAD_BYTES;
}

/* Connected: the head goes out, with whatever of the body is here already. */
static void send_head(struct exchange *ex)
{
    exchange_move(ex, EX_SENDING);
    exchange_mark(ex, FLIGHT_CONNECTED);
    ex->conn_sent_before = ex->conn->sent_bytes;
    if (UNLIKELY(ex->attempt_count > 1 || ex->is_replayed)) {
        kept_rewind(ex);
    }
    ex->is_head_sent = false;
    ex->is_request_sent = false;
    attempt_send_body(ex);
}

void attempt_connect(struct exchange *ex)
{
    int64_t timeout_ms = ex->plan->connect_ms > 0 ? ex->plan->connect_ms
                                                  : LIMIT_VALUE(connect_timeout_ms);
    if (UNLIKELY(ex->plan->retry.limits_tries)) {
        bool is_soft;
        int64_t left_ms = retry_try_until(ex, &is_soft) - ex->core->loop.now_ms;
        timeout_ms = left_ms < timeout_ms ? (left_ms > 1 ? left_ms : 1) : timeout_ms;
    }
    if (ex->state != EX_CONNECTING) {
        exchange_move(ex, EX_CONNECTING);
    }
    enum err e = conn_open(ex->origin, ex, timeout_ms, &ex->conn);
    if (e == ERR_ORIGIN_CONNECT) {
        on_connect_failed(ex, e);
    } else if (e != OK) {
        life_fail(ex, e);
    }
}

void attempt_start(struct exchange *ex)
{
    bool is_first = ex->attempt_count++ == 0;
    ex->attempt_ns = ex->core->loop.now_ns;
    stats_add(ex->core->stats, ex->plan->to->service->cells.attempts, 1);
    bool is_written = ex->origin_head.len > 0 && ex->plan->to->host != PLAN_HOST_TARGET;
    enum err e = is_written ? OK : write_head(ex);
    if (e != OK) {
        life_fail(ex, e);
        return;
    }
    if (UNLIKELY(!ex->request_body.is_done) && is_first) {
        ex->keeps_body = retry_keeps_body(ex);
    }
    if (!ex->is_replayed && pool_take(ex->origin, ex, &ex->conn) == OK) {
        ex->is_conn_reused = true;
        send_head(ex);
        return;
    }
    ex->is_conn_reused = false;
    attempt_connect(ex);
}

void attempt_on_connected(struct exchange *ex, enum err e)
{
    if (e != OK) {
        on_connect_failed(ex, e);
        return;
    }
    send_head(ex);
}

/* Bytes behind the end of a request body are the next request: they must outlive scratch memory. */
static enum err keep_leftover(struct exchange *ex, struct str leftover)
{
    struct str kept;
    if (leftover.len == 0) {
        return OK;
    }
    TRY(arena_keep(&ex->arena, leftover, &kept));
    memcpy(&ex->in_at, &kept.at, sizeof ex->in_at);
    ex->in_len = ex->in_cap = (uint32_t)kept.len;
    ex->in_taken = ex->head_bytes = 0;
    return OK;
}

static struct relay request_relay(struct exchange *ex)
{
    return (struct relay){.ex = ex,
                          .from = &ex->session->stream,
                          .to = &ex->conn->stream,
                          .body = &ex->request_body,
                          .pipe = &ex->request_pipe,
                          .in_bytes = &ex->client_in_bytes,
                          .out_bytes = &ex->origin_out_bytes,
                          .out_kind = ex->request_body.kind,
                          .keeps = ex->keeps_body,
                          .prefix = ex->is_head_sent ? (struct str){0} : ex->origin_head};
}

/* The request body is with the kernel: from now on the response is due. */
static void on_request_sent(struct exchange *ex)
{
    ex->is_request_sent = true;
    int64_t response_ms = ex->plan->response_ms;
    int64_t until_ms = response_ms > 0 ? ex->core->loop.now_ms + response_ms : INT64_MAX;
    if (UNLIKELY(ex->plan->retry.limits_tries)) {
        bool is_soft;
        int64_t try_until_ms = retry_try_until(ex, &is_soft);
        ex->response_by_ms = until_ms;
        ex->is_try_soft = is_soft && try_until_ms < until_ms;
        until_ms = try_until_ms < until_ms ? try_until_ms : until_ms;
    }
    if (ex->state == EX_SENDING) {
        conn_wait_until(ex->conn, until_ms);
    }
}

static void on_request_failed(struct exchange *ex, const struct relay *relay, enum err e)
{
    if (ex->state == EX_RESPONDING) {
        /* The answer is on its way and does not need the rest. */
        ex->is_body_abandoned = true;
        return;
    }
    if (e == ERR_BODY_BYTES || e == ERR_BAD_CHUNK || e == ERR_BAD_TRAILER || e == ERR_MEMORY) {
        life_fail(ex, e);
    } else if (relay->is_from_fault) {
        life_fail(ex, ERR_CLIENT_GONE);
    } else {
        /* The instance takes no more. It may have answered before it stopped reading: what it said
         * is worth more than that. */
        ex->conn->stream.can_read = true;
        attempt_on_origin_ready(ex, READY_READ);
    }
}

/* The usual request: a head and nothing behind it. False: it has to be relayed after all. */
static bool send_head_alone(struct exchange *ex)
{
    struct conn *conn = ex->conn;
    if (!ex->request_body.is_done || ex->is_head_sent ||
        stream_send_str(&conn->stream, ex->origin_head) != OK) {
        return false;
    }
    ex->is_head_sent = true;
    ex->origin_out_bytes += ex->origin_head.len;
    conn->sent_bytes += ex->origin_head.len;
    if (conn->stream.queued_bytes > 0) {
        return false;
    }
    on_request_sent(ex);
    return true;
}

/* What is here of the body and has not been sent: kept from an attempt, or read with the head. */
static struct str unsent_body(const struct exchange *ex)
{
    if (UNLIKELY(ex->kept_taken < ex->kept_len)) {
        return str_of(ex->kept_at + ex->kept_taken, ex->kept_len - ex->kept_taken);
    }
    return str_of(ex->in_at + ex->in_taken, ex->in_len - ex->in_taken);
}

/* Body bytes were passed on, but for those left over. */
static enum err note_taken(struct exchange *ex, struct str left, bool has_read)
{
    bool was_kept = ex->kept_taken < ex->kept_len;
    if (UNLIKELY(was_kept)) {
        ex->kept_taken = ex->kept_len;
        /* The instance is gone with some of it: what the client sent is no longer told apart. */
        ex->closes_client |= !has_read && left.len > 0;
    }
    if (!has_read) {
        ex->in_taken = was_kept ? ex->in_taken : ex->in_len - (uint32_t)left.len;
        return OK;
    }
    ex->in_taken = was_kept ? ex->in_taken : ex->in_len;
    if (!ex->request_body.is_done) {
        return OK;
    }
    kept_trim(ex, left.len);
    return keep_leftover(ex, left);
}

void attempt_send_body(struct exchange *ex)
{
    if (ex->is_request_sent || ex->is_body_abandoned || ex->conn == NULL || send_head_alone(ex)) {
        return;
    }
    struct relay relay = request_relay(ex);
    uint64_t in_before = ex->client_in_bytes, out_before = ex->origin_out_bytes;
    bool had_body = !ex->request_body.is_done;
    if (had_body) {
        relay.pending = unsent_body(ex);
    }
    ex->is_head_sent = true;
    enum err e = relay_run(&relay);
    ex->conn->sent_bytes += ex->origin_out_bytes - out_before;
    bool has_read = ex->client_in_bytes != in_before;
    ex->is_body_unbuffered |= has_read && !ex->keeps_body;
    if (had_body && note_taken(ex, relay.pending, has_read) != OK) {
        ex->closes_client = true; /* the next request has lost its beginning */
        e = ERR_MEMORY;
    }
    if (e == OK) {
        on_request_sent(ex);
    } else if (e == ERR_LIMIT) {
        loop_later(&ex->core->loop, &ex->task);
    } else if (e == ERR_AGAIN) {
        session_ring_at(ex->session, ex->core->loop.now_ms + 1000);
    } else {
        on_request_failed(ex, &relay, e);
    }
}

/* What the answer says of the instance. */
static void classify(struct exchange *ex, const struct head *head)
{
    uint64_t seconds = 0;
    const struct field *after = fields_find(&head->fields, FIELD_RETRY_AFTER);
    enum balance_outcome outcome = BALANCE_ANSWERED;
    if (head->status == 429 || head->status == 503) {
        outcome = BALANCE_OVERLOADED;
    } else if (head->status >= 500 && head->status != 501 && head->status != 505) {
        outcome = BALANCE_FAILED;
    }
    if (outcome == BALANCE_OVERLOADED && after != NULL && !str_to_u64(after->value, &seconds)) {
        seconds = 0;
    }
    note_outcome(ex, head->status, outcome, (int64_t)(seconds < 300 ? seconds : 300) * 1000);
}

/* "Keep-Alive: timeout=5": the connection is not to be left for that long (RFC 2068 19.7.1.1). */
static void believe_keep_alive(struct exchange *ex, const struct head *head)
{
    struct str element;
    for (uint32_t i = 0; i < head->fields.count; i++) {
        const struct field *field = &head->fields.at[i];
        struct str rest = field->value;
        while (field->id == FIELD_KEEP_ALIVE && str_next_element(&rest, &element)) {
            struct str_pair pair = str_cut(element, '=');
            uint64_t seconds;
            if (str_eq_nocase(str_trim(pair.head), STR("timeout")) &&
                str_to_u64(str_trim(pair.tail), &seconds) && seconds < 86400) {
                conn_note_keep_alive(ex->conn, (uint32_t)seconds);
            }
        }
    }
}

/* One head, whole. OK: it was the final one and the response has begun. ERR_AGAIN: an interim one,
 * look at what follows. Else: it is refused. */
static enum err take_head(struct exchange *ex, struct head *head, struct str rest)
{
    TRY(judge_response(head, (enum method)ex->request.method, false));
    if (head->status < 200) {
        if (++ex->interim_count > LIMIT_VALUE(interim_responses)) {
            return ERR_ORIGIN_INTERIM;
        }
        TRY(respond_interim(ex, head));
        return ERR_AGAIN;
    }
    classify(ex, head);
    if (UNLIKELY(head->status >= 400) && retry_answer(ex, head, rest)) {
        return OK;
    }
    if (fields_have(&head->fields, FIELD_KEEP_ALIVE)) {
        believe_keep_alive(ex, head);
    }
    if (UNLIKELY(ex->tries != NULL)) {
        attempt_record(ex, OK, head->status);
    }
    if (UNLIKELY(ex->kept_at != NULL)) {
        kept_drop(ex);
        ex->is_body_unbuffered = true;
    }
    exchange_mark(ex, FLIGHT_ANSWERED);
    conn_wait_until(ex->conn, INT64_MAX);
    ex->error = OK; /* an earlier attempt may have failed: the client will not notice */
    ex->response = *head;
    ex->is_origin_persistent = head->is_persistent;
    exchange_move(ex, EX_RESPONDING);
    respond_start(ex, rest);
    return OK;
}

/* Takes heads from the front of *bytes. OK: done with it. ERR_AGAIN: the head is incomplete, *bytes
 * is what there is of it. */
static enum err parse_heads(struct exchange *ex, struct str *bytes)
{
    static const struct h1_limits limits = {.head_bytes_max = LIMIT_VALUE(origin_head_bytes),
                                            .field_count_max = RESPONSE_FIELDS_MAX,
                                            .target_bytes_max = LIMIT_VALUE(target_bytes)};
    while (bytes->len > 0) {
        struct h1_parser parser;
        struct head head = {.fields = {.at = ex->core->response_fields,
                                       .cap = RESPONSE_FIELDS_MAX}};
        h1_parser_init(&parser, H1_RESPONSE, &head, &ex->arena, &limits);
        TRY(h1_parse(&parser, *bytes));
        *bytes = str_skip(*bytes, parser.at);
        enum err e = take_head(ex, &head, *bytes);
        if (e != ERR_AGAIN) {
            return e;
        }
    }
    return ERR_AGAIN;
}

/* Keeps an incomplete head, the end of what was read, until more of it comes. */
static enum err keep_partial(struct conn *conn, struct str bytes)
{
    if (bytes.len == 0) {
        conn_drop_in(conn);
        return OK;
    }
    if (conn->in_at == NULL) {
        while (conn->in_cap <= bytes.len) {
            TRY(conn_grow_in(conn));
        }
        memcpy(conn->in_at, bytes.at, bytes.len);
        conn->in_len = (uint32_t)bytes.len;
        return OK;
    }
    memmove(conn->in_at, bytes.at, bytes.len);
    conn->in_len = (uint32_t)bytes.len;
    return conn->in_len == conn->in_cap ? conn_grow_in(conn) : OK;
}

/* Reads once and looks for heads. ERR_AGAIN: nothing more now; ERR_EXISTS: read again. */
static enum err read_head(struct exchange *ex)
{
    struct conn *conn = ex->conn;
    bool is_partial = conn->in_at != NULL;
    char *at = is_partial ? conn->in_at + conn->in_len : ex->core->scratch;
    size_t room = is_partial ? conn->in_cap - conn->in_len : SCRATCH_BYTES, got;
    enum err e = stream_recv(&conn->stream, at, room, &got);
    if (e == ERR_AGAIN) {
        return conn->stream.is_broken ? ERR_ORIGIN_RESET : e;
    }
    if (e != OK) {
        return conn->in_len > 0 ? ERR_ORIGIN_BAD_HEAD : ERR_ORIGIN_RESET;
    }
    ex->origin_in_bytes += got;
    conn->in_len += is_partial ? (uint32_t)got : 0;
    struct str bytes = is_partial ? str_of(conn->in_at, conn->in_len) : str_of(at, got);
    e = parse_heads(ex, &bytes);
    if (e != ERR_AGAIN) {
        return e;
    }
    TRY(keep_partial(conn, bytes));
    return conn->stream.can_read ? ERR_EXISTS : ERR_AGAIN;
}

void attempt_on_origin_ready(struct exchange *ex, unsigned ready)
{
    (void)ready;
    if (ex->state == EX_RESPONDING) {
        attempt_send_body(ex);
        respond_continue(ex);
        return;
    }
    CHECK(ex->state == EX_SENDING);
    enum err e = ERR_EXISTS;
    while (e == ERR_EXISTS) {
        e = read_head(ex);
    }
    if (e == ERR_AGAIN && !ex->is_request_sent) {
        attempt_send_body(ex);
    } else if (e == ERR_CLIENT_GONE) {
        life_fail(ex, e);
    } else if (e != OK && e != ERR_AGAIN) {
        bool is_over = e == ERR_ORIGIN_RESET || ex->conn->stream.has_ended ||
                       ex->conn->stream.is_broken;
        on_failure(ex, is_over ? CONF_RETRY_RESET : CONF_RETRY_BAD_RESPONSE, e);
    }
}

void attempt_blame(struct exchange *ex, enum err why)
{
    bool is_due = ex->state == EX_SENDING &&
                  (ex->is_request_sent || ex->conn->stream.queued_bytes > 0);
    if (is_due || ex->state == EX_CONNECTING) {
        attempt_note_failure(ex, why);
    }
}

void attempt_on_timer(struct exchange *ex)
{
    bool is_due = ex->is_request_sent || ex->conn->stream.queued_bytes > 0;
    if (is_due && retry_failure(ex, CONF_RETRY_TIMEOUT, ERR_ORIGIN_TIMEOUT)) {
        return;
    }
    if (ex->is_try_soft) {
        ex->is_try_soft = false;
        ex->retry_verdict = RETRY_ALLOWED;
        conn_wait_until(ex->conn, ex->response_by_ms);
        return;
    }
    attempt_blame(ex, ERR_ORIGIN_TIMEOUT);
    life_fail(ex, ERR_ORIGIN_TIMEOUT);
}
