/* version.c - `sluice version`: what exactly runs here, for a report or a script. The first line is
 * "sluice X.Y.Z" and stays that. The rest comes from the build (build_info.h.in). */
#include "cli/build_info.h"
#include "cli/verb.h"
#include "http/h1/scan.h"

#include <stdio.h>

static enum exit_code run(const struct args *args)
{
    (void)args;
    printf("sluice %s\n", BUILD_VERSION);
    printf("  built by  %s, %s\n", BUILD_COMPILER, BUILD_TYPE);
    printf("  with      libyaml %s, jansson %s, PCRE2 %s, c-ares %s, xxHash %s\n", BUILD_YAML,
           BUILD_JANSSON, BUILD_PCRE2, BUILD_CARES, BUILD_XXHASH);
    printf("  head scan");
    for (int path = SCAN_PATH_COUNT - 1; path >= 0; path--) {
        const struct scan *scan = scan_on((enum scan_path)path);
        if (scan != NULL) {
            printf(" %s%s", scan->name, scan == scan_best() ? " (in use)" : "");
        }
    }
    printf("\n");
    return EXIT_OK;
}

const struct verb_face verb_version = {.run = run};
