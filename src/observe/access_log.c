/* access_log.c - lines from the cores to a file, by way of a ring for each core and one writer
 * thread; see access_log.h.
 * The writer sleeps between rounds instead of being woken for each line: 50 ms while lines come,
 * a second when none came for a while. A core wakes it when its ring becomes half full, and with
 * its first line after a pause that is long enough for the writer to sleep deeply.
 * Bytes are taken from one ring until the batch that was found there is written, so lines of two
 * cores never mix, even when a full disk cuts a write short in the middle of one. */
#define _GNU_SOURCE
#include "observe/access_log.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/region.h"
#include "base/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUND_MS = 50,      /* between rounds while lines come */
    SLEEP_MS = 1000,    /* between rounds when none came for AWAKE_MS */
    AWAKE_MS = 2000,    /* longer than a core's pause that makes it wake the writer */
    PAUSE_US = 1000000, /* a core wakes the writer with the first line after such a pause */
    RETRY_MS = 1000,    /* after a failed write or open */
    RETRY_CLOSING_MS = 20,
    PATIENCE_MS = 200 /* for a writer that is told to stop and has nothing left to wait for */
};

struct access_ring {
    struct ring ring;
    struct access_clock clock;
    char *line; /* ACCESS_LINE_BYTES_MAX */
    int64_t latest_us;
    uint64_t dropped; /* not yet told in the log */
    bool is_half_told;
    int wake_fd;
};

/* What the writer is told, and says; under `lock`. */
struct orders {
    int64_t stop_by_ns; /* 0: go on */
    bool is_reopen_due;
    bool has_stopped;
};

struct access_log {
    struct access_conf conf;
    char path[PATH_MAX]; /* what conf.path points to */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    struct orders orders;
    int wake_fd;
    /* The writer's own. */
    int fd; /* -1 while there is none */
    bool is_regular, has_failed, is_torn;
    uint32_t current;  /* the ring whose batch is being written */
    size_t batch_left; /* bytes of it */
    uint64_t lost;     /* lines */
    int64_t latest_ns; /* when it last wrote something */
    struct access_ring *rings;
};

enum drain { DRAIN_DONE, DRAIN_BLOCKED, DRAIN_FAILED };

static void wake(int wake_fd)
{
    uint64_t one = 1;
    ssize_t written = write(wake_fd, &one, sizeof one);
    (void)written; /* a counter that is full has woken the writer already */
}

static uint64_t count_lines(struct str bytes)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        lines += bytes.at[i] == '\n';
    }
    return lines;
}

/* The core's side. */

static bool put_line(struct access_ring *ring, const struct strbuf *line)
{
    CHECK(!strbuf_overflowed(line));
    return ring_put(&ring->ring, strbuf_str(line));
}

static void wake_when_due(struct access_ring *ring, int64_t wall_us)
{
    bool is_half = ring_used(&ring->ring) >= ring->ring.bytes / 2;
    bool is_pause_over = wall_us - ring->latest_us > PAUSE_US;
    ring->latest_us = wall_us;
    if ((is_half && !ring->is_half_told) || is_pause_over) {
        wake(ring->wake_fd);
    }
    ring->is_half_told = is_half;
}

void access_log_write(struct access_ring *ring, const struct access_record *record,
                      struct stats_block *block)
{
    if (ring == NULL) {
        return;
    }
    struct strbuf line = strbuf_over(ring->line, ACCESS_LINE_BYTES_MAX);
    if (UNLIKELY(ring->dropped > 0)) {
        access_line_add_dropped(&line, record->wall_us, ring->dropped, &ring->clock);
        ring->dropped = put_line(ring, &line) ? 0 : ring->dropped;
        line.len = 0;
    }
    access_line_add(&line, record, &ring->clock);
    if (UNLIKELY(ring->dropped > 0 || !put_line(ring, &line))) {
        ring->dropped++;
        stats_add(block, CELL_log_lines_dropped, 1);
    }
    wake_when_due(ring, record->wall_us);
}

/* The writer's side. */

/* Tells once when writing begins to fail and once when it works again. */
static void note_result(struct access_log *log, bool is_failure, const char *what)
{
    if (is_failure) {
        stats_add_shared(log->conf.block, CELL_log_write_errors, 1);
    }
    if (is_failure && !log->has_failed) {
        log_line(LOG_ERROR, "observe", "access log: %s: %s; trying again", what, strerror(errno));
    } else if (!is_failure && log->has_failed) {
        log_line(LOG_INFO, "observe", "access log: writing again");
    }
    log->has_failed = is_failure;
}

static int target_open(const struct access_conf *conf)
{
    switch (conf->target) {
    case ACCESS_STDOUT: return STDOUT_FILENO;
    case ACCESS_STDERR: return STDERR_FILENO;
    case ACCESS_OFF:
    case ACCESS_FILE: break;
    }
    /* Non-blocking for a named pipe, whose open would wait for a reader; files do not care. */
    return open(conf->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                0640);
}

static void target_set(struct access_log *log, int fd)
{
    struct stat facts;
    log->fd = fd;
    log->is_regular = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
}

static const char *target_name(const struct access_log *log)
{
    return log->conf.target == ACCESS_FILE ? log->conf.path : "standard output";
}

/* The rest of a line whose beginning went to a file that is no longer written. */
static void skip_torn_line(struct access_log *log)
{
    struct ring *ring = &log->rings[log->current].ring;
    while (log->is_torn && log->batch_left > 0) {
        struct str bytes = ring_peek(ring, log->batch_left);
        size_t end = str_find(bytes, '\n');
        log->is_torn = end == bytes.len;
        size_t taken = log->is_torn ? end : end + 1;
        ring_take(ring, taken);
        log->batch_left -= taken;
    }
    CHECK(!log->is_torn);
    log->lost++;
    stats_add_shared(log->conf.block, CELL_log_lines_dropped, 1);
}

/* False: the file could not be opened, and the old one stays. */
static bool target_reopen(struct access_log *log)
{
    if (log->conf.target != ACCESS_FILE) {
        return true;
    }
    int fd = target_open(&log->conf);
    if (fd < 0) {
        note_result(log, true, log->conf.path);
        return false;
    }
    (void)close(log->fd);
    target_set(log, fd);
    if (log->is_torn) {
        skip_torn_line(log);
    }
    return true;
}

/* Writes some of the current batch. */
static enum drain write_some(struct access_log *log)
{
    struct ring *ring = &log->rings[log->current].ring;
    /* A pipe that is ready takes PIPE_BUF bytes without blocking; more could block, and the
     * descriptor may be shared with others, so it is not made non-blocking. */
    size_t bytes_max = log->is_regular || log->batch_left < PIPE_BUF ? log->batch_left : PIPE_BUF;
    struct str bytes = ring_peek(ring, bytes_max);
    struct pollfd ready = {.fd = log->fd, .events = POLLOUT};
    if (!log->is_regular && poll(&ready, 1, 0) == 0) {
        return DRAIN_BLOCKED;
    }
    ssize_t written = write(log->fd, bytes.at, bytes.len);
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) {
        return DRAIN_BLOCKED;
    }
    if (written <= 0) {
        note_result(log, true, target_name(log));
        return DRAIN_FAILED;
    }
    note_result(log, false, NULL);
    bytes.len = (size_t)written;
    stats_add_shared(log->conf.block, CELL_log_lines, count_lines(bytes));
    log->is_torn = bytes.at[bytes.len - 1] != '\n';
    ring_take(ring, bytes.len);
    log->batch_left -= bytes.len;
    return DRAIN_DONE;
}

/* Writes what is in the rings, each up to what was there when its turn came. */
static enum drain drain(struct access_log *log, int64_t now_ns)
{
    uint32_t empty = 0;
    while (empty < log->conf.core_count) {
        if (log->batch_left == 0) {
            log->batch_left = ring_used(&log->rings[log->current].ring);
            empty = log->batch_left == 0 ? empty + 1 : 0;
        }
        while (log->batch_left > 0) {
            enum drain result = write_some(log);
            if (result != DRAIN_DONE) {
                return result;
            }
            log->latest_ns = now_ns;
        }
        log->current = (log->current + 1) % log->conf.core_count;
    }
    return DRAIN_DONE;
}

static int64_t wait_ms_after(const struct access_log *log, enum drain result,
                             const struct orders *orders, int64_t now_ns)
{
    if (orders->stop_by_ns != 0) {
        return RETRY_CLOSING_MS;
    }
    if (result == DRAIN_FAILED || orders->is_reopen_due) {
        return RETRY_MS;
    }
    return now_ns - log->latest_ns > AWAKE_MS * NS_PER_MS ? SLEEP_MS : ROUND_MS;
}

/* Sleeps until it is woken or the time is over, or, when blocked, the target takes bytes. */
static void rest(struct access_log *log, enum drain result, int64_t wait_ms)
{
    struct pollfd fds[2] = {{.fd = log->wake_fd, .events = POLLIN},
                            {.fd = log->fd, .events = POLLOUT}};
    if (poll(fds, result == DRAIN_BLOCKED ? 2 : 1, (int)wait_ms) > 0 && fds[0].revents != 0) {
        uint64_t wakes;
        ssize_t got = read(log->wake_fd, &wakes, sizeof wakes);
        (void)got;
    }
}

static struct orders take_orders(struct access_log *log)
{
    CHECK(pthread_mutex_lock(&log->lock) == 0);
    struct orders orders = log->orders;
    log->orders.is_reopen_due = false;
    CHECK(pthread_mutex_unlock(&log->lock) == 0);
    return orders;
}

static void say_stopped(struct access_log *log)
{
    CHECK(pthread_mutex_lock(&log->lock) == 0);
    log->orders.has_stopped = true;
    CHECK(pthread_cond_signal(&log->stopped) == 0);
    CHECK(pthread_mutex_unlock(&log->lock) == 0);
}

static void *run_writer(void *arg)
{
    struct access_log *log = arg;
    int64_t retry_ns = 0;
    bool is_reopen_due = false;
    enum drain result = DRAIN_DONE;
    for (;;) {
        int64_t now_ns = clock_mono_ns();
        struct orders orders = take_orders(log);
        if (orders.is_reopen_due || (is_reopen_due && now_ns >= retry_ns)) {
            is_reopen_due = !target_reopen(log);
            retry_ns = is_reopen_due ? now_ns + RETRY_MS * NS_PER_MS : 0;
        }
        orders.is_reopen_due = is_reopen_due;
        bool is_closing = orders.stop_by_ns != 0;
        if (result != DRAIN_FAILED || is_closing || now_ns >= retry_ns) {
            result = drain(log, now_ns);
            retry_ns = result == DRAIN_FAILED ? now_ns + RETRY_MS * NS_PER_MS : retry_ns;
        }
        if (is_closing && (result == DRAIN_DONE || now_ns >= orders.stop_by_ns)) {
            say_stopped(log);
            return NULL;
        }
        rest(log, result, wait_ms_after(log, result, &orders, now_ns));
    }
}

/* Opening and closing. */

static size_t rings_bytes(const struct access_conf *conf)
{
    return conf->core_count * sizeof(struct access_ring);
}

static void log_free(struct access_log *log)
{
    for (uint32_t i = 0; log->rings != NULL && i < log->conf.core_count; i++) {
        ring_drop(&log->rings[i].ring);
        region_release(log->rings[i].line, ACCESS_LINE_BYTES_MAX);
    }
    region_release(log->rings, rings_bytes(&log->conf));
    if (log->conf.target == ACCESS_FILE && log->fd >= 0) {
        (void)close(log->fd);
    }
    if (log->wake_fd >= 0) {
        (void)close(log->wake_fd);
    }
    (void)pthread_cond_destroy(&log->stopped);
    (void)pthread_mutex_destroy(&log->lock);
    region_release(log, sizeof *log);
}

static enum err rings_init(struct access_log *log)
{
    size_t bytes =
        log->conf.queue_bytes != 0 ? log->conf.queue_bytes : LIMIT_VALUE(log_queue_bytes);
    log->rings = region_reserve(rings_bytes(&log->conf));
    if (log->rings == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < log->conf.core_count; i++) {
        TRY(ring_init(&log->rings[i].ring, bytes));
        log->rings[i].wake_fd = log->wake_fd;
        log->rings[i].line = region_reserve(ACCESS_LINE_BYTES_MAX);
        if (log->rings[i].line == NULL) {
            return ERR_MEMORY;
        }
    }
    return OK;
}

static void locks_init(struct access_log *log)
{
    pthread_condattr_t monotonic;
    CHECK(pthread_condattr_init(&monotonic) == 0);
    CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_mutex_init(&log->lock, NULL) == 0);
    CHECK(pthread_cond_init(&log->stopped, &monotonic) == 0);
    (void)pthread_condattr_destroy(&monotonic);
}

static enum err writer_start(struct access_log *log)
{
    /* Signals are for the control thread; SIGPIPE and SIGXFSZ become error codes here. */
    sigset_t all, before;
    (void)sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int failure = pthread_create(&log->thread, NULL, run_writer, log);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (failure != 0) {
        return ERR_MEMORY;
    }
    (void)pthread_setname_np(log->thread, "access-log");
    return OK;
}

enum err access_log_open(const struct access_conf *conf, struct access_log **out)
{
    *out = NULL;
    if (conf->target == ACCESS_OFF) {
        return OK;
    }
    CHECK(conf->core_count > 0);
    if (conf->target == ACCESS_FILE && strnlen(conf->path, PATH_MAX) == PATH_MAX) {
        return ERR_IO;
    }
    struct access_log *log = region_reserve(sizeof *log);
    if (log == NULL) {
        return ERR_MEMORY;
    }
    log->conf = *conf;
    if (conf->target == ACCESS_FILE) {
        memcpy(log->path, conf->path, strlen(conf->path));
        log->conf.path = log->path;
    }
    log->fd = target_open(conf);
    log->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    locks_init(log);
    enum err e = log->fd < 0 ? ERR_IO : log->wake_fd < 0 ? ERR_SYSTEM : OK;
    if (e == OK) {
        target_set(log, log->fd);
        log->latest_ns = clock_mono_ns();
        e = rings_init(log);
    }
    if (e != OK || (e = writer_start(log)) != OK) {
        log_free(log);
        return e;
    }
    *out = log;
    return OK;
}

/* Lines that nobody will write any more. */
static uint64_t count_left(const struct access_log *log)
{
    uint64_t lines = 0;
    for (uint32_t i = 0; i < log->conf.core_count; i++) {
        const struct ring *ring = &log->rings[i].ring;
        struct str first = ring_peek(ring, SIZE_MAX);
        lines += count_lines(first);
        lines += count_lines(str_of(ring->at, ring_used(ring) - first.len));
    }
    return lines;
}

/* Tells the writer to stop; false: it did not in time. */
static bool writer_stop(struct access_log *log, int64_t wait_ms)
{
    int64_t now_ns = clock_mono_ns(), patience_ns = now_ns + (wait_ms + PATIENCE_MS) * NS_PER_MS;
    const struct timespec deadline = {.tv_sec = patience_ns / NS_PER_SEC,
                                      .tv_nsec = patience_ns % NS_PER_SEC};
    CHECK(pthread_mutex_lock(&log->lock) == 0);
    log->orders.stop_by_ns = now_ns + wait_ms * NS_PER_MS;
    wake(log->wake_fd);
    int failure = 0;
    while (!log->orders.has_stopped && failure == 0) {
        failure = pthread_cond_timedwait(&log->stopped, &log->lock, &deadline);
    }
    bool has_stopped = log->orders.has_stopped;
    CHECK(pthread_mutex_unlock(&log->lock) == 0);
    return has_stopped;
}

void access_log_end(struct access_log *log, int64_t wait_ms)
{
    CHECK(pthread_mutex_lock(&log->lock) == 0);
    log->orders.stop_by_ns = clock_mono_ns() + wait_ms * NS_PER_MS;
    CHECK(pthread_mutex_unlock(&log->lock) == 0);
    wake(log->wake_fd);
}

bool access_log_has_ended(struct access_log *log)
{
    CHECK(pthread_mutex_lock(&log->lock) == 0);
    bool has_ended = log->orders.has_stopped;
    CHECK(pthread_mutex_unlock(&log->lock) == 0);
    return has_ended;
}

uint64_t access_log_close(struct access_log **at, int64_t wait_ms)
{
    struct access_log *log = *at;
    *at = NULL;
    if (log == NULL) {
        return 0;
    }
    CHECK(wait_ms >= 0);
    if (!writer_stop(log, wait_ms)) {
        /* It hangs in a write that the kernel will not end: it keeps its memory, the process is
         * about to exit. */
        (void)pthread_detach(log->thread);
        return count_left(log);
    }
    CHECK(pthread_join(log->thread, NULL) == 0);
    uint64_t left = count_left(log);
    stats_add_shared(log->conf.block, CELL_log_lines_dropped, left);
    uint64_t lost = log->lost + left;
    log_free(log);
    return lost;
}

void access_log_reopen(struct access_log *log)
{
    if (log == NULL) {
        return;
    }
    CHECK(pthread_mutex_lock(&log->lock) == 0);
    log->orders.is_reopen_due = true;
    CHECK(pthread_mutex_unlock(&log->lock) == 0);
    wake(log->wake_fd);
}

struct access_ring *access_log_ring(struct access_log *log, uint32_t core)
{
    if (log == NULL) {
        return NULL;
    }
    CHECK(core < log->conf.core_count);
    return &log->rings[core];
}
