#include "observe/process.h"
#include "base/check.h"
#include "test.h"

#include <unistd.h>

TEST(the_process_is_measured)
{
    struct stats stats;
    CHECK(stats_init(&stats, 1) == OK);
    process_collect(&stats.blocks[0]);
    uint64_t fds = stats_read(&stats, CELL_process_fds);
    WANT(fds >= 1 && fds < stats_read(&stats, CELL_process_fds_max));
    WANT(stats_read(&stats, CELL_process_resident) > 100000);
    int more[2];
    CHECK(pipe(more) == 0);
    volatile uint64_t work = 0;
    for (int i = 0; i < 20000000; i++) {
        work += (uint64_t)i;
    }
    WANT(work > 0);
    uint64_t cpu = stats_read(&stats, CELL_process_cpu);
    process_collect(&stats.blocks[0]);
    WANT_INT(stats_read(&stats, CELL_process_fds), fds + 2);
    WANT(stats_read(&stats, CELL_process_cpu) > cpu);
    (void)close(more[0]);
    (void)close(more[1]);
    stats_drop(&stats);
}
