/* cluster.c - picking an instance, and the line of those who wait for one; see cluster.h. */
#include "upstream/cluster.h"

#include "base/check.h"
#include "base/clock.h"
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

static void count_one(_Atomic uint32_t *at)
{
    atomic_store_explicit(at, atomic_load_explicit(at, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

void cluster_count(struct cluster *cluster, const struct core *core, uint32_t status,
                   int64_t ttfb_ns)
{
    struct cluster_part *part = &cluster->parts[core->index];
    enum tally_outcome outcome = tally_of_status(status);
    count_one(&part->attempts);
    if (outcome != TALLY_ANSWERED && outcome != TALLY_OVERLOADED) {
        count_one(&part->failed);
    }
    if (ttfb_ns >= atomic_load_explicit(&cluster->slow_ns, memory_order_relaxed)) {
        count_one(&part->slow);
    }
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

/* The least time that an answer takes just now, of a few instances. */
static int64_t answer_ms(const struct cluster_part *part, int64_t now_ns)
{
    enum { LOOKED_AT_MAX = 8 };
    int64_t least_ns = INT64_MAX;
    for (uint32_t i = 0; part->set != NULL && i < part->set->count && i < LOOKED_AT_MAX; i++) {
        int64_t cost_ns = balance_cost_ns(part->set->endpoints[i], now_ns);
        least_ns = cost_ns < least_ns ? cost_ns : least_ns;
    }
    return least_ns == INT64_MAX ? 0 : least_ns / NS_PER_MS;
}

static bool is_too_late(const struct cluster_part *part, const struct exchange *ex)
{
    const struct loop *loop = &part->core->loop;
    return ex->deadline_ms != INT64_MAX && ex->deadline_ms != 0 &&
           loop->now_ms + answer_ms(part, loop->now_ns) >= ex->deadline_ms;
}

enum err cluster_wait(struct cluster *cluster, struct exchange *ex)
{
    struct cluster_part *part = &cluster->parts[ex->core->index];
    struct list *line = &part->lines[ex->urgency];
    CHECK(list_is_empty(&ex->queue_node));
    if (is_too_late(part, ex)) {
        return ERR_QUEUE_DEADLINE;
    }
    TRY(count_in(cluster, ex));
    ex->queued_ns = ex->queued_ns == 0 ? ex->core->loop.now_ns : ex->queued_ns;
    if (ex->is_called) {
        list_push_front(line, &ex->queue_node);
    } else {
        list_push_back(line, &ex->queue_node);
    }
    ex->is_called = false;
    atomic_fetch_add_explicit(&part->waiting[ex->urgency], 1, memory_order_seq_cst);
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
    atomic_fetch_sub_explicit(&part->waiting[ex->urgency], 1, memory_order_seq_cst);
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

/* Whether the one at the head of the line has waited in vain. */
static enum err judge_first(struct cluster_part *part, const struct exchange *ex)
{
    const struct service *service = part->cluster->service;
    const struct loop *loop = &part->core->loop;
    const struct codel_conf conf = {
        atomic_load_explicit(&service->codel_target_ms, memory_order_relaxed),
        atomic_load_explicit(&service->codel_interval_ms, memory_order_relaxed)};
    if (is_too_late(part, ex)) {
        return ERR_QUEUE_DEADLINE;
    }
    int64_t waited_ms = (loop->now_ns - ex->queued_ns) / NS_PER_MS;
    bool is_last = ex->queue_node.next == &part->lines[ex->urgency];
    return codel_drops(&part->codels[ex->urgency], &conf, waited_ms, is_last, loop->now_ms)
               ? ERR_QUEUE_SHED
               : OK;
}

/* Calls the first of this core's line who has not waited in vain. False: there was none. */
static bool call_first(struct cluster_part *part, enum urgency urgency)
{
    struct list *line = &part->lines[urgency];
    while (!list_is_empty(line)) {
        struct exchange *ex = CONTAINER_OF(line->next, struct exchange, queue_node);
        ex->queue_verdict = judge_first(part, ex);
        leave_line(part->cluster, ex);
        ex->is_called = ex->queue_verdict == OK;
        loop_later(&part->core->loop, &ex->task);
        if (ex->is_called) {
            return true;
        }
    }
    return false;
}

static void on_call(struct loop *loop, struct mail *mail)
{
    struct cluster_part *part = CONTAINER_OF(mail, struct cluster_part, call);
    (void)loop;
    for (uint32_t urgency = 0; urgency < URGENCY_COUNT; urgency++) {
        uint32_t calls = atomic_exchange_explicit(&part->calls[urgency], 0, memory_order_seq_cst);
        for (uint32_t i = 0; i < calls; i++) {
            if (!call_first(part, (enum urgency)urgency)) {
                /* They gave up meanwhile: the place is somebody else's. */
                cluster_freed(part->cluster, part->core);
            }
        }
    }
}

/* Calls one of this urgency, of whichever core. False: nobody waits, as far as one can see. */
static bool call_one(struct cluster *cluster, struct core *core, enum urgency urgency,
                     uint32_t first)
{
    for (uint32_t i = 0; i < cluster->core_count; i++) {
        struct cluster_part *part = &cluster->parts[(first + i) % cluster->core_count];
        if (atomic_load_explicit(&part->waiting[urgency], memory_order_seq_cst) == 0) {
            continue;
        }
        if (part->core == core) {
            if (call_first(part, urgency)) {
                return true;
            }
            continue;
        }
        if (atomic_fetch_add_explicit(&part->calls[urgency], 1, memory_order_seq_cst) == 0) {
            part->call.deliver = on_call;
            loop_post(&part->core->loop, &part->call);
        }
        return true;
    }
    return false;
}

void cluster_freed(struct cluster *cluster, struct core *core)
{
    enum { TURNS = 8 };
    if (LIKELY(atomic_load_explicit(&cluster->waiting_total, memory_order_seq_cst) == 0)) {
        return;
    }
    uint32_t first = atomic_fetch_add_explicit(&cluster->next_part, 1, memory_order_relaxed);
    /* One turn in eight goes round the other way: nobody waits for ever behind more urgent ones. */
    bool is_reversed = first / cluster->core_count % TURNS == TURNS - 1;
    for (uint32_t i = 0; i < URGENCY_COUNT; i++) {
        uint32_t urgency = is_reversed ? URGENCY_COUNT - 1 - i : i;
        if (call_one(cluster, core, (enum urgency)urgency, first)) {
            return;
        }
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
        for (uint32_t j = 0; j < URGENCY_COUNT; j++) {
            list_init(&cluster->parts[i].lines[j]);
        }
        cluster->parts[i].cluster = cluster;
        cluster->parts[i].core = cores[i];
    }
}
