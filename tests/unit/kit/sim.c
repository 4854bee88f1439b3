/* sim.c - a discrete event simulation of a fleet; see sim.h. */
#include "sim.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/heap.h"

#include <math.h>

#define SIM_START_NS (1000 * NS_PER_SEC)

/* A class for each 1 % of time: log(1 h / 1 us) / log(1.01) is about 2200. */
#define CLASS_RATIO 1.011
#define CLASS_FIRST_MS 0.001

static double uniform(struct sim *sim)
{
    return (double)((rng_next(&sim->chance) >> 11) + 1) * 0x1p-53; /* in (0, 1] */
}

void sim_open(struct sim *sim, const struct sim_conf *conf)
{
    *sim = (struct sim){.count = conf->count, .now_ns = SIM_START_NS, .next_ns = SIM_START_NS};
    CHECK(conf->count <= SIM_INSTANCES_MAX);
    arena_init_heap(&sim->arena, (size_t)1 << 30);
    sim->endpoints = heap_new((conf->count + 1) * sizeof *sim->endpoints);
    CHECK(sim->endpoints != NULL);
    for (uint32_t i = 0; i < conf->count; i++) {
        sim->list[i] = &sim->endpoints[i];
        sim->list[i]->id = hash_stable(str_of((const char *)&i, sizeof i), 1);
        uint32_t weight = conf->weights == NULL ? 1 : conf->weights[i];
        endpoint_set_weight(sim->list[i], weight, ENDPOINT_WEIGHT_ONE);
        sim->instances[i].answer_ms = conf->answer_ms > 0 ? conf->answer_ms : 10;
    }
    sim->requests_per_s = conf->requests_per_s > 0 ? conf->requests_per_s : 1000;
    rng_init(&sim->rng, conf->seed + 1);
    rng_init(&sim->chance, conf->seed + 2);
    const struct balance_set_conf set = {.type = balance_find(str_from_c(conf->method)),
                                         .endpoints = sim->list,
                                         .count = conf->count,
                                         .weights = conf->weights,
                                         .options = conf->options,
                                         .seed = conf->seed};
    CHECK(set.type != NULL);
    CHECK(balance_set_init(&sim->set, &sim->arena, &set) == OK);
}

void sim_close(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->flight_count; i++) {
        heap_free(sim->flights[i]);
    }
    while (sim->spare != NULL) {
        struct sim_request *next = sim->spare->next;
        heap_free(sim->spare);
        sim->spare = next;
    }
    heap_free(sim->flights);
    heap_free(sim->endpoints);
    arena_reset(&sim->arena);
}

static void grow_heap(struct sim *sim)
{
    uint32_t cap = sim->flight_cap * 2 + 1024;
    struct sim_request **more = heap_new(cap * sizeof(struct sim_request *));
    CHECK(more != NULL);
    for (uint32_t i = 0; i < sim->flight_count; i++) {
        more[i] = sim->flights[i];
    }
    heap_free(sim->flights);
    sim->flights = more;
    sim->flight_cap = cap;
}

static void push(struct sim *sim, struct sim_request *request)
{
    if (sim->flight_count == sim->flight_cap) {
        grow_heap(sim);
    }
    struct sim_request **heap = sim->flights;
    uint32_t at = sim->flight_count++;
    for (; at > 0 && heap[(at - 1) / 2]->ends_ns > request->ends_ns; at = (at - 1) / 2) {
        heap[at] = heap[(at - 1) / 2];
    }
    heap[at] = request;
}

static struct sim_request *pop(struct sim *sim)
{
    struct sim_request **heap = sim->flights;
    struct sim_request *first = heap[0], *last = heap[--sim->flight_count];
    uint32_t at = 0;
    for (uint32_t child = 1; child < sim->flight_count; child = at * 2 + 1) {
        child += child + 1 < sim->flight_count && heap[child + 1]->ends_ns < heap[child]->ends_ns;
        if (heap[child]->ends_ns >= last->ends_ns) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

static double draw_ms(struct sim *sim, const struct sim_instance *instance)
{
    switch ((enum sim_shape)instance->shape) {
    case SIM_EXPONENTIAL: return -log(uniform(sim)) * instance->answer_ms;
    case SIM_CONSTANT: break;
    case SIM_PARETO: return instance->answer_ms / 2 / sqrt(uniform(sim));
    }
    return instance->answer_ms;
}

/* When work of that length ends that comes in now. */
static int64_t end_of(struct sim *sim, struct sim_instance *instance, double ms)
{
    int64_t begins_ns = sim->now_ns, *slot = NULL;
    for (uint32_t i = 0; i < instance->slots && i < SIM_SLOTS_MAX; i++) {
        if (slot == NULL || instance->slot_free_ns[i] < *slot) {
            slot = &instance->slot_free_ns[i];
        }
    }
    if (slot != NULL && *slot > begins_ns) {
        begins_ns = *slot;
    }
    int64_t ends_ns = begins_ns + (int64_t)(ms * (double)NS_PER_MS);
    if (slot != NULL) {
        *slot = ends_ns;
    }
    return ends_ns;
}

static void give_back(struct sim *sim, struct sim_request *request)
{
    request->next = sim->spare;
    sim->spare = request;
}

static void count_wait(struct sim *sim, const struct sim_request *request, bool has_failed)
{
    double ms = (double)(sim->now_ns - request->begun_ns) / (double)NS_PER_MS;
    double at = log(fmax(ms, CLASS_FIRST_MS) / CLASS_FIRST_MS) / log(CLASS_RATIO);
    sim->classes[at < SIM_CLASSES - 1 ? (int)at : SIM_CLASSES - 1]++;
    sim->failed += has_failed;
}

static void attempt(struct sim *sim, struct sim_request *request)
{
    struct balance_ask ask = {.tried = &request->tried,
                              .rng = &sim->rng,
                              .now_ns = sim->now_ns,
                              .hash = request->hash,
                              .has_hash = true};
    struct endpoint *endpoint;
    if (sim->ask != NULL) {
        sim->ask(sim, request, &ask);
    }
    if (balance_pick(&sim->set, &ask, &endpoint) != BALANCE_PICKED) {
        sim->unpicked++;
        count_wait(sim, request, true);
        give_back(sim, request);
        return;
    }
    request->index = (uint32_t)(endpoint - sim->endpoints);
    struct sim_instance *instance = &sim->instances[request->index];
    uint32_t in_flight = endpoint_in_flight(endpoint);
    instance->in_flight_max =
        in_flight > instance->in_flight_max ? in_flight : instance->in_flight_max;
    instance->picks++;
    sim->attempts++;
    request->attempt_ns = sim->now_ns;
    request->fails = instance->fail_share > 0 && uniform(sim) <= instance->fail_share;
    double ms = request->fails ? instance->fail_ms : draw_ms(sim, instance);
    request->ends_ns = end_of(sim, instance, ms);
    push(sim, request);
}

static void arrive(struct sim *sim)
{
    struct sim_request *request = sim->spare;
    if (request != NULL) {
        sim->spare = request->next;
    } else {
        request = heap_new(sizeof *request);
        CHECK(request != NULL);
    }
    *request = (struct sim_request){.begun_ns = sim->now_ns, .hash = rng_next(&sim->chance)};
    sim->requests++;
    attempt(sim, request);
    sim->next_ns += (int64_t)(-log(uniform(sim)) / sim->requests_per_s * (double)NS_PER_SEC);
}

static void end_one(struct sim *sim)
{
    struct sim_request *request = pop(sim);
    struct sim_instance *instance = &sim->instances[request->index];
    struct endpoint *endpoint = sim->list[request->index];
    struct balance_sample sample = {.ttfb_ns = sim->now_ns - request->attempt_ns};
    if (request->fails) {
        sample.outcome = instance->failure == BALANCE_ANSWERED ? BALANCE_FAILED : instance->failure;
        instance->failures++;
    }
    endpoint_end(endpoint);
    balance_note(endpoint, &sample, sim->now_ns);
    if (sim->noted != NULL) {
        sim->noted(sim, request->index, &sample);
    }
    struct balance_tried *tried = &request->tried;
    if (request->fails && sim->again != NULL && tried->count < BALANCE_TRIED_MAX) {
        tried->at[tried->count++] = endpoint;
        if (sim->again(sim, request)) {
            attempt(sim, request);
            return;
        }
    }
    count_wait(sim, request, request->fails);
    give_back(sim, request);
}

void sim_run_s(struct sim *sim, double seconds)
{
    int64_t until_ns = sim->now_ns + (int64_t)(seconds * (double)NS_PER_SEC);
    for (;;) {
        int64_t end_ns = sim->flight_count > 0 ? sim->flights[0]->ends_ns : INT64_MAX;
        int64_t tick_ns = sim->tick != NULL ? sim->next_tick_ns : INT64_MAX;
        int64_t first_ns = end_ns < sim->next_ns ? end_ns : sim->next_ns;
        if (tick_ns <= first_ns && tick_ns <= until_ns) {
            sim->now_ns = tick_ns > sim->now_ns ? tick_ns : sim->now_ns;
            sim->next_tick_ns = sim->now_ns + (sim->tick_ns > 0 ? sim->tick_ns : NS_PER_SEC);
            sim->tick(sim);
            continue;
        }
        if (first_ns > until_ns) {
            break;
        }
        sim->now_ns = first_ns;
        if (end_ns <= sim->next_ns) {
            end_one(sim);
        } else {
            arrive(sim);
        }
    }
    sim->now_ns = until_ns;
}

void sim_reset(struct sim *sim)
{
    sim->requests = sim->attempts = sim->failed = sim->unpicked = 0;
    memset(sim->classes, 0, sizeof sim->classes);
    for (uint32_t i = 0; i < sim->count; i++) {
        struct sim_instance *instance = &sim->instances[i];
        instance->picks = instance->failures = instance->in_flight_max = 0;
    }
}

double sim_share(const struct sim *sim, uint32_t index)
{
    return sim->attempts == 0 ? 0 : (double)sim->instances[index].picks / sim->attempts;
}

double sim_quantile_ms(const struct sim *sim, double share)
{
    uint64_t total = 0, seen = 0;
    for (int i = 0; i < SIM_CLASSES; i++) {
        total += sim->classes[i];
    }
    for (int i = 0; i < SIM_CLASSES; i++) {
        seen += sim->classes[i];
        if ((double)seen >= share * (double)total) {
            return CLASS_FIRST_MS * pow(CLASS_RATIO, i + 1);
        }
    }
    return 0;
}
