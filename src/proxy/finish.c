/* finish.c - stop 12: the record of an exchange, and everything back to where it belongs.
 * See life.h. */
#include "proxy/life.h"

#include "base/check.h"
#include "exchange/policy.h"
#include "observe/access_log.h"
#include "proxy/kept.h"
#include "stats/stats.h"

static uint32_t version_index(const struct exchange *ex)
{
    const struct plan_service *to = ex->plan->to;
    for (uint32_t i = 0; ex->cluster != NULL && i < to->version_count; i++) {
        if (to->versions[i].cluster == ex->cluster) {
            return i;
        }
    }
    return to->version_count;
}

static void count(struct exchange *ex)
{
    struct stats_block *stats = ex->core->stats;
    const struct plan *plan = ex->plan;
    const struct listener_conf *conf = ex->generation->listeners[ex->session->listener->slot];
    uint32_t cell = conf->cell_requests;
    stats_sub(stats, CELL_requests_in_flight, 1);
    stats_add(stats, conf->cell_received_bytes, ex->client_in_bytes);
    stats_add(stats, conf->cell_sent_bytes, ex->client_out_bytes);
    if (ex->error != OK) {
        stats_add(stats, CELL_errors + (uint32_t)ex->error, 1);
    }
    if (plan != NULL) {
        uint32_t versions = plan->to == NULL ? 0 : plan->to->version_count;
        uint32_t version = plan->to == NULL ? 0 : version_index(ex);
        cell = plan->cells_requests[ex->session->listener->slot * (versions + 1) + version];
        stats_observe(stats, plan->cell_duration,
                      flight_us(&ex->flight, FLIGHT_START, FLIGHT_END));
    }
    stats_add(stats, cell + stats_code(ex->status), 1);
    if (ex->attempt_count > 0) {
        const struct service_cells *cells = &plan->to->service->cells;
        stats_add(stats, cells->sent_bytes, ex->origin_out_bytes);
        stats_add(stats, cells->received_bytes, ex->origin_in_bytes);
        if (ex->flight.at_ns[FLIGHT_ANSWERED] != 0) {
            int64_t ttfb_ns = ex->flight.at_ns[FLIGHT_ANSWERED] - ex->attempt_ns;
            stats_observe(stats, cells->ttfb, ttfb_ns / 1000);
        }
        if (ex->origin != NULL) {
            stats_add(stats, ex->origin->cell_requests + stats_code(ex->status), 1);
        }
    }
}

static void write_log(struct exchange *ex)
{
    const struct head *head = &ex->request;
    const struct field *agent = NULL;
    const struct listener_conf *conf = ex->generation->listeners[ex->session->listener->slot];
    if (fields_have(&head->fields, FIELD_USER_AGENT)) {
        agent = fields_find(&head->fields, FIELD_USER_AGENT);
    }
    struct access_record record = {
        .wall_us = ex->core->loop.wall_us,
        .flight = &ex->flight,
        .request_id = ex->request_id_text,
        .protocol = head->minor == 0 ? STR("HTTP/1.0") : STR("HTTP/1.1"),
        .listener = conf->name,
        .method = head->method_text,
        .host = head->host,
        /* Of a refused head there may be only the target; its query may hold secrets. */
        .path = head->path.len > 0 ? head->path : str_cut(head->target, '?').head,
        .user_agent = agent == NULL ? (struct str){0} : agent->value,
        .client =
            ex->forwarded.client.family == ADDR_NONE ? &ex->session->peer : &ex->forwarded.client,
        .peer = &ex->session->peer,
        .client_received_bytes = ex->client_in_bytes,
        .client_sent_bytes = ex->client_out_bytes,
        .origin_received_bytes = ex->origin_in_bytes,
        .origin_sent_bytes = ex->origin_out_bytes,
        .generation = ex->generation->number,
        .reason = ex->error,
        .fallback = str_from_c(ex->fallback_why == OK ? "" : err_code(ex->fallback_why)),
        .status = ex->status,
        .attempts = ex->attempt_count,
        .tries = ex->tries,
        .retry_refused = retry_refusal(ex->retry_verdict),
        .is_reused = ex->is_conn_reused,
        .is_replayed = ex->is_replayed};
    record.is_in_panic =
        ex->cluster != NULL &&
        atomic_load_explicit(&ex->cluster->panic, memory_order_relaxed) != 0;
    if (ex->plan != NULL) {
        record.route = ex->plan->name;
        record.service = ex->plan->to == NULL ? (struct str){0} : ex->plan->to->name;
        record.version = ex->cluster == NULL ? (struct str){0} : ex->cluster->name;
        record.instance = ex->origin == NULL ? ex->instance : ex->origin->endpoint.name;
    }
    access_log_write(ex->core->log_ring, &record, ex->core->stats);
}

/* Nothing of the exchange is in use any more; what happened is written down. */
static void close_books(struct exchange *ex)
{
    CHECK(ex->conn == NULL);
    CHECK(!ex->holds_slot);
    timer_stop(&ex->timer);
    kept_drop(ex);
    task_cancel(&ex->task);
    exchange_mark(ex, FLIGHT_END);
    if (ex->request_body.is_done) {
        ex->client_in_bytes -= ex->in_len - ex->in_taken; /* the next exchange counts these */
    }
    chain_run_end(ex);
    count(ex);
    if (ex->core->log_ring != NULL) {
        write_log(ex);
    }
    exchange_move(ex, EX_DONE);
}

void finish(struct exchange *ex)
{
    struct body *body = &ex->request_body;
    /* All of it has come, even if the end went no further than a pipe. */
    body->is_done |= body->kind == BODY_LENGTH && body->left == 0;
    bool is_droppable = body->kind == BODY_LENGTH && !ex->is_body_abandoned;
    ex->closes_client |= !body->is_done && !is_droppable;
    close_books(ex);
    session_finish(ex->session);
}

void finish_cut(struct exchange *ex, bool is_reset)
{
    struct session *session = ex->session;
    close_books(ex);
    session_abort(session, is_reset);
}
