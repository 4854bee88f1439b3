/* run.c - `sluice run FILE`: serve. The data process checks the file and prints what is wrong with
 * it; a start that cannot work ends at once. */
#include "cli/launch.h"

static const struct option options[] = {LAUNCH_OPTIONS};

static enum exit_code run(const struct args *args)
{
    struct launch conf = {.path = args->operands[0]};
    enum exit_code code = launch_read(args, &conf);
    return code == EXIT_OK ? launch(&conf) : code;
}

const struct verb_face verb_run = {
    .options = options,
    .option_count = COUNT_OF(options),
    .operands_min = 1,
    .operands_max = 1,
    .details =
        "SIGHUP (or \"sluice reload\") reads FILE again: a right file takes over without a "
        "dropped\n"
        "connection, a wrong one changes nothing. SIGTERM lets requests in flight finish and ends.",
    .run = run,
};
