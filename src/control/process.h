/* process.h - the data process: one control thread (this one) and the cores it publishes to.
 * It loads the configuration, starts the cores, and from then on waits for signals, names and
 * timers; requests never come here. The supervisor (supervisor.h) starts it again when it dies. */
#pragma once

#include "config/config.h"

struct process_conf {
    const char *path;   /* of the configuration file */
    uint32_t core_count; /* 0: as the file says, or one for each CPU */
};

/* Runs until SIGTERM or SIGINT and everything in progress has ended or the drain limit has passed.
 * Returns the exit code of the program: 0, 1 when it could not start, EXIT_CONFIG when the
 * configuration is wrong (diagnostics are on standard error). Call it before any thread is made. */
int process_run(const struct process_conf *conf);

/* How configurations are loaded everywhere in the program: with the policies that it has, and with
 * what only compiling can find (world_verify). */
struct config_opts process_config_opts(void);
