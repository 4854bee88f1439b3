/* version_test.c - the first line is for scripts. */
#include "test.h"

#include "said.h"

TEST(the_first_line_is_name_and_version)
{
    struct said said;
    SAID(&said, "version");
    WANT_INT(said.code, EXIT_OK);
    struct str line = str_cut(said.out, '\n').head;
    WANT(str_starts(line, STR("sluice ")));
    WANT_INT(str_find(str_skip(line, 7), ' '), str_skip(line, 7).len);
    WANT_HAS(said.out, "libyaml 0.");
    WANT_HAS(said.out, "(in use)");
}
