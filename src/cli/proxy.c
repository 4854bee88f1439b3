/* proxy.c - `sluice proxy`: serve without a file. The words become a configuration (quick.h), which
 * --print shows and which is otherwise served like any other. */
#include "cli/launch.h"
#include "cli/load.h"
#include "cli/quick.h"

#include <stdio.h>

enum { QUICK_BYTES_MAX = 64 << 20, WORDS_MAX = 4096 };

static const struct option options[] = {
    {.name = "print", .summary = "Print the file that the words stand for, and do not serve"},
    LAUNCH_OPTIONS,
};

static enum exit_code serve_text(const struct args *args, struct str yaml)
{
    char path[64];
    struct launch conf = {.path = path};
    enum exit_code code = launch_read(args, &conf);
    if (code != EXIT_OK) {
        return code;
    }
    enum err e = launch_keep_text(yaml, path, sizeof path);
    if (e != OK) {
        complain(args, "no memory file for the configuration: %s", err_text(e));
        return EXIT_FAILED;
    }
    return launch(&conf);
}

static enum exit_code run_in(const struct args *args, struct arena *arena)
{
    struct quick quick = {.arena = arena};
    struct config *config;
    enum err e = quick_write(&quick, args->operands, args->operand_count);
    if (e != OK) {
        complain(args, "%s", e == ERR_SYNTAX ? quick.error : err_text(e));
        return EXIT_USAGE;
    }
    enum exit_code code = load_text("sluice proxy", quick.yaml, &config);
    if (code != EXIT_OK) {
        return EXIT_USAGE; /* it can only be the words */
    }
    config_free(config);
    if (args_has(args, "print")) {
        (void)fwrite(quick.yaml.at, 1, quick.yaml.len, stdout);
        return EXIT_OK;
    }
    return serve_text(args, quick.yaml);
}

static enum exit_code run(const struct args *args)
{
    struct arena arena;
    arena_init_heap(&arena, QUICK_BYTES_MAX);
    enum exit_code code = run_in(args, &arena);
    arena_reset(&arena);
    return code;
}

const struct verb_face verb_proxy = {
    .options = options,
    .option_count = COUNT_OF(options),
    .operands_min = 1,
    .operands_max = WORDS_MAX,
    .details =
        "    sluice proxy :8080 localhost:3000\n"
        "    sluice proxy :8080 10.0.1.1:8080 10.0.1.2:8080\n"
        "    sluice proxy http://api.example.com '/orders/*=10.0.1.1:8080' "
        "'/users/*=10.0.3.1:8080'\n\n"
        "LISTEN is :PORT, ADDR:PORT or http://NAME; it may be left out (:8080) when there is one\n"
        "target, or when every word has a \"=\". TARGET is HOST:PORT, :PORT of this machine,\n"
        "http://HOST or dns://NAME:PORT (every address of the name). MATCH is /path/*, "
        "host/path/*\n"
        "or \"GET,POST /path/*\"; the same one again adds an instance.",
    .run = run,
};
