/* load.h - the operator's file for a verb: read, checked with everything that this program knows
 * (policies, patterns, routes that can never match), and complained of on stderr. */
#pragma once

#include "cli/verb.h"
#include "config/config.h"

/* Reads and checks; prints errors and warnings. The caller owns *out (config_free). EXIT_FAILED:
 * *out is NULL and the reasons have been printed. */
MUST_USE enum exit_code load_file(const char *path, struct config **out);
/* The same for text; `name` stands for the file in messages. */
MUST_USE enum exit_code load_text(const char *name, struct str text, struct config **out);
/* The parts, for those who print in another way: `diags` is initialised by the caller. */
MUST_USE enum err load_quietly(const char *path, struct diags *diags, struct config **out);
/* Every kind of policy. */
const struct conf_kind *load_kinds(uint32_t *count);
