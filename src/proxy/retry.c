/* retry.c - another attempt for an exchange; see retry.h. */
#include "proxy/retry.h"

#include "base/check.h"
#include "base/clock.h"
#include "exchange/tries.h"
#include "proxy/life.h"
#include "stats/stats.h"

static struct retry_case case_of(const struct exchange *ex, enum conf_retry_on what)
{
    const struct fields *fields = &ex->request.fields;
    return (struct retry_case){
        .what = what,
        .is_late = ex->has_response_begun || ex->has_passed_interim,
        .can_send_again = !ex->is_body_unbuffered,
        .has_idempotency_key = fields_have(fields, FIELD_IDEMPOTENCY_KEY),
        .was_repeated = ex->is_replayed,
        .method = ex->request.method,
        .retry_count = ex->retry_count,
        .retry_after_ms = -1,
        .now_ms = ex->core->loop.now_ms,
        .deadline_ms = ex->deadline_ms};
}

/* Requests that the service has had, over all cores. */
static uint64_t requests_of(const struct service *service)
{
    return stats_read(service->stats, service->cells.attempts) -
           stats_read(service->stats, service->cells.retries);
}

/* What no instance has seen is nobody's load, and free. */
static bool is_affordable(struct exchange *ex, const struct retry_case *c)
{
    struct service *service = ex->plan->to->service;
    if (c->is_unprocessed || budget_spend(&service->budget, &ex->plan->retry.budget,
                                          requests_of(service), c->now_ms)) {
        return true;
    }
    stats_add(ex->core->stats, service->cells.retries_over_budget, 1);
    return false;
}

static enum retry_verdict decide(struct exchange *ex, const struct retry_case *c,
                                 int64_t *pause_ms)
{
    uint32_t random = (uint32_t)(rng_next(&ex->core->rng) >> 32);
    enum retry_verdict verdict = retry_decide(&ex->plan->retry, c, random, pause_ms);
    if (verdict == RETRY_ALLOWED && ex->tried == NULL) {
        ex->tried = ARENA_NEW(&ex->arena, struct balance_tried);
        verdict = ex->tried == NULL ? RETRY_NO_OFF : verdict;
    }
    if (verdict == RETRY_ALLOWED && !is_affordable(ex, c)) {
        verdict = RETRY_NO_BUDGET;
    }
    ex->retry_verdict = (uint8_t)verdict;
    return verdict;
}

static void pause(struct exchange *ex, int64_t pause_ms)
{
    ex->retry_at_ms = ex->core->loop.now_ms + pause_ms;
    timer_set(&ex->core->loop, &ex->timer,
              ex->retry_at_ms < ex->deadline_ms ? ex->retry_at_ms : ex->deadline_ms);
}

/* The attempt is over and another one comes. Its connection is given up, but when it is clean. */
static void begin(struct exchange *ex, uint16_t status, int64_t pause_ms, bool is_clean)
{
    struct balance_tried *tried = ex->tried;
    if (tried->count < BALANCE_TRIED_MAX) {
        tried->at[tried->count++] = &ex->origin->endpoint;
    }
    stats_add(ex->core->stats, ex->plan->to->service->cells.retries, 1);
    stats_add(ex->core->stats, ex->origin->cell_requests + stats_code(status), 1);
    attempt_end(ex, is_clean);
    task_cancel(&ex->task);
    /* While the exchange waits, discovery may take the instance away. */
    if (ex->tries != NULL && ex->tries->count > 0) {
        ex->instance = ex->tries->at[ex->tries->count - 1].instance;
    }
    ex->origin = NULL;
    ex->progress_ms = ex->core->loop.now_ms;
    ex->retry_count++;
    if (ex->state != EX_PICKING) {
        exchange_move(ex, EX_PICKING);
    }
    if (pause_ms > 0) {
        pause(ex, pause_ms);
    } else {
        life_pick(ex);
    }
}

/* The usual race with the instance's idle time-out: once more, on a fresh connection. */
static void repeat(struct exchange *ex)
{
    stats_add(ex->core->stats, ex->plan->to->service->cells.replays, 1);
    ex->is_replayed = true;
    conn_close(&ex->conn);
    exchange_move(ex, EX_PICKING);
    attempt_connect(ex);
}

/* A connection failed before the whole head was there. Nothing can have been acted upon when the
 * kernel knows that nothing was acknowledged (RFC 9110 9.2.2, RFC 9112 9.3.1). */
static void judge_connection(const struct exchange *ex, struct retry_case *c)
{
    const struct conn *conn = ex->conn;
    if (c->what == CONF_RETRY_CONNECT_FAILURE) {
        c->is_unprocessed = true;
    } else if (c->what == CONF_RETRY_RESET && conn != NULL && conn->in_len == 0) {
        c->what = conn->is_reused ? CONF_RETRY_STALE : CONF_RETRY_RESET;
        c->is_unprocessed = conn_is_unacked_since(conn, ex->conn_sent_before);
    }
}

bool retry_failure(struct exchange *ex, enum conf_retry_on what, enum err why)
{
    struct retry_case c = case_of(ex, what);
    int64_t pause_ms;
    judge_connection(ex, &c);
    switch (decide(ex, &c, &pause_ms)) {
    case RETRY_ALLOWED:
        attempt_note_failure(ex, why);
        ex->error = why;
        begin(ex, (uint16_t)err_status(why), pause_ms, false);
        return true;
    case RETRY_REPEAT:
        attempt_record(ex, why, 0);
        repeat(ex);
        return true;
#define RETRY(name, word) case RETRY_NO_##name:
        RETRY_REFUSALS
#undef RETRY
        break;
    }
    return false;
}

/* Whether all of an answer that nobody wants is there, and nothing behind it. */
static bool is_whole(struct exchange *ex, const struct head *head, struct str rest)
{
    struct body *body = &ex->response_body;
    struct str data;
    body_init(body, head, &ex->arena, NULL, 0);
    while (!body->is_done && rest.len > 0) {
        if (body_take(body, &rest, &data) != OK) {
            return false;
        }
    }
    return body->is_done && rest.len == 0 && body->kind != BODY_UNTIL_CLOSE &&
           head->is_persistent && ex->is_request_sent;
}

/* RFC 9110 10.2.3. A date is longer than anybody waits. */
static int64_t retry_after_ms(const struct head *head)
{
    const struct field *field = fields_find(&head->fields, FIELD_RETRY_AFTER);
    uint64_t seconds;
    if (field == NULL) {
        return -1;
    }
    bool is_short = str_to_u64(str_trim(field->value), &seconds) && seconds < 86400;
    return is_short ? (int64_t)seconds * 1000 : INT64_MAX;
}

bool retry_answer(struct exchange *ex, const struct head *head, struct str rest)
{
    enum conf_retry_on what = retry_on_status(head->status);
    int64_t pause_ms;
    if (what == CONF_RETRY_ON_COUNT || (ex->plan->retry.on >> what & 1) == 0) {
        return false;
    }
    struct retry_case c = case_of(ex, what);
    c.retry_after_ms = retry_after_ms(head);
    if (decide(ex, &c, &pause_ms) != RETRY_ALLOWED) {
        return false;
    }
    attempt_record(ex, ERR_ORIGIN_STATUS, head->status);
    ex->error = ERR_ORIGIN_STATUS;
    begin(ex, head->status, pause_ms, is_whole(ex, head, rest));
    return true;
}

bool retry_all_tried(struct exchange *ex)
{
    int64_t now_ms = ex->core->loop.now_ms;
    if (ex->tried == NULL || ex->tried->count == 0) {
        return false;
    }
    uint32_t random = (uint32_t)(rng_next(&ex->core->rng) >> 32);
    int64_t pause_ms = retry_pause_ms(&ex->plan->retry, ex->retry_count - 1u, random);
    if (ex->deadline_ms != INT64_MAX && now_ms + pause_ms >= ex->deadline_ms) {
        return false;
    }
    ex->tried->count = 0;
    pause(ex, pause_ms);
    return true;
}

void retry_on_pause_over(struct exchange *ex)
{
    if (ex->core->loop.now_ms < ex->retry_at_ms) {
        timer_set(&ex->core->loop, &ex->timer, ex->retry_at_ms);
        return;
    }
    ex->retry_at_ms = 0;
    if (ex->deadline_ms != INT64_MAX) {
        timer_set(&ex->core->loop, &ex->timer, ex->deadline_ms);
    }
    life_pick(ex);
}

int64_t retry_try_until(const struct exchange *ex, bool *is_soft)
{
    const struct retry_rules *rules = &ex->plan->retry;
    int64_t from_ms = ex->attempt_ns / NS_PER_MS;
    *is_soft = false;
    if (rules->per_try_ms > 0) {
        return from_ms + rules->per_try_ms;
    }
    bool has_key = fields_have(&ex->request.fields, FIELD_IDEMPOTENCY_KEY);
    if (ex->deadline_ms == INT64_MAX || ex->retry_count >= rules->tries_max ||
        (rules->on >> CONF_RETRY_TIMEOUT & 1) == 0 || ex->is_body_unbuffered ||
        !retry_may_send_twice(rules, ex->request.method, has_key)) {
        return INT64_MAX;
    }
    *is_soft = true;
    return from_ms + (ex->deadline_ms - from_ms) / 2;
}

bool retry_keeps_body(const struct exchange *ex)
{
    const struct retry_rules *rules = &ex->plan->retry;
    bool has_key = fields_have(&ex->request.fields, FIELD_IDEMPOTENCY_KEY);
    bool is_short = ex->request.body != BODY_LENGTH ||
                    ex->request.content_length <= rules->body_bytes_max;
    return rules->tries_max > 0 && rules->body_bytes_max > 0 && is_short &&
           retry_may_send_twice(rules, ex->request.method, has_key);
}
