/* cluster.c - picking an instance, and the line of those who wait for one; see cluster.h. */
#include "upstream/cluster.h"

#include "base/check.h"
#include "stats/stats.h"

/* Whether health or ejection is why there is nobody. */
static bool is_any_doubtful(const struct balance_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (endpoint_is_doubtful(set->endpoints[i])) {
            return true;
        }
    }
    return false;
}

/* Only this core writes it. */
static void count_flight(struct cluster_part *part, uint32_t change)
{
    uint32_t count = atomic_load_explicit(&part->in_flight, memory_order_relaxed);
    atomic_store_explicit(&part->in_flight, count + change, memory_order_relaxed);
}

/* A bound goes by all exchanges of all cores. */
static enum balance_verdict pick_bounded(const struct cluster *cluster,
                                         const struct balance_set *set,
                                         const struct balance_ask *asked, struct endpoint **out)
{
    struct balance_ask ask = *asked;
    for (uint32_t i = 0; i < cluster->core_count; i++) {
        ask.in_flight += atomic_load_explicit(&cluster->parts[i].in_flight, memory_order_relaxed);
    }
    ask.has_in_flight = true;
    return balance_pick(set, &ask, out);
}

enum err cluster_pick(struct cluster *cluster, struct core *core, const struct balance_ask *ask,
                      struct origin **out)
{
    struct cluster_part *part = &cluster->parts[core->index];
    const struct balance_set *set = part->set;
    struct endpoint *endpoint;
    if (set == NULL) {
        return ERR_NAME_UNRESOLVED;
    }
    const struct levels *levels = part->levels;
    switch (UNLIKELY(levels != NULL)                    ? levels_pick(levels, set, ask, &endpoint)
            : UNLIKELY(set->options.bound_percent != 0) ? pick_bounded(cluster, set, ask, &endpoint)
                                                        : balance_pick(set, ask, &endpoint)) {
    case BALANCE_PICKED:
        count_flight(part, 1);
        *out = origin_of(endpoint);
        return OK;
    case BALANCE_FULL: return ERR_QUEUE_FULL;
    case BALANCE_TRIED: return ERR_NO_ENDPOINT;
    case BALANCE_NONE: break;
    }
    return is_any_doubtful(set) ? ERR_NO_HEALTHY : ERR_NO_ENDPOINT;
}

void cluster_end(struct cluster *cluster, struct core *core, struct origin *origin)
{
    count_flight(&cluster->parts[core->index], UINT32_MAX);
    endpoint_end(&origin->endpoint);
    cluster_freed(cluster, core);
}

/* Whether any instance could take one more just now. */
static bool cluster_has_room(const struct cluster *cluster, const struct core *core)
{
    const struct balance_set *set = cluster->parts[core->index].set;
    for (uint32_t i = 0; set != NULL && i < set->count; i++) {
        if (endpoint_is_usable(set->endpoints[i]) && !endpoint_is_full(set->endpoints[i])) {
            return true;
        }
    }
    return false;
}

bool cluster_has_line(const struct cluster *cluster)
{
    return atomic_load_explicit(&cluster->waiting_total, memory_order_relaxed) > 0;
}

static enum err count_in(struct cluster *cluster, const struct exchange *ex)
{
    struct service *service = cluster->service;
    uint32_t max = atomic_load_explicit(&service->queue_max, memory_order_relaxed);
    uint32_t before = atomic_fetch_add_explicit(&service->waiting_total, 1, memory_order_relaxed);
    if (before >= max && !ex->is_called) {
        atomic_fetch_sub_explicit(&service->waiting_total, 1, memory_order_relaxed);
        return ERR_QUEUE_FULL;
    }
    stats_add(ex->core->stats, service->cells.queue_depth, 1);
    return OK;
}

enum err cluster_wait(struct cluster *cluster, struct exchange *ex)
{
    struct cluster_part *part = &cluster->parts[ex->core->index];
    CHECK(list_is_empty(&ex->queue_node));
    TRY(count_in(cluster, ex));
    if (ex->is_called) {
        list_push_front(&part->line, &ex->queue_node);
    } else {
        list_push_back(&part->line, &ex->queue_node);
    }
    ex->is_called = false;
    atomic_fetch_add_explicit(&part->waiting, 1, memory_order_seq_cst);
    atomic_fetch_add_explicit(&cluster->waiting_total, 1, memory_order_seq_cst);
    /* The last busy instance may have become free between the failed pick and the entry above; its
     * core saw an empty line then and called nobody. */
    atomic_thread_fence(memory_order_seq_cst);
    cluster_call_more(cluster, ex->core);
    return OK;
}

static void leave_line(struct cluster *cluster, struct exchange *ex)
{
    struct cluster_part *part = &cluster->parts[ex->core->index];
    list_remove(&ex->queue_node);
    atomic_fetch_sub_explicit(&cluster->waiting_total, 1, memory_order_seq_cst);
    atomic_fetch_sub_explicit(&part->waiting, 1, memory_order_seq_cst);
    atomic_fetch_sub_explicit(&cluster->service->waiting_total, 1, memory_order_relaxed);
    stats_sub(ex->core->stats, cluster->service->cells.queue_depth, 1);
}

void cluster_leave(struct cluster *cluster, struct exchange *ex)
{
    if (!list_is_empty(&ex->queue_node)) {
        leave_line(cluster, ex);
    }
    if (ex->is_called) {
        ex->is_called = false;
        cluster_freed(cluster, ex->core);
    }
}

/* Calls the first of this core's line. */
static void call_first(struct cluster_part *part)
{
    if (!list_is_empty(&part->line)) {
        struct exchange *ex = CONTAINER_OF(part->line.next, struct exchange, queue_node);
        leave_line(part->cluster, ex);
        ex->is_called = true;
        loop_later(&part->core->loop, &ex->task);
    }
}

static void on_call(struct loop *loop, struct mail *mail)
{
    struct cluster_part *part = CONTAINER_OF(mail, struct cluster_part, call);
    (void)loop;
    uint32_t calls = atomic_exchange_explicit(&part->calls, 0, memory_order_seq_cst);
    for (uint32_t i = 0; i < calls; i++) {
        if (list_is_empty(&part->line)) {
            /* They gave up meanwhile: the place is somebody else's. */
            cluster_freed(part->cluster, part->core);
        }
        call_first(part);
    }
}

void cluster_freed(struct cluster *cluster, struct core *core)
{
    if (LIKELY(atomic_load_explicit(&cluster->waiting_total, memory_order_seq_cst) == 0)) {
        return;
    }
    uint32_t first = atomic_fetch_add_explicit(&cluster->next_part, 1, memory_order_relaxed);
    for (uint32_t i = 0; i < cluster->core_count; i++) {
        struct cluster_part *part = &cluster->parts[(first + i) % cluster->core_count];
        if (atomic_load_explicit(&part->waiting, memory_order_seq_cst) == 0) {
            continue;
        }
        if (part->core == core) {
            call_first(part);
        } else if (atomic_fetch_add_explicit(&part->calls, 1, memory_order_seq_cst) == 0) {
            part->call.deliver = on_call;
            loop_post(&part->core->loop, &part->call);
        }
        return;
    }
}

void cluster_call_more(struct cluster *cluster, struct core *core)
{
    if (cluster_has_line(cluster) && cluster_has_room(cluster, core)) {
        cluster_freed(cluster, core);
    }
}

void cluster_init(struct cluster *cluster, struct service *service, struct core *const *cores,
                  uint32_t core_count)
{
    cluster->service = service;
    cluster->core_count = core_count;
    for (uint32_t i = 0; i < core_count; i++) {
        list_init(&cluster->parts[i].line);
        cluster->parts[i].cluster = cluster;
        cluster->parts[i].core = cores[i];
    }
}
