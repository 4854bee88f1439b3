/* reload.h - from the file to a checked configuration, at the start and again on request. What
 * asks for it: SIGHUP (process.c) and the admin API. */
#pragma once

#include "config/config.h"
#include "control/lastgood.h"

struct process;

enum reload_result {
    RELOAD_USED,    /* the file is in use */
    RELOAD_SAME,    /* it says what is in use already */
    RELOAD_WRONG,   /* it has errors: nothing has changed */
    RELOAD_REFUSED, /* it could not be put to use (an address is taken): nothing has changed */
    RELOAD_DRAINING /* the process is about to end */
};

/* Reads and checks the file and prints what is wrong with it on stderr. NULL: it has errors.
 * `diags` is initialised by the caller and keeps them. */
MUST_USE struct config *reload_read(const char *path, struct diags *diags);
/* The configuration that was published last by an earlier process, whatever is on disk now; *then
 * is its generation there. NULL: there is none, or it cannot be used, which is said. */
MUST_USE struct config *reload_read_saved(const char *path, const struct lastgood *lastgood,
                                          uint64_t *then);
/* Reads the file again and puts it to use. `diags` as above. *why: with RELOAD_REFUSED. */
enum reload_result reload_run(struct process *process, struct diags *diags, enum err *why);
