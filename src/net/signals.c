/* signals.c - signals as events; see signals.h. */
#define _GNU_SOURCE
#include "net/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void fill_set(sigset_t *set)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
    (void)sigemptyset(set);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        (void)sigaddset(set, numbers[i]);
    }
}

void signals_block(void)
{
    sigset_t set;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    fill_set(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

void signals_unblock(void)
{
    sigset_t set;
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    fill_set(&set);
    (void)sigaction(SIGPIPE, &standard, NULL);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void on_ready(struct loop *loop, struct io *io, unsigned ready)
{
    struct signals *signals = CONTAINER_OF(io, struct signals, io);
    struct signalfd_siginfo info;
    (void)loop;
    (void)ready;
    /* on_signal may close us. */
    while (io->fd >= 0 && read(io->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        signals->on_signal(signals, (int)info.ssi_signo);
    }
}

enum err signals_open(struct signals *signals, struct loop *loop, signals_fn *on_signal)
{
    sigset_t set;
    fill_set(&set);
    *signals = (struct signals){.io = {.on_ready = on_ready, .fd = -1}, .on_signal = on_signal};
    signals->io.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals->io.fd < 0) {
        return ERR_SYSTEM;
    }
    enum err e = loop_watch_level(loop, &signals->io);
    if (e != OK) {
        loop_close(loop, &signals->io);
    }
    return e;
}

void signals_close(struct signals *signals, struct loop *loop)
{
    if (signals->on_signal != NULL) { /* else it was never opened: descriptor 0 is not its own */
        loop_close(loop, &signals->io);
    }
}
