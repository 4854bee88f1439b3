/* help.h - what the program says about itself, all of it made from verbs.def, the option tables of
 * the verbs and the tables of diagnostics and errors. */
#pragma once

#include "cli/verb.h"

#include <stdio.h>

/* The list of verbs. */
void help_all(FILE *out);
/* One verb: how it is written, what it does, its options. */
void help_verb(FILE *out, const struct verb *verb);
/* All of it as one page of Markdown. */
void help_markdown(FILE *out);
/* The long text of a diagnostic code such as "E0107". False: there is no such code. */
MUST_USE bool help_code(FILE *out, struct str code);
