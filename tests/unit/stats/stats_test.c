#include "base/limits.h"
#include "stats/stats.h"
#include "test.h"

#include <pthread.h>

TEST(blocks_are_summed_and_gauges_may_go_below_zero_in_one_of_them)
{
    struct stats stats;
    CHECK(stats_init(&stats, 3) == OK);
    stats_add(&stats.blocks[0], CELL_requests_in_flight, 5);
    stats_sub(&stats.blocks[1], CELL_requests_in_flight, 3);
    stats_set(&stats.blocks[2], CELL_config_generation, 7);
    WANT_INT(stats_read(&stats, CELL_requests_in_flight), 2);
    WANT_INT(stats_read(&stats, CELL_config_generation), 7);
    WANT_INT(stats_read(&stats, LIMIT_VALUE(metric_cells) - 1), 0);
    stats_drop(&stats);
    stats_drop(&stats);
}

TEST(a_time_is_one_more_in_its_bucket_and_adds_to_the_sum)
{
    struct stats stats;
    CHECK(stats_init(&stats, 1) == OK);
    stats_observe(&stats.blocks[0], CELL_queue_wait, 1000);
    stats_observe(&stats.blocks[0], CELL_queue_wait, -5);
    WANT_INT(stats_read(&stats, CELL_queue_wait + histogram_bucket(1000)), 1);
    WANT_INT(stats_read(&stats, CELL_queue_wait), 1);
    WANT_INT(stats_read(&stats, CELL_queue_wait + HISTOGRAM_SUM), 1000);
    stats_clear(&stats, CELL_queue_wait, HISTOGRAM_CELLS);
    WANT_INT(stats_read(&stats, CELL_queue_wait + HISTOGRAM_SUM), 0);
    stats_drop(&stats);
}

enum { WRITERS = 4, ROUNDS = 200000 };

static void *count_up(void *block)
{
    for (int i = 0; i < ROUNDS; i++) {
        stats_add(block, CELL_reloads, 1);
    }
    return NULL;
}

TEST(no_count_is_lost_and_a_reader_never_sees_a_sum_fall)
{
    struct stats stats;
    pthread_t threads[WRITERS];
    CHECK(stats_init(&stats, WRITERS) == OK);
    for (int i = 0; i < WRITERS; i++) {
        CHECK(pthread_create(&threads[i], NULL, count_up, &stats.blocks[i]) == 0);
    }
    uint64_t seen = 0;
    bool has_fallen = false;
    for (int i = 0; i < 10000; i++) {
        uint64_t now = stats_read(&stats, CELL_reloads);
        has_fallen = has_fallen || now < seen;
        seen = now;
    }
    for (int i = 0; i < WRITERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    WANT(!has_fallen);
    WANT_INT(stats_read(&stats, CELL_reloads), WRITERS * ROUNDS);
    stats_drop(&stats);
}
