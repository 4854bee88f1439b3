/* vectors.h - test data that others wrote. It is used in place and never copied into the project:
 * looked for in $SLUICE_VECTORS, else beside the source tree in shared/data. A test that does not
 * find it skips itself. */
#pragma once

#include "base/check.h"
#include "base/str.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { VECTORS_PATH_MAX = 4096, VECTORS_BYTES_MAX = 16 << 20 };

/* Writes the path of `name`, a file or a folder of the vectors; false when it is not there. */
static inline bool vectors_path(char path[VECTORS_PATH_MAX], const char *name)
{
    const char *root = getenv("SLUICE_VECTORS");
    int len = root != NULL
                  ? snprintf(path, VECTORS_PATH_MAX, "%s/%s", root, name)
                  : snprintf(path, VECTORS_PATH_MAX, SLUICE_SOURCE_ROOT "/../shared/data/%s", name);
    return len > 0 && len < VECTORS_PATH_MAX && access(path, R_OK) == 0;
}

/* The whole file in memory of exactly its size, for vectors_free; at is NULL when it cannot be
 * read. */
static inline struct str vectors_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *room = malloc(VECTORS_BYTES_MAX), *exact = NULL;
    CHECK(room != NULL);
    size_t len = file == NULL ? 0 : fread(room, 1, VECTORS_BYTES_MAX, file);
    if (file != NULL) {
        fclose(file);
        exact = malloc(len > 0 ? len : 1);
        CHECK(exact != NULL);
        memcpy(exact, room, len);
    }
    free(room);
    return str_of(exact, len);
}

static inline void vectors_free(struct str bytes)
{
    free((void *)(uintptr_t)bytes.at);
}

/* Calls `run` for each file of a folder; returns how many there were. */
static inline size_t vectors_each(const char *folder, void (*run)(struct str bytes))
{
    DIR *dir = opendir(folder);
    size_t count = 0;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        char path[VECTORS_PATH_MAX];
        int len = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || len < 0 || len >= (int)sizeof path) {
            continue;
        }
        struct str bytes = vectors_read(path);
        CHECK(bytes.at != NULL);
        run(bytes);
        vectors_free(bytes);
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}
