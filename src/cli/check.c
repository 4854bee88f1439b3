/* check.c - `sluice check FILE`: everything that is wrong with it, all at once, without serving.
 * Errors go to stderr for people; --json puts them on stdout for programs. */
#include "cli/load.h"
#include "text/sink.h"

#include <stdio.h>

static const struct option options[] = {
    {.name = "json", .summary = "Print errors and warnings as one JSON array, on stdout"},
};

static uint32_t named_services(const struct config *config)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < config->services.count; i++) {
        count += !config->services.at[i].is_anonymous;
    }
    return count;
}

static void print_count(uint32_t count, const char *noun)
{
    printf("%u %s%s", count, noun, count == 1 ? "" : "s");
}

static void print_summary(const char *path, const struct config *config)
{
    printf("%s: ok, ", path);
    print_count(config->routes.count, "route");
    printf(", ");
    print_count(named_services(config), "service");
    printf(", ");
    print_count(config->listeners.count, "listener");
    printf("\n");
}

static enum exit_code run_json(const char *path)
{
    struct diags diags;
    struct sink out;
    struct config *config = NULL;
    diags_init(&diags);
    sink_to_file(&out, stdout);
    enum err e = load_quietly(path, &diags, &config);
    diags_write_json(&diags, &out);
    diags_drop(&diags);
    config_free(config);
    return e == OK ? EXIT_OK : EXIT_FAILED;
}

static enum exit_code run(const struct args *args)
{
    const char *path = args->operands[0];
    struct config *config;
    if (args_has(args, "json")) {
        return run_json(path);
    }
    enum exit_code code = load_file(path, &config);
    if (code == EXIT_OK) {
        print_summary(path, config);
        config_free(config);
    }
    return code;
}

const struct verb_face verb_check = {
    .options = options,
    .option_count = COUNT_OF(options),
    .operands_min = 1,
    .operands_max = 1,
    .details = "Warnings do not make a file wrong. Nothing is bound and no name is looked up.",
    .run = run,
};
