/* life.c - the conductor's way from a request head to a chosen instance; see life.h. */
#include "proxy/life.h"

#include "base/check.h"
#include "base/clock.h"
#include "exchange/policy.h"
#include "exchange/reply.h"
#include "proxy/affinity.h"
#include "proxy/balance_key.h"
#include "proxy/fallback.h"
#include "proxy/max_forwards.h"
#include "proxy/retry.h"
#include "proxy/routing.h"
#include "proxy/world.h"
#include "stats/stats.h"

static void life_route(struct exchange *ex);
static void life_policies(struct exchange *ex);

/* Stop 5: the exchange is open; its clock runs. */
static void on_head(struct exchange *ex, enum err e)
{
    stats_add(ex->core->stats, CELL_requests_in_flight, 1);
    ex->progress_ms = ex->core->loop.now_ms;
    if (e != OK) {
        life_fail(ex, e);
        return;
    }
    body_init(&ex->request_body, &ex->request, &ex->arena, NULL, 0);
    exchange_move(ex, EX_ROUTING);
    life_route(ex);
}

/* Stop 6: host, path and conditions give the plan. */
static void life_route(struct exchange *ex)
{
    struct route_match match;
    struct route_input input;
    const struct router *router = ex->generation->snapshot->router;
    enum err e = routing_find(router, ex->core->route_scratch, &ex->request, &input, &match);
    if (e == ERR_METHOD_NOT_ALLOWED) {
        reply_error(ex, e);
        routing_add_allow(ex, &input);
        respond_own(ex);
        return;
    }
    if (e != OK) {
        life_fail(ex, e);
        return;
    }
    ex->plan = match.value;
    exchange_mark(ex, FLIGHT_ROUTED);
    e = routing_keep_match(ex, &match);
    if (e == OK) {
        e = chain_bind(ex, &ex->plan->chain);
    }
    if (e == OK && ex->plan->body_bytes_max != 0 && ex->request.body == BODY_LENGTH &&
        ex->request.content_length > ex->plan->body_bytes_max) {
        e = ERR_BODY_BYTES;
    }
    ex->request_body.bytes_max = ex->plan->body_bytes_max;
    if (e != OK) {
        life_fail(ex, e);
        return;
    }
    if (ex->plan->total_ms > 0) {
        ex->deadline_ms = ex->core->loop.now_ms + ex->plan->total_ms;
        timer_set(&ex->core->loop, &ex->timer, ex->deadline_ms);
    }
    exchange_move(ex, EX_REQUEST_POLICIES);
    life_policies(ex);
}

/* Stop 7: request policies in order; any may wait or answer. */
static void life_policies(struct exchange *ex)
{
    switch (chain_run_request(ex)) {
    case VERDICT_NEXT:
        exchange_mark(ex, FLIGHT_ADMITTED);
        life_act(ex);
        break;
    case VERDICT_WAIT: break;
    case VERDICT_REPLIED: respond_own(ex); break;
    }
}

static void act_redirect(struct exchange *ex)
{
    struct str location;
    const struct plan *plan = ex->plan;
    enum err e = routing_redirect(ex, &location);
    if (e != OK) {
        life_fail(ex, e);
        return;
    }
    reply_start(ex, plan->redirect.status);
    e = reply_field(ex, STR("Location"), location);
    if (e != OK) {
        life_fail(ex, e);
        return;
    }
    respond_own(ex);
}

static void act_respond(struct exchange *ex)
{
    const struct plan *plan = ex->plan;
    reply_start(ex, plan->respond.status);
    for (uint32_t i = 0; i < plan->respond.field_count; i++) {
        enum err e = reply_field(ex, plan->respond.fields[i].name, plan->respond.fields[i].value);
        if (e != OK) {
            life_fail(ex, e);
            return;
        }
    }
    ex->own_body = plan->respond.body;
    respond_own(ex);
}

static void act_forward(struct exchange *ex)
{
    bool ends_here = false;
    enum err e = max_forwards_take(ex, &ends_here);
    if (e != OK) {
        life_fail(ex, e);
    } else if (ends_here) {
        respond_own(ex);
    } else {
        exchange_move(ex, EX_PICKING);
        life_pick(ex);
    }
}

void life_act(struct exchange *ex)
{
    switch ((enum plan_action)ex->plan->action) {
    case PLAN_FORWARD: act_forward(ex); break;
    case PLAN_REDIRECT: act_redirect(ex); break;
    case PLAN_RESPOND: act_respond(ex); break;
    }
}

static enum err pick_version(struct exchange *ex)
{
    const struct plan_service *to = ex->plan->to;
    const struct split_version *version = NULL;
    struct str key;
    if (UNLIKELY(to->sticky != NULL)) {
        TRY(affinity_read(ex, to));
        if (ex->cluster != NULL) {
            return OK;
        }
    }
    if (to->version_count == 1 && to->split.total_weight > 0) {
        ex->cluster = to->versions[0].cluster;
        return OK;
    }
    if (routing_cohort_key(ex, to, &key)) {
        TRY(split_pick_key(&to->split, split_key(&to->split, key), &version));
    } else {
        TRY(split_pick(&to->split, &ex->core->rng, &version));
    }
    ex->cluster = ((const struct plan_version *)version->value)->cluster;
    return OK;
}

/* Everything is busy: in line, with a deadline. */
static void wait_in_line(struct exchange *ex)
{
    const struct plan_service *to = ex->plan->to;
    ex->urgency = ex->plan->urgency;
    enum err e = cluster_wait(ex->cluster, ex);
    if (e != OK) {
        life_fail(ex, e);
        return;
    }
    /* Set each time: it may have rung while the exchange was called, or at an instance. */
    int64_t until_ms = ex->queued_ns / NS_PER_MS + to->queue_wait_ms;
    timer_set(&ex->core->loop, &ex->timer, until_ms < ex->deadline_ms ? until_ms : ex->deadline_ms);
}

/* Stop 8: version by weight or cohort, then an instance with room. */
void life_pick(struct exchange *ex)
{
    struct service *service = ex->plan->to->service;
    if (UNLIKELY(ex->queue_verdict != OK)) {
        life_fail(ex, ex->queue_verdict);
        return;
    }
    enum err e = ex->cluster == NULL ? pick_version(ex) : OK;
    if (e == OK && !ex->is_called && ex->attempt_count == 0 && !breaker_pass(&ex->cluster->gate)) {
        life_fail(ex, ERR_BREAKER_OPEN);
        return;
    }
    if (e == OK && cluster_has_line(ex->cluster) && !ex->is_called && ex->tried == NULL) {
        wait_in_line(ex);
        return;
    }
    if (e == OK) {
        struct balance_ask ask = {
            .tried = ex->tried, .rng = &ex->core->rng, .now_ns = ex->core->loop.now_ns};
        if (ex->plan->to->keyed_by != BALANCE_BY_NOTHING) {
            balance_key_fill(ex, ex->plan->to, &ask);
        }
        if (UNLIKELY(ex->bound_id != 0)) {
            ask.bound = affinity_bound(ex);
        }
        e = cluster_pick(ex->cluster, ex->core, &ask, &ex->origin);
    }
    if (e == ERR_QUEUE_FULL) {
        wait_in_line(ex);
        return;
    }
    if ((e == ERR_NO_ENDPOINT || e == ERR_NO_HEALTHY) && retry_all_tried(ex)) {
        return;
    }
    if (e != OK) {
        bool is_last = e == ERR_NO_ENDPOINT || e == ERR_NO_HEALTHY;
        life_fail(ex, is_last && ex->error != OK ? ex->error : e);
        return;
    }
    ex->holds_slot = true;
    if (ex->is_called) {
        ex->is_called = false;
        cluster_call_more(ex->cluster, ex->core);
    }
    if (ex->queued_ns != 0) {
        stats_observe(ex->core->stats, service->cells.queue_wait,
                      (ex->core->loop.now_ns - ex->queued_ns) / 1000);
    }
    exchange_mark(ex, FLIGHT_QUEUED);
    attempt_start(ex);
}

/* Whether a reply can still be given. */
static bool is_unanswered(const struct exchange *ex)
{
    bool is_passing_on = ex->state == EX_RESPONDING && !ex->has_refused_head;
    return !ex->has_response_begun && !is_passing_on && ex->state != EX_REPLYING &&
           ex->state != EX_DONE;
}

void life_fail(struct exchange *ex, enum err why)
{
    if (ex->cluster != NULL) {
        cluster_leave(ex->cluster, ex);
    }
    attempt_end(ex, false);
    ex->error = why;
    if (fallback_take(ex, why)) {
        return;
    }
    if (!is_unanswered(ex)) {
        finish_cut(ex, true);
        return;
    }
    if (why == ERR_CLIENT_GONE || why == ERR_CLIENT_TIMEOUT) {
        finish_cut(ex, false);
        return;
    }
    if (why == ERR_BODY_TIMEOUT || why == ERR_BAD_CHUNK || why == ERR_BAD_TRAILER ||
        why == ERR_HEAD_TIMEOUT) {
        ex->closes_client = true;
    }
    reply_error(ex, why);
    respond_own(ex);
}

static void on_task(struct loop *loop, struct task *task)
{
    struct exchange *ex = CONTAINER_OF(task, struct exchange, task);
    (void)loop;
    switch ((enum exchange_state)ex->state) {
    case EX_PICKING: life_pick(ex); break;
    case EX_SENDING: attempt_send_body(ex); break;
    case EX_RESPONDING:
        attempt_send_body(ex);
        respond_continue(ex);
        break;
    case EX_READING:
    case EX_ROUTING:
    case EX_REQUEST_POLICIES:
    case EX_CONNECTING:
    case EX_REPLYING:
    case EX_DONE:
    case EX_STATE_COUNT: break;
    }
}

/* The exchange's own timer: its whole time, or its time in line. */
static void on_deadline(struct loop *loop, struct timer *timer)
{
    struct exchange *ex = CONTAINER_OF(timer, struct exchange, timer);
    if (loop->now_ms >= ex->deadline_ms) {
        attempt_blame(ex, ERR_EXCHANGE_TIMEOUT);
        life_fail(ex, ERR_EXCHANGE_TIMEOUT);
    } else if (ex->retry_at_ms != 0) {
        retry_on_pause_over(ex);
    } else if (ex->state == EX_PICKING && !ex->is_called) {
        life_fail(ex, ERR_QUEUE_TIMEOUT);
    } else if (ex->deadline_ms != INT64_MAX) {
        timer_set(loop, timer, ex->deadline_ms);
    }
}

static void on_head_with_callbacks(struct exchange *ex, enum err e)
{
    ex->task.run = on_task;
    ex->timer.fire = on_deadline;
    on_head(ex, e);
}

static void on_client_ready(struct exchange *ex, unsigned ready)
{
    (void)ready;
    switch ((enum exchange_state)ex->state) {
    case EX_SENDING:
        if (stream_flush(&ex->session->stream) != OK) { /* interim responses */
            life_fail(ex, ERR_CLIENT_GONE);
            break;
        }
        attempt_send_body(ex);
        break;
    case EX_RESPONDING:
        attempt_send_body(ex);
        respond_continue(ex);
        break;
    case EX_REPLYING: respond_continue(ex); break;
    case EX_READING:
    case EX_ROUTING:
    case EX_REQUEST_POLICIES:
    case EX_PICKING:
    case EX_CONNECTING:
    case EX_DONE:
    case EX_STATE_COUNT: break;
    }
}

static void on_client_lost(struct exchange *ex, enum err why)
{
    life_fail(ex, why);
}

/* Whose fault it is when no body has moved for too long. */
static enum err stalled_by(const struct exchange *ex)
{
    bool is_client_full = ex->session->stream.queued_bytes > 0 || !ex->session->stream.can_write;
    if (ex->state == EX_REPLYING || is_client_full) {
        return ERR_CLIENT_TIMEOUT;
    }
    bool waits_for_request =
        !ex->is_request_sent && ex->conn != NULL && ex->conn->stream.queued_bytes == 0;
    return ex->state == EX_SENDING && waits_for_request ? ERR_BODY_TIMEOUT : ERR_ORIGIN_TIMEOUT;
}

static int64_t on_client_timer(struct exchange *ex)
{
    int64_t now_ms = ex->core->loop.now_ms;
    int64_t limit_ms = ex->plan == NULL ? 0 : ex->plan->body_ms;
    const struct listener_conf *conf = ex->generation->listeners[ex->session->listener->slot];
    limit_ms = limit_ms > 0 ? limit_ms : conf->body_timeout_ms;
    bool is_moving = ex->state == EX_RESPONDING || ex->state == EX_REPLYING ||
                     (ex->state == EX_SENDING && !ex->is_request_sent);
    if (!is_moving || limit_ms <= 0) {
        return now_ms + (limit_ms > 0 ? limit_ms : conf->body_timeout_ms + 1000);
    }
    if (now_ms - ex->progress_ms >= limit_ms) {
        enum err why = stalled_by(ex);
        if (why == ERR_ORIGIN_TIMEOUT && ex->state == EX_SENDING) {
            attempt_on_timer(ex);
            return now_ms + limit_ms;
        }
        attempt_blame(ex, why);
        life_fail(ex, why);
        return now_ms + limit_ms;
    }
    return ex->progress_ms + limit_ms;
}

static void on_resume(struct exchange *ex)
{
    if (ex->is_own_reply) {
        respond_own(ex);
    } else {
        life_policies(ex);
    }
}

const struct conductor life_conductor = {
    .on_head = on_head_with_callbacks,
    .on_client_ready = on_client_ready,
    .on_client_lost = on_client_lost,
    .on_client_timer = on_client_timer,
    .on_origin_connected = attempt_on_connected,
    .on_origin_ready = attempt_on_origin_ready,
    .on_origin_timer = attempt_on_timer,
    .on_resume = on_resume,
    .on_generation_idle = world_on_generation_idle,
};
