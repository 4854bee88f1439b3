/* replay.c - runs a fuzz entry on its corpus, without a fuzzer.
 * Linked with each tests/fuzz/<name>_fuzz.c in ordinary builds: the argument is the corpus
 * directory, each file in it is one input. Every input is given whole and cut off at its middle;
 * a few inputs that every corpus should hold (empty, NUL, all ones) come first. TAP out; a crash
 * or a sanitizer report is the failure. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 1 << 20 };

/* The input stands in a block of exactly its size: the address sanitizer sees one byte too many. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static bool run_file(const char *dir, const char *name)
{
    char path[4096];
    int len = snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        return false;
    }
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_BYTES_MAX);
    if (file == NULL || data == NULL) {
        free(data);
        return false;
    }
    size_t size = fread(data, 1, INPUT_BYTES_MAX, file);
    fclose(file);
    run(data, size);
    run(data, size / 2);
    free(data);
    return true;
}

int main(int argc, char **argv)
{
    int count = 0;
    run((const uint8_t *)"", 0);
    run((const uint8_t *)"\0", 1);
    run((const uint8_t *)"\xff\xff\xff\xff", 4);
    printf("ok %d - inputs of every corpus\n", ++count);
    DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        bool is_run = run_file(argv[1], entry->d_name);
        printf("%s %d - %s\n", is_run ? "ok" : "not ok", ++count, entry->d_name);
        fflush(stdout);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    printf("1..%d\n", count);
    return 0;
}
