/* lastgood.h - the last good configuration, kept where a crash of the data process cannot lose it:
 * in a memory file (memfd_create) that the supervisor makes at its start and hands to every data
 * process. After a publication the data process writes the texts of all files into it; a data
 * process that is started again, and finds the files on disk broken, goes on with these. The
 * supervisor never looks inside. Values of ${file:} are kept too, like all of it in memory only. */
#pragma once

#include "base/arena.h"
#include "config/config.h"

/* The environment of the data process: the number of its descriptor. */
#define LASTGOOD_ENV_FD "SLUICE_LASTGOOD_FD"
/* The same for what operators have said: overrides.h. */
#define OVERRIDES_ENV_FD "SLUICE_OVERRIDES_FD"

struct lastgood {
    int fd; /* -1: there is no place, saving and loading do nothing */
};

/* The supervisor's side: an empty memory file, closed on exec. -1: the kernel gave none. */
int lastgood_create(void);
/* Takes what the supervisor left in the environment as `env`, and removes it from there: call it
 * before the first thread is made. Without it `fd` is -1, which is not an error. */
void lastgood_open(struct lastgood *lastgood, const char *env);
void lastgood_close(struct lastgood *lastgood);

/* Replaces what is saved, as a whole or not at all, whenever this process dies on the way.
 * ERR_NOT_FOUND: there is no place. ERR_LIMIT, ERR_MEMORY, ERR_IO: what was saved before stays. */
MUST_USE enum err lastgood_save(const struct lastgood *lastgood, const struct config_files *files,
                                uint64_t generation);
/* What was saved last; its texts are in `arena`, a heap arena. ERR_NOT_FOUND: nothing was saved.
 * ERR_SYNTAX: it is damaged, or of another version. ERR_MEMORY, ERR_IO. */
MUST_USE enum err lastgood_load(const struct lastgood *lastgood, struct arena *arena,
                                struct config_files *files, uint64_t *generation);
