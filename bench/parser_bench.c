/* parser_bench.c - what a head costs: parses, judges and writes one browser-like request of 414
 * bytes again and again. Meant for counting instructions: the slope of two run lengths is the cost
 * of one head, without start-up:
 *   valgrind --tool=callgrind build/bench/parser_bench parse avx2 1000
 * usage: parser_bench parse|judge|forward|write scalar|sse4.2|avx2 COUNT */
#include "base/check.h"
#include "base/limits.h"
#include "http/forwarded.h"
#include "http/h1/parser.h"
#include "http/h1/scan.h"
#include "http/h1/writer.h"
#include "http/judge.h"

#include <stdio.h>
#include <time.h>

enum { STAGE_PARSE, STAGE_JUDGE, STAGE_FORWARD, STAGE_WRITE };

static const char request[] =
    "GET /api/v1/orders/12345?expand=items HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Referer: https://www.example.com/start\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef0123\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: max-age=0\r\n"
    "\r\n";

static const struct h1_limits limits = {.head_bytes_max = LIMIT_VALUE_head_bytes,
                                        .field_count_max = LIMIT_VALUE_field_count,
                                        .target_bytes_max = LIMIT_VALUE_target_bytes};
static const struct judge_rules rules = {.default_port = 80};

struct bench {
    struct arena arena;
    struct head head;
    struct field room[32];
    char memory[4096] __attribute__((aligned(8)));
    char wire[4096];
    size_t written;
};

static enum err run_one(struct bench *bench, const struct scan *scan, int stage)
{
    struct h1_parser parser;
    h1_parser_init(&parser, H1_REQUEST, &bench->head, &bench->arena, &limits);
    parser.scan = scan;
    TRY(h1_parse(&parser, str_of(request, sizeof request - 1)));
    if (stage >= STAGE_JUDGE) {
        TRY(judge_request(&bench->head, &bench->arena, &rules));
    }
    if (stage >= STAGE_FORWARD) {
        const struct addr peer = {.family = ADDR_V4, .ip = {127, 0, 0, 1}};
        const struct forwarded_rules forwarding = {0};
        struct forwarded forwarded;
        forwarded_read(&bench->head, &forwarding, &peer, false, &forwarded);
        TRY(forwarded_write(&bench->head, &bench->arena, &forwarding, &peer, &forwarded, 80));
    }
    if (stage >= STAGE_WRITE) {
        struct strbuf out = strbuf_over(bench->wire, sizeof bench->wire);
        const struct head *head = &bench->head;
        const struct h1_wire wire = {.body = head->body};
        h1_write_request(&out, head, head->method_text, head->path, head->query, head->has_query,
                         head->authority, &wire);
        bench->written = out.len;
    }
    return OK;
}

int main(int count, char **args)
{
    static struct bench bench;
    uint64_t rounds;
    if (count < 4 || !str_to_u64(str_from_c(args[3]), &rounds)) {
        printf("usage: parser_bench parse|judge|forward|write scalar|sse4.2|avx2 COUNT\n");
        return 2;
    }
    int stage = args[1][0] == 'p'   ? STAGE_PARSE
                : args[1][0] == 'j' ? STAGE_JUDGE
                : args[1][0] == 'f' ? STAGE_FORWARD
                                    : STAGE_WRITE;
    enum scan_path path = args[2][0] == 'a'   ? SCAN_AVX2
                          : args[2][1] == 's' ? SCAN_SSE42
                                              : SCAN_SCALAR;
    const struct scan *scan = scan_on(path);
    CHECK(scan != NULL);
    arena_init_slab(&bench.arena, bench.memory, sizeof bench.memory, NULL, NULL, 1 << 16);
    bench.head.fields = (struct fields){.at = bench.room, .cap = COUNT_OF(bench.room)};
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (uint64_t i = 0; i < rounds; i++) {
        CHECK(run_one(&bench, scan, stage) == OK);
        arena_reset(&bench.arena);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    int64_t ns = (end.tv_sec - start.tv_sec) * 1000000000 + (end.tv_nsec - start.tv_nsec);
    printf("%s %s: %zu bytes in, %zu out, %.1f ns\n", args[1], scan->name, sizeof request - 1,
           bench.written, (double)ns / (double)rounds);
    return 0;
}
