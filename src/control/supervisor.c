/* supervisor.c - keeps a data process running and its listening sockets open; see supervisor.h.
 * One poll(2) over signals and the pair to the child; every state is in struct supervisor. The
 * child asks for sockets by name and gets the same ones in each of its lives, so what waits in
 * their queues when it dies is served by the next. */
#define _GNU_SOURCE
#include "control/supervisor.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "control/lastgood.h"
#include "net/handover.h"
#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELD_MAX = LIMIT_VALUE(listen_sockets), RECORDS_PER_TURN = 64 };

/* A listening socket; is_claimed: the child that runs now asked for it. */
struct held {
    struct addr addr;
    uint16_t index;
    bool is_claimed;
    int fd;
};

struct supervisor {
    struct supervisor_conf conf;
    int binary_fd; /* O_PATH: the inode that we run */
    int signal_fd;
    int pair_fd; /* -1: no child, or it closed its end */
    int lastgood_fd, overrides_fd; /* of all children: see lastgood.h; -1: none */
    sigset_t mask_before;
    pid_t child;         /* 0: none runs */
    bool is_ready;       /* this child said so */
    bool was_ever_ready; /* a child did */
    bool is_stopping, is_done;
    int exit_code;
    int64_t ready_at_ms, start_at_ms, kill_at_ms; /* start_at, kill_at: 0 is never */
    uint32_t failures;                            /* deaths in a row */
    uint32_t restarts_total;
    uint32_t held_count;
    struct held held[HELD_MAX];
};

static const int passed_on[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

static int64_t now_ms(void)
{
    return clock_mono_ns() / NS_PER_MS;
}

static void finish(struct supervisor *s, int exit_code)
{
    s->is_done = true;
    s->exit_code = exit_code;
}

static void held_remove(struct supervisor *s, uint32_t at)
{
    socket_close(&s->held[at].fd);
    s->held[at] = s->held[--s->held_count];
}

/* The place of a held socket, or held_count. */
static uint32_t held_find(const struct supervisor *s, const struct addr *addr, uint16_t index)
{
    for (uint32_t i = 0; i < s->held_count; i++) {
        if (s->held[i].index == index && addr_eq(&s->held[i].addr, addr)) {
            return i;
        }
    }
    return s->held_count;
}

static enum err held_bind(struct supervisor *s, const struct addr *addr, uint16_t index)
{
    struct held *held = &s->held[s->held_count];
    if (s->held_count == HELD_MAX || index > HANDOVER_INDEX_MAX) {
        return ERR_LIMIT;
    }
    if (addr->family != ADDR_V4 && addr->family != ADDR_V6) {
        return ERR_SYSTEM;
    }
    if (index == 0) {
        TRY(socket_listen_probe(addr));
    }
    *held = (struct held){.addr = *addr, .index = index};
    TRY(socket_listen(addr, SOCKET_BACKLOG, true, &held->fd));
    s->held_count++;
    return OK;
}

static uint8_t status_of(enum err e)
{
    static const uint8_t table[ERR_COUNT] = {
        [OK] = HANDOVER_OK,
        [ERR_ADDRESS_IN_USE] = HANDOVER_IN_USE,
        [ERR_ADDRESS_ABSENT] = HANDOVER_ABSENT,
        [ERR_NOT_PERMITTED] = HANDOVER_NOT_PERMITTED,
        [ERR_LIMIT] = HANDOVER_LIMIT,
        [ERR_SYSTEM] = HANDOVER_FAILED,
    };
    CHECK(e == OK || table[e] != HANDOVER_OK);
    return table[e];
}

static void on_listen(struct supervisor *s, const struct handover_record *asked,
                      const struct addr *addr)
{
    enum err e = OK;
    struct handover_record answer = *asked;
    uint32_t at = held_find(s, addr, asked->index);
    if (at == s->held_count) {
        e = held_bind(s, addr, asked->index);
    }
    if (e == OK) {
        s->held[at].is_claimed = true;
    }
    answer.bytes = sizeof answer;
    answer.kind = HANDOVER_ANSWER;
    answer.status = status_of(e);
    e = handover_put(s->pair_fd, &answer, e == OK ? s->held[at].fd : -1);
    if (e != OK) {
        log_line(LOG_WARN, "control", "the data process did not take a socket: %s", err_text(e));
    }
}

static void on_ready(struct supervisor *s)
{
    uint32_t before = s->held_count;
    for (uint32_t i = s->held_count; i-- > 0;) {
        if (!s->held[i].is_claimed) {
            held_remove(s, i);
        }
    }
    if (s->held_count < before) {
        log_line(LOG_INFO, "control", "closed %u listening sockets that are not served any more",
                 before - s->held_count);
    }
    s->is_ready = true;
    s->was_ever_ready = true;
    s->ready_at_ms = now_ms();
}

static void on_record(struct supervisor *s, const struct handover_record *record)
{
    struct addr addr = {.family = record->family, .port = record->port};
    memcpy(addr.ip, record->ip, sizeof addr.ip);
    if (record->kind == HANDOVER_LISTEN) {
        on_listen(s, record, &addr);
    } else if (record->kind == HANDOVER_READY) {
        on_ready(s);
    } else if (record->kind == HANDOVER_RELEASE) {
        uint32_t at = held_find(s, &addr, record->index);
        if (at < s->held_count) {
            held_remove(s, at);
        }
    }
}

/* Answers the child; bounded, so that signals are seen whatever it does. */
static void serve_child(struct supervisor *s)
{
    enum err e = OK;
    for (int i = 0; i < RECORDS_PER_TURN && s->pair_fd >= 0 && e != ERR_AGAIN; i++) {
        struct handover_record record;
        int passed_fd;
        e = handover_get(s->pair_fd, &record, &passed_fd);
        socket_close(&passed_fd); /* the child has nothing to give */
        if (e == OK) {
            on_record(s, &record);
        } else if (e == ERR_SYNTAX) {
            log_line(LOG_ERROR, "control", "the data process sent a record of another version");
        } else if (e != ERR_AGAIN) {
            socket_close(&s->pair_fd);
        }
    }
}

static bool tell_number(const char *name, uint64_t value)
{
    char room[32];
    struct strbuf number = strbuf_over(room, sizeof room - 1);
    strbuf_add_u64(&number, value);
    room[number.len] = '\0';
    return setenv(name, room, 1) == 0;
}

/* Between fork and exec. */
NO_RETURN static void become_child(struct supervisor *s, int pair_fd)
{
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    bool is_set = tell_number(HANDOVER_ENV_FD, (uint64_t)pair_fd) &&
                  tell_number(HANDOVER_ENV_RESTARTS, s->restarts_total);
    if (s->lastgood_fd >= 0 && fcntl(s->lastgood_fd, F_SETFD, 0) == 0) {
        is_set = is_set && tell_number(LASTGOOD_ENV_FD, (uint64_t)s->lastgood_fd);
    }
    if (s->overrides_fd >= 0 && fcntl(s->overrides_fd, F_SETFD, 0) == 0) {
        is_set = is_set && tell_number(OVERRIDES_ENV_FD, (uint64_t)s->overrides_fd);
    }
    (void)sigaction(SIGPIPE, &standard, NULL);
    (void)sigprocmask(SIG_SETMASK, &s->mask_before, NULL);
    if (is_set && fcntl(pair_fd, F_SETFD, 0) == 0) {
        (void)fexecve(s->binary_fd, s->conf.argv, environ);
    }
    log_line(LOG_ERROR, "control", "the data process could not be started: %s", strerror(errno));
    _exit(EXIT_FAILURE);
}

static void schedule_start(struct supervisor *s)
{
    int64_t wait_ms = 0;
    if (s->failures > 1) {
        wait_ms = s->conf.restart_ms_min;
        for (uint32_t i = 2; i < s->failures && wait_ms < s->conf.restart_ms_max; i++) {
            wait_ms *= 2;
        }
        wait_ms = wait_ms < s->conf.restart_ms_max ? wait_ms : s->conf.restart_ms_max;
    }
    s->start_at_ms = now_ms() + wait_ms;
    log_line(LOG_WARN, "control", "starting another data process in %lld ms; %u sockets stay open",
             (long long)wait_ms, s->held_count);
}

static void start_child(struct supervisor *s)
{
    int pair[2];
    s->start_at_ms = 0;
    s->is_ready = false;
    pid_t pid = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
        pid = fork();
        if (pid == 0) {
            become_child(s, pair[1]);
        }
        (void)close(pair[1]);
        if (pid < 0) {
            (void)close(pair[0]);
        }
    }
    if (pid < 0) {
        log_line(LOG_ERROR, "control", "no data process can be made: %s", strerror(errno));
        s->failures++;
        schedule_start(s);
        return;
    }
    s->child = pid;
    s->pair_fd = pair[0];
    (void)fcntl(s->pair_fd, F_SETFL, O_NONBLOCK);
}

static void log_death(pid_t pid, int status)
{
    if (WIFSIGNALED(status)) {
        const char *core = WCOREDUMP(status) ? ", core dumped" : "";
        log_line(LOG_ERROR, "control", "data process %d was killed by signal %d (%s%s)", (int)pid,
                 WTERMSIG(status), strsignal(WTERMSIG(status)), core);
    } else {
        int code = WEXITSTATUS(status);
        log_line(code == 0 ? LOG_INFO : LOG_ERROR, "control", "data process %d exited with code %d",
                 (int)pid, code);
    }
}

static void on_death(struct supervisor *s, int status)
{
    /* What it said last still counts: it may have been ready for a moment. */
    serve_child(s);
    socket_close(&s->pair_fd);
    log_death(s->child, status);
    s->child = 0;
    for (uint32_t i = 0; i < s->held_count; i++) {
        s->held[i].is_claimed = false;
    }
    bool is_exit = WIFEXITED(status);
    if (s->is_stopping) {
        finish(s, is_exit ? WEXITSTATUS(status) : EXIT_FAILURE);
    } else if (is_exit && (WEXITSTATUS(status) == 0 || !s->was_ever_ready)) {
        finish(s, WEXITSTATUS(status));
    } else {
        bool was_steady = s->is_ready && now_ms() - s->ready_at_ms >= s->conf.steady_ms;
        s->failures = was_steady ? 1 : s->failures + 1;
        s->restarts_total++;
        schedule_start(s);
    }
}

/* As process 1 of a container we inherit orphans, and reap them too. */
static void reap(struct supervisor *s)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == s->child) {
            on_death(s, status);
        }
    }
}

static void on_signal(struct supervisor *s, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;
    if (number == SIGCHLD) {
        return; /* reap runs each turn */
    }
    /* Ctrl-C goes to the whole foreground group: the child has it already, and must not take it
     * for a second one. */
    bool is_from_terminal = info->ssi_code == SI_KERNEL;
    if (s->child > 0 && !is_from_terminal) {
        (void)kill(s->child, number);
    }
    if (number != SIGTERM && number != SIGINT) {
        return;
    }
    if (s->child == 0) {
        finish(s, 0);
    }
    if (!s->is_stopping && s->conf.stop_wait_ms > 0) {
        s->kill_at_ms = now_ms() + s->conf.stop_wait_ms;
    }
    s->is_stopping = true;
}

static void read_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        on_signal(s, &info);
    }
}

static int turn_wait_ms(const struct supervisor *s)
{
    int64_t at_ms = s->start_at_ms;
    if (s->kill_at_ms != 0 && (at_ms == 0 || s->kill_at_ms < at_ms)) {
        at_ms = s->kill_at_ms;
    }
    if (at_ms == 0) {
        return -1;
    }
    int64_t left_ms = at_ms - now_ms();
    return left_ms < 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

static void turn(struct supervisor *s)
{
    struct pollfd polled[] = {{.fd = s->signal_fd, .events = POLLIN},
                              {.fd = s->pair_fd, .events = POLLIN}};
    int ready = poll(polled, COUNT_OF(polled), turn_wait_ms(s));
    CHECK(ready >= 0 || errno == EINTR || errno == ENOMEM);
    read_signals(s);
    serve_child(s);
    reap(s);
    if (s->kill_at_ms != 0 && s->child > 0 && now_ms() >= s->kill_at_ms) {
        log_line(LOG_ERROR, "control", "data process %d did not stop in time", (int)s->child);
        (void)kill(s->child, SIGKILL);
        s->kill_at_ms = 0;
    }
    if (s->start_at_ms != 0 && !s->is_done && now_ms() >= s->start_at_ms) {
        start_child(s);
    }
}

static enum err supervisor_open(struct supervisor *s)
{
    sigset_t set;
    const struct sigaction standard = {.sa_handler = SIG_DFL}, ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&set);
    for (size_t i = 0; i < COUNT_OF(passed_on); i++) {
        (void)sigaddset(&set, passed_on[i]);
    }
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, &s->mask_before);
    /* Whoever started us may have ignored it, and waitpid would never see a death. */
    (void)sigaction(SIGCHLD, &standard, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    s->binary_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    s->lastgood_fd = lastgood_create();
    s->overrides_fd = lastgood_create();
    if (s->lastgood_fd < 0 || s->overrides_fd < 0) {
        log_line(LOG_WARN, "control", "a crash would lose a configuration that is not on disk: %s",
                 strerror(errno));
    }
    return s->signal_fd < 0 || s->binary_fd < 0 ? ERR_SYSTEM : OK;
}

static void supervisor_close(struct supervisor *s)
{
    while (s->held_count > 0) {
        held_remove(s, s->held_count - 1);
    }
    socket_close(&s->pair_fd);
    socket_close(&s->signal_fd);
    socket_close(&s->binary_fd);
    socket_close(&s->lastgood_fd);
    socket_close(&s->overrides_fd);
    /* What was passed on has done its work, a repeated one included: from here to the exit none may
     * end this process in place of its exit code. Ignoring drops those that are pending. */
    for (size_t i = 0; i < COUNT_OF(passed_on); i++) {
        const struct sigaction ignore = {.sa_handler = SIG_IGN};
        (void)sigaction(passed_on[i], &ignore, NULL);
    }
    (void)sigprocmask(SIG_SETMASK, &s->mask_before, NULL);
}

int supervisor_run(const struct supervisor_conf *conf)
{
    struct supervisor s = {
        .conf = *conf, .binary_fd = -1, .signal_fd = -1, .pair_fd = -1, .lastgood_fd = -1,
        .overrides_fd = -1};
    s.conf.restart_ms_min = conf->restart_ms_min > 0 ? conf->restart_ms_min : 100;
    s.conf.restart_ms_max = conf->restart_ms_max > 0 ? conf->restart_ms_max : 5000;
    s.conf.steady_ms = conf->steady_ms > 0 ? conf->steady_ms : 10000;
    if (supervisor_open(&s) != OK) {
        log_line(LOG_ERROR, "control", "the supervisor cannot start: %s", strerror(errno));
        finish(&s, EXIT_FAILURE);
    } else {
        start_child(&s);
    }
    while (!s.is_done) {
        turn(&s);
    }
    supervisor_close(&s);
    return s.exit_code;
}
