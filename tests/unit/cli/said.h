/* said.h - runs a verb as main would, and keeps what it prints: for the tests of verbs. Files for
 * them are made in memory (said_file). */
#pragma once

#include "cli/launch.h"
#include "cli/verb.h"

#include <stdio.h>
#include <unistd.h>

enum { SAID_BYTES_MAX = 65536, SAID_WORDS_MAX = 16 };

struct said {
    enum exit_code code;
    struct str out, err;
    char rooms[2][SAID_BYTES_MAX];
};

static inline struct str said_take(FILE *file, char *room)
{
    rewind(file);
    size_t got = fread(room, 1, SAID_BYTES_MAX, file);
    (void)fclose(file);
    return str_of(room, got);
}

/* `words` end with NULL; the first is the verb. */
static inline void said_words(struct said *said, const char *const *words)
{
    char *argv[SAID_WORDS_MAX + 2] = {0};
    int argc = 1, kept[2];
    FILE *caught[2];
    for (; argc <= SAID_WORDS_MAX && words[argc - 1] != NULL; argc++) {
        memcpy(&argv[argc], &words[argc - 1], sizeof argv[argc]);
    }
    for (int i = 0; i < 2; i++) {
        (void)fflush(i == 0 ? stdout : stderr);
        kept[i] = dup(i + 1);
        caught[i] = tmpfile();
        (void)dup2(fileno(caught[i]), i + 1);
    }
    said->code = cli_run(argc, argv);
    for (int i = 0; i < 2; i++) {
        (void)fflush(i == 0 ? stdout : stderr);
        (void)dup2(kept[i], i + 1);
        (void)close(kept[i]);
    }
    said->out = said_take(caught[0], said->rooms[0]);
    said->err = said_take(caught[1], said->rooms[1]);
}

#define SAID(said, ...) said_words((said), (const char *const[]){__VA_ARGS__, NULL})

/* The path of a file with this text. */
static inline const char *said_file(const char *text)
{
    static char rooms[4][64];
    static unsigned next;
    char *room = rooms[next++ % 4];
    return launch_keep_text(str_from_c(text), room, sizeof rooms[0]) == OK ? room : "";
}

static inline bool str_has(struct str s, const char *needle)
{
    struct str wanted = str_from_c(needle);
    return str_find_str(s, wanted) < s.len || wanted.len == 0;
}

#define WANT_HAS(got, needle)                                                                      \
    do {                                                                                           \
        if (!str_has((got), (needle))) {                                                           \
            WANT_STR((got), str_from_c(needle));                                                   \
        }                                                                                          \
    } while (0)

static const char said_good[] = "listeners: { http: { port: 8080 } }\n"
                                "services: { app: 127.0.0.1:9101 }\n"
                                "routes: { all: { match: /*, to: app } }\n";
static const char said_bad[] = "listeners: { http: { prot: 8080 } }\n"
                               "routes: { all: { match: /*, to: nobody } }\n";
