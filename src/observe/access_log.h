/* access_log.h - one JSON line for each exchange, without ever holding a core back.
 * A core formats the line into a ring of its own (LIMIT log_queue_bytes); one writer thread drains
 * all rings. A full ring drops the line, counts it, and tells with a line {"dropped":N} as soon as
 * there is room. A full disk or a gone reader is counted and tried again; serving goes on.
 * Peers' bytes are escaped and cut (LIMIT log_field_bytes): no value can end a line or a string. */
#pragma once

#include "base/addr.h"
#include "observe/flight.h"
#include "stats/stats.h"

struct access_log;
struct access_ring;

enum access_flag {
    ACCESS_REUSED = 1,  /* the attempt went out on an idle connection */
    ACCESS_REPLAYED = 2 /* it was repeated because that connection turned out closed */
};

/* What is said about one exchange. Slices are borrowed for the call; an empty one, a NULL or a zero
 * leaves its key out, unless the key is always there (see docs/reference/access-log.md). */
struct access_record {
    int64_t wall_us; /* of the end, since 1970 */
    const struct flight *flight;
    struct str request_id, trace_id, protocol;
    struct str listener, route, service, version, instance;
    struct str method, host, path, user_agent;
    struct str query; /* empty unless the operator asked for it: queries carry secrets */
    const struct addr *client; /* whom the request is for, behind trusted proxies */
    const struct addr *peer;   /* who is at the other end of the connection */
    uint64_t client_received_bytes, client_sent_bytes, origin_received_bytes, origin_sent_bytes;
    uint64_t generation;
    enum err reason; /* OK: none */
    uint16_t status;
    uint8_t attempts, flags; /* enum access_flag */
};

enum access_target { ACCESS_OFF, ACCESS_STDOUT, ACCESS_STDERR, ACCESS_FILE };

struct access_conf {
    enum access_target target;
    const char *path; /* ACCESS_FILE: opened for appending, created 0640 */
    uint32_t core_count;
    size_t queue_bytes;          /* of one core, a power of two; 0: LIMIT log_queue_bytes */
    struct stats_block *block;   /* the writer thread's own */
};

/* Opens the target and starts the writer. ERR_IO: the file cannot be opened. ERR_MEMORY. */
MUST_USE enum err access_log_open(const struct access_conf *conf, struct access_log **out);
/* Writes what is queued, for at most `wait_ms`, then stops the writer; what was not written is
 * counted as dropped. The cores must have stopped logging. Clears *log. */
void access_log_close(struct access_log **log, int64_t wait_ms);
/* Opens the file again under its name, after a rotation. From any thread; takes effect with the
 * next write. When it cannot be opened the old one stays in use and it is tried again. */
void access_log_reopen(struct access_log *log);
/* The ring of one core, for access_log_write on that core's thread only; NULL when off. */
struct access_ring *access_log_ring(struct access_log *log, uint32_t core);

/* Formats and queues one line. No system call but at most one wake of the writer for each half
 * ring or, when it sleeps, each second. A NULL ring does nothing. Drops are counted in `block`. */
void access_log_write(struct access_ring *ring, const struct access_record *record,
                      struct stats_block *block);
