#include "upstream/tally.h"
#include "upstream/origin.h"

#include "test.h"

#include <stdlib.h>

enum { CORES = 3 };

static struct origin *origin_new(void)
{
    size_t bytes = sizeof(struct origin) + CORES * sizeof(struct pool);
    struct origin *origin = aligned_alloc(CACHE_LINE_BYTES, bytes);
    WANT(origin != NULL);
    memset(origin, 0, bytes);
    return origin;
}

TEST(statuses_say_who_is_to_blame)
{
    static const struct {
        uint32_t status;
        enum tally_outcome outcome;
    } rows[] = {
        {0, TALLY_FAILED_LOCAL},   {200, TALLY_ANSWERED},       {304, TALLY_ANSWERED},
        {404, TALLY_ANSWERED},     {429, TALLY_OVERLOADED},     {499, TALLY_ANSWERED},
        {500, TALLY_FAILED_SERVER}, {501, TALLY_ANSWERED},      {502, TALLY_FAILED_GATEWAY},
        {503, TALLY_FAILED_GATEWAY}, {504, TALLY_FAILED_GATEWAY}, {505, TALLY_ANSWERED},
        {507, TALLY_FAILED_SERVER}, {999, TALLY_FAILED_SERVER},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        WANT_INT(tally_of_status(rows[i].status), rows[i].outcome);
    }
}

TEST(logarithms_grow_by_one_with_each_doubling_and_never_fall)
{
    WANT_INT(tally_log(0), 0);
    WANT_INT(tally_log(-5), 0);
    WANT_INT(tally_log(1024), 0);
    WANT_INT(tally_log(2048), TALLY_LOG_ONE);
    WANT_INT(tally_log(3072), TALLY_LOG_ONE + TALLY_LOG_ONE / 2);
    WANT_INT(tally_log(1024LL << 20), 20 * TALLY_LOG_ONE);
    WANT_INT(tally_log(INT64_MAX), 53 * TALLY_LOG_ONE - 1);
    uint32_t before = 0;
    for (int64_t ns = 1; ns < 1LL << 40; ns += ns / 7 + 1) {
        WANT(tally_log(ns) >= before);
        before = tally_log(ns);
    }
}

TEST(what_all_cores_count_is_added_up)
{
    struct origin *origin = origin_new();
    tally_note(&origin->pools[0].tally, TALLY_ANSWERED, 2048);
    tally_note(&origin->pools[1].tally, TALLY_FAILED_SERVER, 4096);
    tally_note(&origin->pools[1].tally, TALLY_FAILED_GATEWAY, 4096);
    tally_note(&origin->pools[2].tally, TALLY_FAILED_LOCAL, 1LL << 40);
    tally_note(&origin->pools[2].tally, TALLY_OVERLOADED, 1024);
    struct tally_sum sum = tally_read(origin, CORES);
    WANT_INT(tally_answers(&sum), 4);
    WANT_INT(tally_failures(&sum), 3);
    WANT_INT(sum.failures_in_row, 3);
    WANT_INT(sum.ttfb_log_sum, 5 * TALLY_LOG_ONE);
    free(origin);
}

TEST(an_answer_ends_a_row_of_failures_and_a_plea_for_less_does_not)
{
    struct tally tally = {0};
    tally_note(&tally, TALLY_FAILED_LOCAL, 0);
    tally_note(&tally, TALLY_OVERLOADED, 0);
    tally_note(&tally, TALLY_FAILED_SERVER, 0);
    WANT_INT(tally.failures_in_row, 2);
    tally_note(&tally, TALLY_ANSWERED, 0);
    WANT_INT(tally.failures_in_row, 0);
}
