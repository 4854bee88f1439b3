/* args.h - the words behind a verb, taken apart by a table of options.
 * `--name value`, `--name=value`, `-N value`, `-Nvalue`; options and operands in any order; `--`
 * ends the options. Words are borrowed from argv, which lives as long as the process. */
#pragma once

#include "base/arena.h"

struct option {
    const char *name;  /* without dashes */
    const char *value; /* what it takes, for help: "N"; NULL: it stands alone */
    const char *summary;
    char letter; /* 0: has no short form */
    bool is_repeatable;
};

struct option_given {
    const struct option *option;
    const char *value; /* NULL for one that stands alone */
};

struct args {
    const char *verb; /* for messages */
    const struct option *options;
    uint32_t option_count;
    struct option_given *given;
    uint32_t given_count;
    const char **operands;
    uint32_t operand_count;
    char error[256]; /* one line, when args_parse refuses */
};

/* Takes words apart; args->verb, options and option_count are set by the caller. ERR_SYNTAX:
 * args->error says what is wrong. ERR_MEMORY. */
MUST_USE enum err args_parse(struct args *args, struct arena *arena, int argc, char **argv);
/* Whether the option was given. The name must be in the table. */
bool args_has(const struct args *args, const char *name);
/* Its value as last given, or NULL. */
const char *args_value(const struct args *args, const char *name);
/* The value of the `index`th time that it was given, or NULL past the last. */
const char *args_value_at(const struct args *args, const char *name, uint32_t index);
/* Its value as a number of [min, max]; *out stays when it was not given. False: it is no such
 * number, and that has been said. */
MUST_USE bool args_number(const struct args *args, const char *name, int64_t min, int64_t max,
                          int64_t *out);
/* One line on stderr: "sluice VERB: ...". */
void complain(const struct args *args, const char *format, ...) PRINTF_LIKE(2, 3);
