/* status.c - `sluice status`: what the running process is doing, asked over its admin socket.
 * What is answered stands in control/admin_api.c. */
#include "cli/admin.h"

static const struct option options[] = {ADMIN_OPTIONS};

static enum exit_code run(const struct args *args)
{
    const char *file = args->operand_count > 0 ? args->operands[0] : NULL;
    return admin_say(args, file, STR("GET"), STR("/v1/status"));
}

const struct verb_face verb_status = {
    .options = options,
    .option_count = COUNT_OF(options),
    .operands_max = 1,
    .details =
        "FILE is only read for the path of the admin socket. Programs ask the socket itself:\n"
        "    curl --unix-socket " ADMIN_SOCKET_DEFAULT " http://sluice/v1/status",
    .run = run,
};
