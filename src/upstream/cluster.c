/* cluster.c - picking an instance, and the line of those who wait for one; see cluster.h. */
#include "upstream/cluster.h"

#include "base/check.h"
#include "stats/stats.h"

enum err cluster_pick(struct cluster *cluster, struct core *core,
                      const struct balance_tried *tried, struct origin **out)
{
    const struct balance_set *set = cluster->views[core->index].set;
    struct endpoint *endpoint;
    if (set == NULL) {
        return ERR_NAME_UNRESOLVED;
    }
    switch (balance_pick(set, tried, &core->rng, core->loop.now_ns, &endpoint)) {
    case BALANCE_PICKED: *out = origin_of(endpoint); return OK;
    case BALANCE_FULL: return ERR_QUEUE_FULL;
    case BALANCE_TRIED:
    case BALANCE_NONE: break;
    }
    return ERR_NO_ENDPOINT;
}

/* Whether any instance could take one more just now. */
static bool cluster_has_room(const struct cluster *cluster, const struct core *core)
{
    const struct balance_set *set = cluster->views[core->index].set;
    for (uint32_t i = 0; set != NULL && i < set->count; i++) {
        if (endpoint_is_usable(set->endpoints[i]) && !endpoint_is_full(set->endpoints[i])) {
            return true;
        }
    }
    return false;
}

bool service_has_line(const struct service *service)
{
    return atomic_load_explicit(&service->waiting_total, memory_order_relaxed) > 0;
}

enum err service_wait(struct service *service, struct exchange *ex, struct cluster *cluster)
{
    struct service_line *line = &service->lines[ex->core->index];
    uint32_t max = atomic_load_explicit(&service->queue_max, memory_order_relaxed);
    CHECK(list_is_empty(&ex->queue_node));
    if (atomic_fetch_add_explicit(&service->waiting_total, 1, memory_order_seq_cst) >= max &&
        !ex->is_called) {
        atomic_fetch_sub_explicit(&service->waiting_total, 1, memory_order_seq_cst);
        return ERR_QUEUE_FULL;
    }
    if (ex->is_called) {
        list_push_front(&line->exchanges, &ex->queue_node);
    } else {
        list_push_back(&line->exchanges, &ex->queue_node);
    }
    ex->is_called = false;
    atomic_fetch_add_explicit(&line->waiting, 1, memory_order_seq_cst);
    stats_add(ex->core->stats, service->cells.queue_depth, 1);
    /* The last busy instance may have become free between the failed pick and the entry above; its
     * core saw an empty line then and called nobody. */
    if (cluster_has_room(cluster, ex->core)) {
        service_freed(service, ex->core);
    }
    return OK;
}

static void leave_line(struct service *service, struct exchange *ex)
{
    list_remove(&ex->queue_node);
    atomic_fetch_sub_explicit(&service->lines[ex->core->index].waiting, 1, memory_order_seq_cst);
    atomic_fetch_sub_explicit(&service->waiting_total, 1, memory_order_seq_cst);
    stats_sub(ex->core->stats, service->cells.queue_depth, 1);
}

void service_leave(struct service *service, struct exchange *ex)
{
    if (!list_is_empty(&ex->queue_node)) {
        leave_line(service, ex);
    }
    if (ex->is_called) {
        ex->is_called = false;
        service_freed(service, ex->core);
    }
}

/* Calls the first of this core's line. */
static void call_first(struct service *service, struct service_line *line, struct core *core)
{
    if (!list_is_empty(&line->exchanges)) {
        struct exchange *ex = CONTAINER_OF(line->exchanges.next, struct exchange, queue_node);
        leave_line(service, ex);
        ex->is_called = true;
        loop_later(&core->loop, &ex->task);
    }
}

static void on_call(struct loop *loop, struct mail *mail)
{
    struct service_line *line = CONTAINER_OF(mail, struct service_line, call);
    (void)loop;
    uint32_t calls = atomic_exchange_explicit(&line->calls, 0, memory_order_seq_cst);
    for (uint32_t i = 0; i < calls; i++) {
        if (list_is_empty(&line->exchanges)) {
            /* They gave up meanwhile: the place is somebody else's. */
            service_freed(line->service, line->core);
        }
        call_first(line->service, line, line->core);
    }
}

void service_freed(struct service *service, struct core *core)
{
    if (LIKELY(atomic_load_explicit(&service->waiting_total, memory_order_seq_cst) == 0)) {
        return;
    }
    uint32_t first = atomic_fetch_add_explicit(&service->next_line, 1, memory_order_relaxed);
    for (uint32_t i = 0; i < service->core_count; i++) {
        uint32_t at = (first + i) % service->core_count;
        struct service_line *line = &service->lines[at];
        if (atomic_load_explicit(&line->waiting, memory_order_seq_cst) == 0) {
            continue;
        }
        if (at == core->index) {
            call_first(service, line, core);
        } else if (atomic_fetch_add_explicit(&line->calls, 1, memory_order_seq_cst) == 0) {
            line->call.deliver = on_call;
            loop_post(&line->core->loop, &line->call);
        }
        return;
    }
}
