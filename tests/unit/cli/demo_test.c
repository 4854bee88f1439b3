/* demo_test.c - files that cannot be played. Those that can: tests/flow. */
#include "test.h"

#include "said.h"

#include <stdlib.h>

TEST(a_file_with_names_cannot_be_played)
{
    struct said said;
    SAID(&said, "demo",
         said_file("listeners: { http: { port: 8080 } }\n"
                   "routes: { \"/*\": \"http://example.com:80\" }\n"));
    WANT_INT(said.code, EXIT_FAILED);
    WANT_HAS(said.err, "cannot be played");
    SAID(&said, "demo", said_file(said_bad));
    WANT_INT(said.code, EXIT_FAILED);
}

TEST(seconds_are_a_number)
{
    struct said said;
    (void)setenv("DEMO_SECONDS", "five", 1);
    SAID(&said, "demo", said_file(said_good));
    WANT_INT(said.code, EXIT_USAGE);
    WANT_HAS(said.err, "DEMO_SECONDS: \"five\" is not a number from 0 to 3600");
    (void)unsetenv("DEMO_SECONDS");
}
