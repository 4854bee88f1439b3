/* round_robin.c - by turn, as often as the weight says, exactly and over all cores.
 *
 * Every endpoint is due once each STRIDE_ONE / weight of a virtual time; the one that is due
 * first is picked and is due again one stride later. In any whole cycle (a virtual time of
 * STRIDE_ONE) an endpoint of weight w is due w times, whatever its phase; strides are even, so
 * its turns are spread as evenly as the others allow. Phases are drawn, or every reload would
 * favour the same endpoint. The schedule is a heap: a pick costs the logarithm of the number of
 * endpoints, under a spin lock that is held for no longer than that.
 *
 * An endpoint that cannot be picked when it is due loses its turn: credit would come back as a
 * burst. Live weights are read again every REWEIGH_NS, and what is left of a stride is scaled. */
#include "upstream/balance/method.h"

#include <sched.h>

#define STRIDE_ONE (UINT64_C(1) << 56)
#define REWEIGH_NS (100 * NS_PER_MS)

enum { TURNS_LOST_MAX = 8, SPINS_MAX = 128 };

/* Virtual time wraps around: instants are compared by the sign of their difference, and lie less
 * than two strides apart. */
struct turn {
    uint64_t due;
    uint32_t weight_units; /* that the stride was made of; never 0 */
    uint32_t index;        /* of the endpoint */
};

struct balance_table {
    _Atomic uint32_t is_locked;
    uint32_t count;
    int64_t weighed_ns;
    uint64_t now;       /* virtual: when the last picked one was due */
    struct turn heap[]; /* the first one is due first */
};

static void lock(struct balance_table *table)
{
    for (uint32_t spins = 0;
         atomic_exchange_explicit(&table->is_locked, 1, memory_order_acquire) != 0;) {
        while (atomic_load_explicit(&table->is_locked, memory_order_relaxed) != 0) {
            /* The owner may have lost its processor to us. */
            if (++spins % SPINS_MAX == 0) {
                (void)sched_yield();
            }
            CPU_RELAX();
        }
    }
}

static void unlock(struct balance_table *table)
{
    atomic_store_explicit(&table->is_locked, 0, memory_order_release);
}

static uint64_t stride_of(uint32_t weight_units)
{
    return STRIDE_ONE / weight_units;
}

static bool is_due_before(const struct turn *left, const struct turn *right)
{
    return (int64_t)(left->due - right->due) < 0;
}

static void sift_down(struct balance_table *table, uint32_t at)
{
    struct turn moving = table->heap[at];
    for (;;) {
        uint32_t child = at * 2 + 1;
        if (child >= table->count) {
            break;
        }
        if (child + 1 < table->count &&
            is_due_before(&table->heap[child + 1], &table->heap[child])) {
            child++;
        }
        if (!is_due_before(&table->heap[child], &moving)) {
            break;
        }
        table->heap[at] = table->heap[child];
        at = child;
    }
    table->heap[at] = moving;
}

static void heapify(struct balance_table *table)
{
    for (uint32_t i = table->count / 2; i-- > 0;) {
        sift_down(table, i);
    }
}

static uint32_t live_units(const struct balance_set *set, uint32_t index)
{
    uint64_t state = atomic_load_explicit(&set->endpoints[index]->load.state, memory_order_relaxed);
    uint32_t units = (uint32_t)state; /* barred or not: health comes and goes, weights stay */
    return units > 0 ? units : 1; /* drained: due so rarely that passing it over costs nothing */
}

static enum err init(struct balance_set *set, struct arena *arena, uint64_t seed)
{
    struct balance_table *table =
        arena_zalloc(arena, sizeof *table + set->count * sizeof table->heap[0]);
    if (table == NULL) {
        return ERR_MEMORY;
    }
    struct rng rng;
    rng_init(&rng, seed);
    table->count = set->count;
    table->weighed_ns = INT64_MIN;
    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t units = live_units(set, i);
        table->heap[i] = (struct turn){rng_next(&rng) % stride_of(units), units, i};
    }
    heapify(table);
    set->table = table;
    return OK;
}

/* Brings strides up to date with live weights. */
static void reweigh(const struct balance_set *set, int64_t now_ns)
{
    struct balance_table *table = set->table;
    if (LIKELY(table->weighed_ns != INT64_MIN && now_ns - table->weighed_ns < REWEIGH_NS)) {
        return;
    }
    bool has_changed = false;
    table->weighed_ns = now_ns;
    for (uint32_t i = 0; i < table->count; i++) {
        struct turn *turn = &table->heap[i];
        uint32_t units = live_units(set, turn->index);
        if (units != turn->weight_units) {
            double left = (double)(int64_t)(turn->due - table->now) * turn->weight_units / units;
            turn->due = table->now + (uint64_t)(left > 0 ? left : 0);
            turn->weight_units = units;
            has_changed = true;
        }
    }
    if (has_changed) {
        heapify(table);
    }
}

/* Takes the turn at heap position `at` if its endpoint can be picked; it is due again either
 * way. */
static struct endpoint *take_turn(const struct search *search, uint32_t at)
{
    struct balance_table *table = search->set->table;
    struct turn *turn = &table->heap[at];
    struct endpoint *endpoint = search->set->endpoints[turn->index];
    turn->due += stride_of(turn->weight_units);
    sift_down(table, at);
    return is_eligible(search->ask->tried, endpoint) && endpoint_try_begin(endpoint) ? endpoint
                                                                                     : NULL;
}

/* The position of the eligible turn that is due first, or count. */
static uint32_t first_eligible(const struct search *search)
{
    const struct balance_table *table = search->set->table;
    uint32_t best = table->count;
    for (uint32_t i = 0; i < table->count; i++) {
        bool is_earlier =
            best == table->count || is_due_before(&table->heap[i], &table->heap[best]);
        if (is_earlier &&
            is_eligible(search->ask->tried, search->set->endpoints[table->heap[i].index])) {
            best = i;
        }
    }
    return best;
}

static struct endpoint *next_turn(const struct search *search)
{
    struct balance_table *table = search->set->table;
    struct endpoint *endpoint = NULL;
    for (int i = 0; i < TURNS_LOST_MAX && endpoint == NULL; i++) {
        table->now = table->heap[0].due;
        endpoint = take_turn(search, 0);
    }
    while (endpoint == NULL) {
        uint32_t at = first_eligible(search);
        if (at == table->count) {
            break;
        }
        endpoint = take_turn(search, at);
    }
    return endpoint;
}

static enum balance_verdict pick(const struct balance_set *set, const struct balance_ask *ask,
                                 struct endpoint **out)
{
    const struct search search = {set, ask, 0};
    lock(set->table);
    reweigh(set, ask->now_ns);
    *out = next_turn(&search);
    unlock(set->table);
    return *out != NULL ? BALANCE_PICKED : balance_why_none(set, ask->tried);
}

const struct balance_type balance_round_robin = {
    .name = "round_robin",
    .summary = "by turn, as often as the weight says",
    .init = init,
    .pick = pick,
};
