#define _GNU_SOURCE
#include "net/signals.h"

#include "test.h"

#include <signal.h>
#include <unistd.h>

static int seen[8], seen_count;

static void on_signal(struct signals *signals, int number)
{
    (void)signals;
    if (seen_count < (int)COUNT_OF(seen)) {
        seen[seen_count++] = number;
    }
}

TEST(signals_come_as_events_and_interrupt_nothing)
{
    struct loop loop;
    struct signals signals;
    signals_block();
    WANT(loop_init(&loop) == OK);
    WANT(signals_open(&signals, &loop, on_signal) == OK);
    loop_turn(&loop, 0);
    WANT(seen_count == 0);
    (void)kill(getpid(), SIGTERM);
    (void)kill(getpid(), SIGHUP);
    (void)kill(getpid(), SIGUSR1);
    loop_turn(&loop, 1000);
    WANT(seen_count == 3);
    unsigned found = 0;
    for (int i = 0; i < seen_count; i++) {
        found |= 1U << seen[i];
    }
    WANT(found == (1U << SIGTERM | 1U << SIGHUP | 1U << SIGUSR1));
    signals_close(&signals, &loop);
    signals_close(&signals, &loop);
    loop_drop(&loop);
    signals_unblock();
}
