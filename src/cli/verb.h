/* verb.h - what a verb of the command line is. One table, verbs.def, lists them; help, dispatch and
 * suggestions are made from it. The options of a verb stand with the verb, in its own file, and
 * everything that help says about them comes from there. */
#pragma once

#include "cli/args.h"

/* What the program leaves behind. */
enum exit_code { EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_PARTIAL };

/* The part of a verb that its own file knows. */
struct verb_face {
    const struct option *options;
    uint32_t option_count;
    uint32_t operands_min, operands_max;
    const char *details; /* paragraphs below the summary in help; may be NULL */
    /* Does the work; what went wrong has been said on stderr when it returns. */
    enum exit_code (*run)(const struct args *args);
};

struct verb {
    const char *name, *arguments, *summary;
    const struct verb_face *face;
};

#define VERB(name, arguments, summary) extern const struct verb_face verb_##name;
#include "cli/verbs.def"
#undef VERB

extern const struct verb verbs[];
extern const uint32_t verb_count;

/* NULL: there is no such verb. */
const struct verb *verb_find(struct str name);
/* The verb whose name is nearest to a mistyped one, or NULL when none is near. */
const struct verb *verb_near(struct str name);
/* The whole program: argv as main has it. */
enum exit_code cli_run(int argc, char **argv);
