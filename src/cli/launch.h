/* launch.h - from a verb to serving: the supervisor with a data process under it, or the data
 * process alone. The data process is this program again, as `sluice run FILE --no-supervisor`. */
#pragma once

#include "cli/verb.h"

struct launch {
    const char *path;      /* of the configuration */
    const char *cores;     /* as given, or NULL */
    const char *log_level; /* as given, or NULL */
    bool is_alone;         /* without a supervisor */
};

/* The options of verbs that serve. */
#define LAUNCH_OPTIONS                                                                             \
    {.name = "cores",                                                                              \
     .value = "N",                                                                                 \
     .summary = "Threads that serve; default: what the file says, "                                \
                "or one for each CPU"},                                                            \
        {.name = "log-level",                                                                      \
         .value = "LEVEL",                                                                         \
         .summary = "Messages on stderr from this level up: debug, info (default), warn, error"},  \
    {                                                                                              \
        .name = "no-supervisor",                                                                   \
        .summary = "Serve in this very process, with nothing that starts it again"                 \
    }

/* Takes them from the words of such a verb. EXIT_USAGE: said why. */
MUST_USE enum exit_code launch_read(const struct args *args, struct launch *launch);
/* Serves until told to stop. */
enum exit_code launch(const struct launch *launch);
/* A file of this text that the data process can open too, and open again: it has no name on any
 * disk. Writes its path into `room`. ERR_LIMIT, ERR_IO. */
MUST_USE enum err launch_keep_text(struct str text, char *room, size_t room_bytes);
