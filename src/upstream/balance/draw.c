/* draw.c - draws by weight; see draw.h. */
#include "upstream/balance/draw.h"

enum { DRAWS_MAX = 16 };

struct balance_table {
    _Atomic int64_t summed_ns; /* when */
    _Atomic uint64_t sums[];   /* weight units of endpoints 0 to i */
};

/* Readers may see old and new sums side by side: what they find is an endpoint all the same. */
static void sum_weights(const struct balance_set *set)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        sum += endpoint_weight_units(set->endpoints[i]);
        atomic_store_explicit(&set->table->sums[i], sum, memory_order_relaxed);
    }
}

enum err draw_init(struct balance_set *set, struct arena *arena, uint64_t seed)
{
    (void)seed;
    size_t bytes = sizeof *set->table + set->count * sizeof set->table->sums[0];
    set->table = arena_zalloc(arena, bytes);
    if (set->table == NULL) {
        return ERR_MEMORY;
    }
    atomic_init(&set->table->summed_ns, INT64_MIN);
    return OK;
}

static void refresh(const struct balance_set *set, int64_t now_ns)
{
    _Atomic int64_t *summed_ns = &set->table->summed_ns;
    int64_t last_ns = atomic_load_explicit(summed_ns, memory_order_relaxed);
    if (LIKELY(last_ns != INT64_MIN && now_ns - last_ns < DRAW_AGE_NS)) {
        return;
    }
    if (atomic_compare_exchange_strong_explicit(summed_ns, &last_ns, now_ns, memory_order_relaxed,
                                                memory_order_relaxed)) {
        sum_weights(set);
    }
}

static struct endpoint *draw(const struct balance_set *set, struct rng *rng)
{
    const _Atomic uint64_t *sums = set->table->sums;
    uint64_t total = atomic_load_explicit(&sums[set->count - 1], memory_order_relaxed);
    double u = (double)(rng_next(rng) >> 11) * 0x1p-53;
    uint64_t wanted = (uint64_t)(u * (double)total);
    uint32_t low = 0, high = set->count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (atomic_load_explicit(&sums[middle], memory_order_relaxed) > wanted) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return set->endpoints[low];
}

struct endpoint *draw_one(const struct search *search)
{
    refresh(search->set, search->ask->now_ns);
    return draw(search->set, search->ask->rng);
}

bool draw_two(const struct search *search, struct endpoint *out[2])
{
    uint32_t found = 0;
    refresh(search->set, search->ask->now_ns);
    out[0] = NULL;
    for (int i = 0; i < DRAWS_MAX; i++) {
        struct endpoint *endpoint = draw(search->set, search->ask->rng);
        if (endpoint == out[0] || !is_eligible(search->ask->tried, endpoint)) {
            continue;
        }
        out[found++] = endpoint;
        if (found == 2) {
            return true;
        }
    }
    return false;
}
