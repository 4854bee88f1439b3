/* worker_test.c - a core's thread starts, says when it is drained, and ends. */
#include "proxy/worker.h"

#include "base/check.h"
#include "stats/stats.h"
#include "test.h"

static struct worker worker;
static struct stats stats;
static unsigned drained;

static void on_drained(struct loop *loop, struct mail *mail)
{
    (void)mail;
    drained++;
    loop_stop(loop);
}

TEST(a_worker_without_clients_is_drained_at_once)
{
    struct loop control;
    CHECK(loop_init(&control) == OK);
    CHECK(stats_init(&stats, 1) == OK);
    WANT_INT(worker_init(&worker, 0, 1, &control), OK);
    worker.core.stats = &stats.blocks[0];
    WANT_INT(worker_start(&worker), OK);
    worker_drain(&worker, on_drained);
    loop_run(&control);
    WANT_INT(drained, 1);
    worker_stop(&worker);
    WANT(!worker.is_started);
    worker_drop(&worker);
    stats_drop(&stats);
    loop_drop(&control);
}
