/* balance_bench.c - what a pick costs, by method and number of instances.
 *
 *     balance_bench                        ns for a pick and its end, alone on one core; ms for
 *                                          making the tables
 *     balance_bench METHOD COUNT PICKS     one of them, for counting instructions:
 *         valgrind --tool=callgrind --toggle-collect=run_picks ./balance_bench p2c_ewma 8 100000 */
#include "base/clock.h"
#include "base/hash.h"
#include "upstream/balance.h"

#include <stdio.h>
#include <stdlib.h>

struct bench {
    struct arena arena;
    struct balance_set set;
    struct rng rng;
    uint32_t in_flight;
    int64_t init_ns; /* what making the set took */
};

static void *must(void *memory)
{
    if (memory == NULL) {
        (void)fprintf(stderr, "balance_bench: no memory\n");
        exit(1);
    }
    return memory;
}

static void bench_open(struct bench *bench, const struct balance_type *type, uint32_t count)
{
    *bench = (struct bench){0};
    arena_init_heap(&bench->arena, (size_t)1 << 30);
    rng_init(&bench->rng, 1);
    struct endpoint **list = must(ARENA_ARRAY(&bench->arena, count, struct endpoint *));
    char *raw = must(arena_zalloc(&bench->arena, (count + 1) * sizeof(struct endpoint)));
    raw += (CACHE_LINE_BYTES - (uintptr_t)raw % CACHE_LINE_BYTES) % CACHE_LINE_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        list[i] = &((struct endpoint *)(void *)raw)[i];
        list[i]->id = hash_stable(str_of((const char *)&i, sizeof i), 1);
        endpoint_set_weight(list[i], 1, ENDPOINT_WEIGHT_ONE);
        endpoint_set_ceiling(list[i], 1000);
        const struct balance_sample sample = {.ttfb_ns = (int64_t)(i % 7 + 1) * NS_PER_MS};
        balance_note(list[i], &sample, NS_PER_SEC);
        for (uint32_t j = rng_below(&bench->rng, 20); j > 0; j--) {
            bench->in_flight += endpoint_try_begin(list[i]);
        }
    }
    const struct balance_set_conf conf = {
        .type = type, .endpoints = list, .count = count, .options = {.bound_percent = 125}};
    int64_t begun_ns = clock_mono_ns();
    if (balance_set_init(&bench->set, &bench->arena, &conf) != OK) {
        (void)must(NULL);
    }
    bench->init_ns = clock_mono_ns() - begun_ns;
}

/* Not inlined nor cloned: callgrind counts what happens below it. */
__attribute__((noipa)) uint64_t run_picks(struct bench *bench, uint32_t count);
uint64_t run_picks(struct bench *bench, uint32_t count)
{
    uint64_t picked = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct endpoint *endpoint;
        const struct balance_ask ask = {.rng = &bench->rng,
                                        .now_ns = NS_PER_SEC + i * INT64_C(1000),
                                        .hash = i * UINT64_C(0x9e3779b97f4a7c15),
                                        .has_hash = true,
                                        .in_flight = bench->in_flight,
                                        .has_in_flight = true};
        picked += balance_pick(&bench->set, &ask, &endpoint) == BALANCE_PICKED;
        endpoint_end(endpoint);
    }
    return picked;
}

static void measure(const struct balance_type *type, uint32_t count, uint32_t picks)
{
    static struct bench bench;
    bench_open(&bench, type, count);
    (void)run_picks(&bench, 1000);
    int64_t begun_ns = clock_mono_ns();
    uint64_t picked = run_picks(&bench, picks);
    int64_t ns = clock_mono_ns() - begun_ns;
    printf("%-14s %5u instances %8.1f ns a pick, made in %6.2f ms%s\n", type->name, count,
           (double)ns / picks, (double)bench.init_ns / (double)NS_PER_MS,
           picked == picks ? "" : "  MISSED SOME");
    arena_reset(&bench.arena);
}

int main(int argc, char **argv)
{
    static const uint32_t counts[] = {2, 8, 9, 100, 1000};
    uint64_t count = 0, picks = 0;
    if (argc == 4 && str_to_u64(str_from_c(argv[2]), &count) && count > 0 &&
        str_to_u64(str_from_c(argv[3]), &picks) && balance_find(str_from_c(argv[1])) != NULL) {
        measure(balance_find(str_from_c(argv[1])), (uint32_t)count, (uint32_t)picks);
        return 0;
    }
    if (argc != 1) {
        (void)fprintf(stderr, "usage: balance_bench [METHOD COUNT PICKS]\n");
        return 2;
    }
    for (size_t i = 0; i < BALANCE_COUNT; i++) {
        for (size_t j = 0; j < COUNT_OF(counts); j++) {
            measure(balance_types[i], counts[j], 200000);
        }
    }
    return 0;
}
