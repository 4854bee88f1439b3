/* show.c - `sluice show FILE`: the file with every default, every short form written out and every
 * include in its place; secrets are not shown. It reads back to the same meaning. */
#include "cli/load.h"
#include "text/sink.h"

#include <stdio.h>

static enum exit_code run(const struct args *args)
{
    struct config *config;
    struct sink out;
    enum exit_code code = load_file(args->operands[0], &config);
    if (code == EXIT_OK) {
        sink_to_file(&out, stdout);
        config_write_yaml(config, &out);
        config_free(config);
    }
    return code;
}

const struct verb_face verb_show = {.operands_min = 1, .operands_max = 1, .run = run};
