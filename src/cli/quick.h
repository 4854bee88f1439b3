/* quick.h - the quick form: a line of words to the configuration that it stands for.
 *   :8080 localhost:3000                        everything to one place
 *   http://api.example.com 10.0.1.1:8080 ...    one host, several instances
 *   :8080 /orders=10.0.1.1:8080 ...        by path (or host/path, or "GET /path")
 * It only writes YAML text: reading and checking are left to the one reader there is, so growing
 * out of the quick form is a copy of what --print shows. */
#pragma once

#include "base/arena.h"

struct quick {
    struct arena *arena;
    struct str yaml;
    char error[256]; /* one line, when quick_write refuses */
};

/* `words` as on the command line. The first is where to listen unless it is the only one or holds
 * "="; default :8080. The text lives in quick->arena, which the caller sets. ERR_SYNTAX:
 * quick->error says what is wrong. ERR_MEMORY. */
MUST_USE enum err quick_write(struct quick *quick, const char *const *words, uint32_t count);
