/* access_log.h - one JSON line for each exchange, without ever holding a core back.
 * A core formats the line into a ring of its own (LIMIT log_queue_bytes); one writer thread drains
 * all rings. A full ring drops the line, counts it, and tells with a line {"dropped":N} as soon as
 * there is room. A full disk or a gone reader is counted and tried again; serving goes on.
 * The counts are log_lines, log_lines_dropped and log_write_errors of metrics.def. */
#pragma once

#include "observe/access_line.h"
#include "stats/stats.h"

struct access_log;
struct access_ring;

enum access_target { ACCESS_OFF, ACCESS_STDOUT, ACCESS_STDERR, ACCESS_FILE };

struct access_conf {
    enum access_target target;
    const char *path; /* ACCESS_FILE: opened for appending, created 0640; copied */
    uint32_t core_count;
    size_t queue_bytes;        /* of one core, a power of two; 0: LIMIT log_queue_bytes */
    struct stats_block *block; /* of the writers: a new log may be open before the old is closed */
};

/* Opens the target and starts the writer. ERR_IO: the file cannot be opened. ERR_MEMORY. */
MUST_USE enum err access_log_open(const struct access_conf *conf, struct access_log **out);
/* Writes what is queued, for at most about `wait_ms`, then stops the writer. Returns how many lines
 * were lost (also counted as dropped). The cores must have stopped logging. Clears *log; NULL is
 * nothing. */
uint64_t access_log_close(struct access_log **log, int64_t wait_ms);
/* The first half of closing, for a thread that may not wait: the writer has `wait_ms` for what is
 * queued. access_log_close is still due, and waits for nothing once access_log_has_ended. */
void access_log_end(struct access_log *log, int64_t wait_ms);
bool access_log_has_ended(struct access_log *log);
/* Opens the file again under its name, after a rotation. From any thread; takes effect with the
 * next write. When it cannot be opened the old one stays in use and it is tried again. */
void access_log_reopen(struct access_log *log);
/* The ring of one core, for access_log_write on that core's thread only; NULL when off. */
struct access_ring *access_log_ring(struct access_log *log, uint32_t core);

/* Formats and queues one line. No system call but at most one wake of the writer for each half
 * ring or, when it sleeps, each second. A NULL ring does nothing. Drops are counted in `block`. */
void access_log_write(struct access_ring *ring, const struct access_record *record,
                      struct stats_block *block);
