/* reload.c - `sluice reload`: the running process reads its file again, and says here what came of
 * it. With --pid it is only told to, by signal. */
#include "cli/admin.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

enum { PID_MAX = 4194304 };

static const struct option options[] = {
    ADMIN_OPTIONS,
    {.name = "pid",
     .value = "N",
     .summary = "Send SIGHUP to this process instead; its log says what came of it"},
};

static enum exit_code send_signal(const struct args *args)
{
    int64_t pid = 0;
    if (!args_number(args, "pid", 2, PID_MAX, &pid)) {
        return EXIT_USAGE;
    }
    if (kill((pid_t)pid, SIGHUP) != 0) {
        complain(args, "process %lld: %s", (long long)pid, strerror(errno));
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static enum exit_code run(const struct args *args)
{
    const char *file = args->operand_count > 0 ? args->operands[0] : NULL;
    if (args_has(args, "pid")) {
        if (file != NULL || args_has(args, "socket")) {
            complain(args, "--pid stands alone");
            return EXIT_USAGE;
        }
        return send_signal(args);
    }
    return admin_say(args, file, STR("POST"), STR("/v1/reload"));
}

const struct verb_face verb_reload = {
    .options = options,
    .option_count = COUNT_OF(options),
    .operands_max = 1,
    .details =
        "Leaves with 0 when the file is in use, or was already; with 1 when it has errors or\n"
        "cannot be put to use: then nothing has changed, and the reasons are printed. FILE is\n"
        "only read for the path of the admin socket.",
    .run = run,
};
