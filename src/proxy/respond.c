/* respond.c - response heads, of origins and our own, and sending them to the end; see life.h. */
#include "proxy/life.h"

#include "base/check.h"
#include "base/date.h"
#include "base/limits.h"
#include "exchange/policy.h"
#include "exchange/reply.h"
#include "http/h1/writer.h"
#include "proxy/affinity.h"
#include "stats/stats.h"

enum { DATE_LINE_BYTES = 6 + DATE_HTTP_BYTES + 2, WHOLE_BYTES_MAX = 4096 };

/* RFC 9110 6.6.1: whoever has a clock adds the date that is missing. Formatted once a second. */
static struct str date_line(struct core *core)
{
    int64_t now_s = core->loop.wall_us / 1000000;
    if (now_s != core->date_s) {
        struct strbuf out = strbuf_over(core->date_line, sizeof core->date_line);
        strbuf_add(&out, STR("Date: "));
        date_add_http(&out, now_s);
        strbuf_add(&out, STR("\r\n"));
        CHECK(out.len == DATE_LINE_BYTES);
        core->date_s = now_s;
    }
    return str_of(core->date_line, DATE_LINE_BYTES);
}

static enum err add_standard_fields(struct exchange *ex)
{
    struct fields *fields = &ex->response.fields;
    const struct listener_conf *conf = ex->generation->listeners[ex->session->listener->slot];
    TRY(fields_reserve(fields, &ex->arena, 2));
    if (!fields_have(fields, FIELD_DATE)) {
        fields_put_line(fields, FIELD_DATE, date_line(ex->core), 4);
    }
    if (conf->forwarded.sends_via && !ex->is_own_reply) {
        fields_put_line(fields, FIELD_VIA, STR("Via: 1.1 sluice\r\n"), 3);
    }
    return OK;
}

/* A body that nobody will read: small enough to be dropped, or the connection ends with the answer.
 * A client that waits for 100 Continue may never send it, so nothing could be told apart after. */
static void settle_request_body(struct exchange *ex)
{
    const struct body *body = &ex->request_body;
    bool may_not_come = ex->request.expects_continue && !ex->has_sent_continue;
    bool is_droppable = body->kind == BODY_LENGTH && body->left <= LIMIT_VALUE(linger_bytes);
    if (!body->is_done && (may_not_come || !is_droppable)) {
        ex->closes_client = true;
    }
}

/* How the body goes to this client, whatever way it came (RFC 9112 6). */
static struct h1_wire wire_for(struct exchange *ex)
{
    const struct head *head = &ex->response;
    struct h1_wire wire = {.body = head->body,
                           .content_length = head->content_length,
                           .has_content_length = head->has_content_length};
    if (head->body == BODY_CHUNKED || head->body == BODY_UNTIL_CLOSE) {
        bool takes_chunks = ex->request.minor >= 1;
        wire.body = takes_chunks ? BODY_CHUNKED : BODY_UNTIL_CLOSE;
        ex->closes_client |= !takes_chunks;
    }
    wire.is_closing = !session_can_persist(ex->session);
    wire.says_keep_alive = !wire.is_closing && ex->request.minor == 0;
    return wire;
}

/* The head in core->out. */
static enum err write_head(struct exchange *ex, struct h1_wire *wire, struct str *out)
{
    TRY(chain_run_response(ex));
    TRY(add_standard_fields(ex));
    *wire = wire_for(ex);
    struct strbuf room = strbuf_over(ex->core->out, OUT_BYTES);
    h1_write_response(&room, &ex->response, wire);
    *out = strbuf_str(&room);
    return strbuf_overflowed(&room) ? ERR_ORIGIN_HEAD_BYTES : OK;
}

static struct relay response_relay(struct exchange *ex)
{
    return (struct relay){.ex = ex,
                          .from = &ex->conn->stream,
                          .to = &ex->session->stream,
                          .body = &ex->response_body,
                          .pipe = &ex->response_pipe,
                          .trailers = ex->request.has_te_trailers ? &ex->trailers : NULL,
                          .in_bytes = &ex->origin_in_bytes,
                          .out_bytes = &ex->client_out_bytes,
                          .out_kind = ex->response_out_kind};
}

static void on_relayed(struct exchange *ex, const struct relay *relay, enum err e)
{
    if (e == OK) {
        bool is_clean = relay->pending.len == 0 && ex->is_origin_persistent &&
                        ex->is_request_sent && ex->response_body.kind != BODY_UNTIL_CLOSE;
        attempt_end(ex, is_clean);
        finish(ex);
    } else if (e == ERR_LIMIT) {
        loop_later(&ex->core->loop, &ex->task);
    } else if (e == ERR_AGAIN) {
        session_ring_at(ex->session, ex->core->loop.now_ms + 1000);
    } else if (!relay->is_from_fault) {
        life_fail(ex, e == ERR_MEMORY ? e : ERR_CLIENT_GONE);
    } else {
        life_fail(ex, e == ERR_BAD_CHUNK || e == ERR_BAD_TRAILER ? ERR_ORIGIN_FRAMING
                                                                  : ERR_ORIGIN_TRUNCATED);
    }
}

/* The usual response: small, and all of it came with the head. It goes out as one piece behind the
 * head, which stands in core->out. False: nothing was done. */
static bool send_whole(struct exchange *ex, struct str head, struct str *pending)
{
    struct body *body = &ex->response_body;
    size_t bytes = (size_t)body->left;
    if (body->kind != BODY_LENGTH || body->left > pending->len || bytes > WHOLE_BYTES_MAX ||
        head.len + bytes > OUT_BYTES) {
        return false;
    }
    memcpy(ex->core->out + head.len, pending->at, bytes);
    if (stream_send_str(&ex->session->stream, str_of(head.at, head.len + bytes)) != OK) {
        return false; /* the relay meets the same end, and says whose it was */
    }
    ex->client_out_bytes += head.len + bytes;
    body->bytes = bytes;
    body->left = 0;
    body->is_done = true;
    *pending = str_skip(*pending, bytes);
    return true;
}

/* The instance has ended its side, and what came of the body is too short: the client can still be
 * told so in words. */
static bool is_cut_short(const struct exchange *ex, struct str pending)
{
    const struct body *body = &ex->response_body;
    const struct stream *stream = &ex->conn->stream;
    return stream->has_hangup && body->kind == BODY_LENGTH &&
           body->left > pending.len + stream_unread_bytes(stream);
}

void respond_start(struct exchange *ex, struct str pending)
{
    struct h1_wire wire;
    struct str head;
    struct relay relay;
    bool keeps_trailers = ex->request.has_te_trailers && ex->response.body == BODY_CHUNKED;
    body_init(&ex->response_body, &ex->response, &ex->arena,
              keeps_trailers ? &ex->trailers : NULL, 0);
    settle_request_body(ex);
    enum err e = is_cut_short(ex, pending) ? ERR_ORIGIN_TRUNCATED : OK;
    if (UNLIKELY(ex->plan->to->sticky != NULL) && e == OK) {
        e = affinity_issue(ex, ex->plan->to->sticky);
    }
    e = e == OK ? write_head(ex, &wire, &head) : e;
    if (e != OK) {
        /* Nothing of it was sent: the client gets a whole answer of ours instead. */
        ex->has_refused_head = true;
        life_fail(ex, e);
        return;
    }
    ex->status = ex->response.status;
    ex->has_response_begun = true;
    ex->response_out_kind = wire.body;
    relay = response_relay(ex);
    relay.pending = pending;
    if (!send_whole(ex, head, &relay.pending)) {
        relay.prefix = head;
    }
    e = relay_run(&relay);
    on_relayed(ex, &relay, e);
}

enum err respond_interim(struct exchange *ex, const struct head *head)
{
    struct strbuf out = strbuf_over(ex->core->out, OUT_BYTES);
    const struct h1_wire wire = {.body = BODY_NONE};
    /* RFC 9110 15.2: never to an HTTP/1.0 client; and 100 only to one that asked for it. */
    bool is_unasked =
        head->status == 100 && (!ex->request.expects_continue || ex->has_sent_continue);
    if (ex->request.minor == 0 || is_unasked) {
        return OK;
    }
    h1_write_response(&out, head, &wire);
    if (strbuf_overflowed(&out)) {
        return ERR_ORIGIN_HEAD_BYTES;
    }
    ex->has_sent_continue |= head->status == 100;
    ex->has_passed_interim |= head->status != 100;
    ex->client_out_bytes += out.len;
    return stream_send_str(&ex->session->stream, strbuf_str(&out)) == OK ? OK : ERR_CLIENT_GONE;
}

void respond_continue(struct exchange *ex)
{
    if (ex->state == EX_REPLYING) {
        size_t queued = ex->session->stream.queued_bytes;
        if (stream_flush(&ex->session->stream) != OK) {
            life_fail(ex, ERR_CLIENT_GONE);
            return;
        }
        ex->progress_ms = queued == ex->session->stream.queued_bytes ? ex->progress_ms
                                                                      : ex->core->loop.now_ms;
        if (ex->session->stream.queued_bytes == 0) {
            finish(ex);
        }
        return;
    }
    struct relay relay = response_relay(ex);
    enum err e = relay_run(&relay);
    on_relayed(ex, &relay, e);
}

/* A slow client may take longer than discovery takes to give the instance up: what the record needs
 * of it is written down now. */
static void part_from_origin(struct exchange *ex)
{
    if (ex->origin == NULL) {
        return;
    }
    stats_add(ex->core->stats, ex->origin->cell_requests + stats_code(ex->status), 1);
    if (arena_keep(&ex->arena, ex->origin->endpoint.name, &ex->instance) != OK) {
        ex->instance = (struct str){0};
    }
    ex->origin = NULL;
}

/* What a reply of ours is made of on the wire. */
static void send_own(struct exchange *ex, struct str head, struct str body)
{
    struct iovec pieces[2] = {{.iov_len = head.len}, {.iov_len = body.len}};
    memcpy(&pieces[0].iov_base, &head.at, sizeof head.at);
    memcpy(&pieces[1].iov_base, &body.at, sizeof body.at);
    ex->has_response_begun = true;
    ex->client_out_bytes += head.len + body.len;
    if (stream_send(&ex->session->stream, pieces, body.len > 0 ? 2 : 1) != OK) {
        ex->error = ERR_CLIENT_GONE;
        finish_cut(ex, false);
        return;
    }
    if (ex->session->stream.queued_bytes == 0) {
        finish(ex);
    } else {
        part_from_origin(ex);
        session_ring_at(ex->session, ex->core->loop.now_ms + 1000);
    }
}

void respond_own(struct exchange *ex)
{
    struct h1_wire wire;
    struct str head;
    ex->request_body.bytes_max = 0; /* what is over the limit is dropped, not refused again */
    settle_request_body(ex);
    exchange_move(ex, EX_REPLYING);
    bool has_body = ex->response.status != 204 && ex->response.status != 304;
    ex->response.body = has_body ? BODY_LENGTH : BODY_NONE;
    ex->response.has_content_length = has_body;
    ex->response.content_length = ex->own_body.len;
    if (write_head(ex, &wire, &head) != OK) {
        finish_cut(ex, true);
        return;
    }
    ex->status = ex->response.status;
    bool is_head = ex->request.method == METHOD_HEAD;
    send_own(ex, head, has_body && !is_head ? ex->own_body : (struct str){0});
}
