/* main.c - the program: run FILE. */
#include "control/process.h"
#include "base/str.h"
#include <stdlib.h>
int main(int argc, char **argv)
{
    uint32_t cores = 0;
    const char *path = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--cores") == 0) { cores = (uint32_t)strtoul(argv[++i], NULL, 10); }
        else if (argv[i][0] != '-') { path = argv[i]; }
    }
    const struct process_conf conf = {.path = path, .core_count = cores};
    return process_run(&conf);
}
