/* supervisor.h - the process that owns the listening sockets and keeps a data process running.
 * It parses nothing that a stranger sent: it speaks only to its own child, in the fixed records of
 * net/handover.h. It starts the same binary it is itself, by inode (an O_PATH handle), so replacing
 * the file on disk never mixes two versions. Single-threaded, no loop, no allocation. */
#pragma once

#include "base/err.h"

/* Exit code of a data process whose configuration is wrong. */
enum { EXIT_CONFIG = 2 };

struct supervisor_conf {
    char *const *argv;      /* of the data process, ended by NULL; argv[0] is for show */
    int64_t stop_wait_ms;   /* after SIGTERM, before SIGKILL; 0: no limit */
    int64_t restart_ms_min; /* wait before the second restart in a row; 0: 100 */
    int64_t restart_ms_max; /* the wait doubles up to here; 0: 5000 */
    int64_t steady_ms;      /* a process that served this long is not "in a row"; 0: 10000 */
};

/* Runs the data process until it is told to stop; returns the exit code of the program.
 * A data process that exits (whatever the code) before it ever was ready ends the supervisor with
 * its code: a start that cannot work fails at once, with 2 for a wrong configuration. One that dies
 * by a signal, or later, is started again: at once, then after restart_ms_min, doubling. Exit code
 * 0 ends the supervisor too. SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2 are passed on. After
 * SIGTERM or SIGINT the child drains and the code is 0 (1 when it had to be killed).
 * The caller must be single-threaded, and about to end when this returns: those signals are
 * ignored from then on. */
int supervisor_run(const struct supervisor_conf *conf);
