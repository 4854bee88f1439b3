/* fallback.c - a fixed answer or another service in place of one that cannot be asked; see
 * fallback.h. A fallback has none itself, so this happens once at most. */
#include "proxy/fallback.h"

#include "proxy/life.h"
#include "stats/stats.h"

/* Nobody has acted on the request: there is nobody, or nobody could be reached in time. */
static bool is_covered(enum err why)
{
    return why == ERR_BREAKER_OPEN || why == ERR_NO_ENDPOINT || why == ERR_NO_HEALTHY ||
           why == ERR_NO_VERSION || why == ERR_NAME_UNRESOLVED || why == ERR_QUEUE_FULL ||
           why == ERR_QUEUE_TIMEOUT || why == ERR_QUEUE_SHED || why == ERR_QUEUE_DEADLINE ||
           why == ERR_ORIGIN_CONNECT || why == ERR_ORIGIN_CONNECT_TIMEOUT;
}

/* As if it had just been routed to the other service. */
static void ask_other(struct exchange *ex)
{
    ex->cluster = NULL;
    ex->origin = NULL;
    ex->tried = NULL;
    ex->origin_head = (struct str){0}; /* that service may be sent another one */
    ex->queue_verdict = OK;
    ex->queued_ns = 0;
    if (ex->deadline_ms == INT64_MAX) {
        timer_stop(&ex->timer);
    } else {
        timer_set(&ex->core->loop, &ex->timer, ex->deadline_ms);
    }
    if (ex->state != EX_PICKING) {
        exchange_move(ex, EX_PICKING);
    }
    life_pick(ex);
}

bool fallback_take(struct exchange *ex, enum err why)
{
    const struct plan *plan = ex->plan == NULL ? NULL : ex->plan->fallback;
    bool is_waiting = ex->state == EX_PICKING || ex->state == EX_CONNECTING;
    if (plan == NULL || !is_waiting || ex->is_body_unbuffered || !is_covered(why)) {
        return false;
    }
    stats_add(ex->core->stats, ex->plan->to->service->cells.fallbacks, 1);
    ex->fallback_why = why;
    ex->plan = plan;
    switch ((enum plan_action)plan->action) {
    case PLAN_FORWARD: ask_other(ex); break;
    case PLAN_REDIRECT:
    case PLAN_RESPOND: life_act(ex); break;
    }
    return true;
}
