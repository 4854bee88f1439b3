/* load.c - reads files for verbs, with the very checks that the data process makes, and prints what
 * they found. See load.h. */
#include "cli/load.h"

#include "control/process.h"
#include "text/sink.h"

#include <stdio.h>

static enum exit_code tell(enum err e, struct diags *diags)
{
    struct sink out;
    sink_to_file(&out, stderr);
    diags_write(diags, &out);
    if (e != OK && !diags_have_errors(diags)) {
        (void)fprintf(stderr, "sluice: %s\n", err_text(e));
    }
    diags_drop(diags);
    return e == OK ? EXIT_OK : EXIT_FAILED;
}

enum exit_code load_file(const char *path, struct config **out)
{
    struct diags diags;
    diags_init(&diags);
    return tell(load_quietly(path, &diags, out), &diags);
}

enum exit_code load_text(const char *name, struct str text, struct config **out)
{
    struct diags diags;
    const struct config_opts opts = process_config_opts();
    diags_init(&diags);
    *out = NULL;
    return tell(config_load_text(name, text, &opts, &diags, out), &diags);
}

enum err load_quietly(const char *path, struct diags *diags, struct config **out)
{
    const struct config_opts opts = process_config_opts();
    *out = NULL;
    return config_load(path, &opts, diags, out);
}

const struct conf_kind *load_kinds(uint32_t *count)
{
    const struct config_opts opts = process_config_opts();
    *count = opts.kind_count;
    return opts.kinds;
}
