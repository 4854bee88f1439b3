/* launch.c - starts to serve; see launch.h. */
#define _GNU_SOURCE
#include "cli/launch.h"

#include "base/log.h"
#include "control/process.h"
#include "control/supervisor.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CORES_MAX = 1024 };

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

static bool find_level(const char *name, enum log_level *out)
{
    for (size_t i = 0; i < COUNT_OF(level_names); i++) {
        if (str_eq(str_from_c(level_names[i]), str_from_c(name))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

enum exit_code launch_read(const struct args *args, struct launch *launch)
{
    int64_t cores = 0;
    enum log_level level;
    launch->cores = args_value(args, "cores");
    launch->log_level = args_value(args, "log-level");
    launch->is_alone = args_has(args, "no-supervisor");
    if (!args_number(args, "cores", 1, CORES_MAX, &cores)) {
        return EXIT_USAGE;
    }
    if (launch->log_level != NULL && !find_level(launch->log_level, &level)) {
        complain(args, "--log-level: \"%s\" is none of debug, info, warn, error",
                 launch->log_level);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

static enum exit_code serve(const struct launch *launch)
{
    uint64_t cores = 0;
    if (launch->cores != NULL && !str_to_u64(str_from_c(launch->cores), &cores)) {
        return EXIT_USAGE;
    }
    const struct process_conf conf = {.path = launch->path, .core_count = (uint32_t)cores};
    int code = process_run(&conf);
    /* Its codes tell the supervisor what is wrong; ours tell a person or a script. */
    return code == 0 ? EXIT_OK : EXIT_FAILED;
}

static enum exit_code supervise(const struct launch *launch)
{
    /* The kernel and libc take argv as not const; nobody writes to it. */
    const char *words[10] = {"sluice", "run", launch->path, "--no-supervisor"};
    size_t count = 4;
    char *argv[COUNT_OF(words)];
    if (launch->cores != NULL) {
        words[count++] = "--cores";
        words[count++] = launch->cores;
    }
    if (launch->log_level != NULL) {
        words[count++] = "--log-level";
        words[count++] = launch->log_level;
    }
    memcpy(argv, words, sizeof argv);
    const struct supervisor_conf conf = {.argv = argv};
    return supervisor_run(&conf) == 0 ? EXIT_OK : EXIT_FAILED;
}

enum exit_code launch(const struct launch *launch)
{
    enum log_level level = LOG_INFO;
    if (launch->log_level != NULL && find_level(launch->log_level, &level)) {
        log_set_level(level);
    }
    return launch->is_alone ? serve(launch) : supervise(launch);
}

enum err launch_keep_text(struct str text, char *room, size_t room_bytes)
{
    /* Not close-on-exec: the data process finds it under the same number, in all its lives. */
    int fd = memfd_create("sluice.yaml", 0);
    if (fd < 0) {
        return ERR_LIMIT;
    }
    while (text.len > 0) {
        ssize_t written = write(fd, text.at, text.len);
        if (written <= 0) {
            (void)close(fd);
            return ERR_IO;
        }
        text = str_skip(text, (size_t)written);
    }
    (void)snprintf(room, room_bytes, "/proc/self/fd/%d", fd);
    return OK;
}
