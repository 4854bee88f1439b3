/* launch_test.c - files that have no name. */
#include "cli/launch.h"

#include "test.h"

#include <stdio.h>

TEST(kept_text_can_be_opened_again_and_again)
{
    char path[64], room[64];
    WANT_INT(launch_keep_text(STR("routes: {}\n"), path, sizeof path), OK);
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(path, "r");
        WANT(file != NULL);
        if (file != NULL) {
            size_t got = fread(room, 1, sizeof room, file);
            WANT_STR(str_of(room, got), STR("routes: {}\n"));
            (void)fclose(file);
        }
    }
}
