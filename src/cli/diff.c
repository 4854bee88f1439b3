/* diff.c - `sluice diff OLD NEW`: what would change, in meaning; with one file, against what the
 * running process has in use. Order, comments and short forms do not count. */
#include "cli/admin.h"
#include "cli/load.h"
#include "text/sink.h"

#include <stdio.h>

static const struct option options[] = {
    {.name = "exit-code", .summary = "Leave with 1 when two files differ"},
    ADMIN_OPTIONS,
};

static enum exit_code run(const struct args *args)
{
    struct config *from = NULL, *to = NULL;
    struct sink out;
    if (args->operand_count == 1) {
        return admin_say(args, args->operands[0], STR("GET"), STR("/v1/diff"));
    }
    enum exit_code code = load_file(args->operands[0], &from);
    if (code == EXIT_OK) {
        code = load_file(args->operands[1], &to);
    }
    if (code == EXIT_OK) {
        sink_to_file(&out, stdout);
        uint32_t count = config_diff(from, to, &out);
        if (count == 0) {
            printf("no difference in meaning\n");
        }
        code = count > 0 && args_has(args, "exit-code") ? EXIT_FAILED : EXIT_OK;
    }
    config_free(from);
    config_free(to);
    return code;
}

const struct verb_face verb_diff = {
    .options = options,
    .option_count = COUNT_OF(options),
    .operands_min = 1,
    .operands_max = 2,
    .details =
        "Both files must be right. A difference is no failure, unless --exit-code is given.\n"
        "With one file the running process is asked what a reload would change, and what\n"
        "operators have said above it (sluice targets).",
    .run = run,
};
