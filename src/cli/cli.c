/* cli.c - from argv to a verb: finds it, takes its words apart, runs it, and sees to it that what
 * it printed has arrived. See verb.h. */
#include "cli/verb.h"

#include "cli/help.h"
#include "text/distance.h"

#include <stdio.h>

enum { ARGS_BYTES_MAX = 64 << 20, NEAR_EDITS_MAX = 2 };

const struct verb verbs[] = {
#define VERB(name, arguments, summary) {#name, arguments, summary, &verb_##name},
#include "cli/verbs.def"
#undef VERB
};
const uint32_t verb_count = COUNT_OF(verbs);

const struct verb *verb_find(struct str name)
{
    for (uint32_t i = 0; i < verb_count; i++) {
        if (str_eq(str_from_c(verbs[i].name), name)) {
            return &verbs[i];
        }
    }
    return NULL;
}

const struct verb *verb_near(struct str name)
{
    const struct verb *nearest = NULL;
    uint32_t edits = NEAR_EDITS_MAX + 1;
    for (uint32_t i = 0; i < verb_count; i++) {
        uint32_t distance = text_distance(str_from_c(verbs[i].name), name, NEAR_EDITS_MAX);
        if (distance < edits) {
            edits = distance;
            nearest = &verbs[i];
        }
    }
    return nearest;
}

static enum exit_code refuse_verb(const char *name)
{
    const struct verb *nearest = verb_near(str_from_c(name));
    (void)fprintf(stderr, "sluice: there is no verb \"%s\"", name);
    if (nearest != NULL) {
        (void)fprintf(stderr, "; did you mean \"%s\"?\n", nearest->name);
    } else {
        (void)fprintf(stderr, "; \"sluice help\" lists them\n");
    }
    return EXIT_USAGE;
}

/* Whether help is asked for before any "--". */
static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && !str_eq(str_from_c(argv[i]), STR("--")); i++) {
        if (str_eq(str_from_c(argv[i]), STR("--help"))) {
            return true;
        }
    }
    return false;
}

static enum exit_code run_verb(const struct verb *verb, struct arena *arena, int argc, char **argv)
{
    const struct verb_face *face = verb->face;
    struct args args = {
        .verb = verb->name, .options = face->options, .option_count = face->option_count};
    if (wants_help(argc, argv)) {
        help_verb(stdout, verb);
        return EXIT_OK;
    }
    enum err e = args_parse(&args, arena, argc, argv);
    if (e != OK) {
        complain(&args, "%s", e == ERR_SYNTAX ? args.error : err_text(e));
        return EXIT_USAGE;
    }
    if (args.operand_count < face->operands_min || args.operand_count > face->operands_max) {
        bool is_short = args.operand_count < face->operands_min;
        complain(&args, "%s is written \"sluice %s %s\"",
                 is_short ? "something is missing: it" : "that is too much: it", verb->name,
                 verb->arguments);
        return EXIT_USAGE;
    }
    return face->run(&args);
}

/* What was printed must have arrived: a full disk behind a redirection is a failure. */
static enum exit_code settle_output(enum exit_code code)
{
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        (void)fprintf(stderr, "sluice: the output could not be written\n");
        return code == EXIT_OK ? EXIT_FAILED : code;
    }
    return code;
}

enum exit_code cli_run(int argc, char **argv)
{
    if (argc < 2) {
        help_all(stderr);
        return EXIT_USAGE;
    }
    struct str name = str_from_c(argv[1]);
    if (str_eq(name, STR("--help")) || str_eq(name, STR("-h"))) {
        name = STR("help");
    } else if (str_eq(name, STR("--version")) || str_eq(name, STR("-V"))) {
        name = STR("version");
    }
    const struct verb *verb = verb_find(name);
    if (verb == NULL) {
        return refuse_verb(argv[1]);
    }
    struct arena arena;
    arena_init_heap(&arena, ARGS_BYTES_MAX);
    enum exit_code code = settle_output(run_verb(verb, &arena, argc - 2, argv + 2));
    arena_reset(&arena);
    return code;
}
