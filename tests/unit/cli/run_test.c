/* run_test.c - starts that cannot work. Those that do: tests/flow. */
#include "test.h"

#include "said.h"

TEST(a_wrong_file_ends_the_start)
{
    struct said said;
    SAID(&said, "run", "--no-supervisor", said_file(said_bad));
    WANT_INT(said.code, EXIT_FAILED);
    WANT_HAS(said.err, "E0107");
    SAID(&said, "run", "--no-supervisor", "/nowhere/at/all.yaml");
    WANT_INT(said.code, EXIT_FAILED);
}

TEST(wrong_options_are_a_wrong_call)
{
    struct said said;
    SAID(&said, "run", "x", "--cores", "many");
    WANT_INT(said.code, EXIT_USAGE);
    WANT_STR(said.err, STR("sluice run: --cores: \"many\" is not a number from 1 to 1024\n"));
    SAID(&said, "run", "x", "--log-level", "loud");
    WANT_INT(said.code, EXIT_USAGE);
    WANT_STR(said.err, STR("sluice run: --log-level: \"loud\" is none of debug, info, warn, "
                           "error\n"));
}
