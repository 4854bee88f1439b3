/* route_bench.c - what a match costs with few and with many routes.
 *
 *     route_bench                          compiles 10, 1,000, 10,000 and 100,000 routes of every
 *                                          shape; prints ms to compile and ns for a match
 *     route_bench SHAPE ROUTES MATCHES     one of them, for counting instructions:
 *         valgrind --tool=callgrind --toggle-collect=run_matches ./route_bench paths 10000 100000
 *
 * A shape is one way in which route files grow. Requests are drawn over all routes, so that with
 * many of them the caches are as cold as they would be. */
#include "base/clock.h"
#include "base/rng.h"
#include "route/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS = 4096, TEXT_BYTES = 96 };

struct shape {
    const char *name, *host, *rule_path, *request_path; /* "%u": the number of the route */
    enum route_path_kind kind;
    bool has_params;
    bool has_header; /* "X-Tenant: t%u" tells the routes apart */
};

static const struct shape shapes[] = {
    {"hosts", "h%u.example.com", "/", "/orders/7/items", ROUTE_PATH_PREFIX, false, false},
    {"paths", "api.example.com", "/v1/service-%u", "/v1/service-%u/orders/7", ROUTE_PATH_PREFIX,
     false, false},
    {"exact", "api.example.com", "/v1/page-%u.html", "/v1/page-%u.html", ROUTE_PATH_EXACT, false,
     false},
    {"params", "api.example.com", "/v1/service-%u/orders/{id}/items",
     "/v1/service-%u/orders/7/items", ROUTE_PATH_EXACT, true, false},
    {"wildcard", "*.t%u.example.com", "/api", "/api/orders", ROUTE_PATH_PREFIX, false, false},
    {"header", "api.example.com", "/api", "/api/orders", ROUTE_PATH_PREFIX, false, true},
};

struct bench {
    struct arena arena;
    const struct shape *shape;
    struct router *router;
    struct route_scratch *scratch;
    struct route_input inputs[REQUESTS];
    struct fields no_fields;
    int64_t compile_ns;
};

static void *must(void *memory)
{
    if (memory == NULL) {
        (void)fprintf(stderr, "route_bench: no memory\n");
        exit(1);
    }
    return memory;
}

static struct str text_of(struct bench *bench, const char *format, uint32_t number)
{
    char *at = must(arena_alloc(&bench->arena, TEXT_BYTES));
    struct strbuf out = strbuf_over(at, TEXT_BYTES);
    struct str rest = str_from_c(format);
    size_t mark = str_find(rest, '%');
    strbuf_add(&out, str_sub(rest, 0, mark));
    if (mark < rest.len) {
        strbuf_add_u64(&out, number);
        strbuf_add(&out, str_skip(rest, mark + 2));
    }
    return strbuf_str(&out);
}

static void make_rule(struct bench *bench, struct route_rule *rule, uint32_t number)
{
    struct route_cond *cond = must(ARENA_NEW(&bench->arena, struct route_cond));
    struct route_host *host = must(ARENA_NEW(&bench->arena, struct route_host));
    host->name = text_of(bench, bench->shape->host, number);
    host->is_wildcard = str_starts(host->name, STR("*."));
    host->name = str_skip(host->name, host->is_wildcard ? 2 : 0);
    cond->hosts = host;
    cond->host_count = 1;
    cond->path.text = text_of(bench, bench->shape->rule_path, number);
    cond->path.kind = (uint8_t)bench->shape->kind;
    cond->path.has_params = bench->shape->has_params;
    if (bench->shape->has_header) {
        struct route_test *test = must(ARENA_NEW(&bench->arena, struct route_test));
        struct str *value = must(ARENA_NEW(&bench->arena, struct str));
        *value = text_of(bench, "t%u", number);
        *test = (struct route_test){
            .name = STR("X-Tenant"), .values = value, .value_count = 1, .kind = ROUTE_TEST_EQUALS};
        cond->headers = (struct route_tests){test, 1};
    }
    *rule = (struct route_rule){.matches = cond, .match_count = 1, .index = number};
}

static void make_input(struct bench *bench, struct route_input *input, uint32_t number)
{
    struct str host = text_of(bench, bench->shape->host, number);
    *input = (struct route_input){
        .host = str_starts(host, STR("*.")) ? str_skip(host, 2) : host,
        .path = text_of(bench, bench->shape->request_path, number),
        .method_text = STR("GET"),
        .method = METHOD_GET,
        .fields = &bench->no_fields,
    };
    if (bench->shape->has_header) {
        struct fields *fields = must(ARENA_NEW(&bench->arena, struct fields));
        if (fields_add(fields, &bench->arena, STR("X-Tenant"), text_of(bench, "t%u", number)) !=
            OK) {
            (void)must(NULL);
        }
        input->fields = fields;
    }
    if (host.at[0] == '*') {
        char *at = must(arena_alloc(&bench->arena, TEXT_BYTES));
        struct strbuf out = strbuf_over(at, TEXT_BYTES);
        strbuf_add(&out, STR("shop."));
        strbuf_add(&out, input->host);
        input->host = strbuf_str(&out);
    }
}

static void bench_open(struct bench *bench, const struct shape *shape, uint32_t rule_count)
{
    struct rng rng;
    *bench = (struct bench){.shape = shape};
    arena_init_heap(&bench->arena, (size_t)4 << 30);
    struct route_rule *rules = must(ARENA_ARRAY(&bench->arena, rule_count, struct route_rule));
    for (uint32_t i = 0; i < rule_count; i++) {
        make_rule(bench, &rules[i], i);
    }
    const struct router_conf conf = {.rules = rules, .rule_count = rule_count};
    int64_t begun_ns = clock_mono_ns();
    if (router_new(&bench->arena, &conf, &bench->router) != OK ||
        route_scratch_new(&bench->arena, &bench->scratch) != OK) {
        (void)must(NULL);
    }
    bench->compile_ns = clock_mono_ns() - begun_ns;
    rng_init(&rng, 1);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        make_input(bench, &bench->inputs[i], rng_below(&rng, rule_count));
    }
}

static void bench_close(struct bench *bench)
{
    router_drop(bench->router);
    route_scratch_drop(bench->scratch);
    arena_reset(&bench->arena);
}

/* Not inlined: callgrind counts what happens below it. */
__attribute__((noinline)) uint64_t run_matches(struct bench *bench, uint32_t count);
uint64_t run_matches(struct bench *bench, uint32_t count)
{
    uint64_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct route_match match;
        found +=
            router_match(bench->router, &bench->inputs[i % REQUESTS], bench->scratch, &match) == OK;
    }
    return found;
}

static void measure(const struct shape *shape, uint32_t rule_count, uint32_t match_count)
{
    static struct bench bench;
    bench_open(&bench, shape, rule_count);
    (void)run_matches(&bench, REQUESTS);
    int64_t begun_ns = clock_mono_ns();
    uint64_t found = run_matches(&bench, match_count);
    int64_t ns = clock_mono_ns() - begun_ns;
    printf("%-8s %7u routes %9.1f ms to compile %8.1f ns a match%s\n", shape->name, rule_count,
           (double)bench.compile_ns / 1e6, (double)ns / match_count,
           found == match_count ? "" : "  MISSED SOME");
    bench_close(&bench);
}

int main(int argc, char **argv)
{
    static const uint32_t counts[] = {10, 1000, 10000, 100000};
    uint64_t rule_count = 0, match_count = 0;
    bool is_one = argc == 4 && str_to_u64(str_from_c(argv[2]), &rule_count) &&
                  str_to_u64(str_from_c(argv[3]), &match_count);
    if (argc != 1 && !is_one) {
        (void)fprintf(stderr, "usage: route_bench [SHAPE ROUTES MATCHES]\n");
        return 2;
    }
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        for (size_t j = 0; j < COUNT_OF(counts) && !is_one; j++) {
            measure(&shapes[i], counts[j], 1000000);
        }
        if (is_one && strcmp(argv[1], shapes[i].name) == 0) {
            measure(&shapes[i], (uint32_t)rule_count, (uint32_t)match_count);
        }
    }
    return 0;
}
