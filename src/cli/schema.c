/* schema.c - `sluice schema`: the configuration language for editors and for readers, written from
 * the same tables that files are read with. */
#include "cli/load.h"
#include "text/sink.h"

#include <stdio.h>

static const struct option options[] = {
    {.name = "markdown", .summary = "Print the reference page instead of the JSON Schema"},
};

static enum exit_code run(const struct args *args)
{
    struct sink out;
    uint32_t count;
    const struct conf_kind *kinds = load_kinds(&count);
    sink_to_file(&out, stdout);
    if (args_has(args, "markdown")) {
        config_write_reference(kinds, count, &out);
    } else {
        config_write_schema(kinds, count, &out);
    }
    return out.has_failed ? EXIT_FAILED : EXIT_OK;
}

const struct verb_face verb_schema = {
    .options = options,
    .option_count = COUNT_OF(options),
    .details = "Editors use it when a file begins with\n"
               "    # yaml-language-server: $schema=PATH",
    .run = run,
};
