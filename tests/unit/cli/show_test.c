/* show_test.c - the long form reads back to the same meaning. */
#include "test.h"

#include "said.h"

TEST(what_is_shown_means_the_same)
{
    struct said said, differing;
    const char *path = said_file(said_good);
    SAID(&said, "show", path);
    WANT_INT(said.code, EXIT_OK);
    WANT_HAS(said.out, "balance: p2c_ewma");
    said.rooms[0][said.out.len] = '\0';
    SAID(&differing, "diff", "--exit-code", path, said_file(said.rooms[0]));
    WANT_INT(differing.code, EXIT_OK);
    WANT_STR(differing.err, STR(""));
}

TEST(a_wrong_file_is_not_shown)
{
    struct said said;
    SAID(&said, "show", said_file(said_bad));
    WANT_INT(said.code, EXIT_FAILED);
    WANT_STR(said.out, STR(""));
}
