/* diff_test.c - what `sluice diff` prints and leaves with. The differences: config/diff_test.c. */
#include "test.h"

#include "said.h"

static const char other[] = "listeners: { http: { port: 8081 } }\n"
                            "services: { app: 127.0.0.1:9101 }\n"
                            "routes: { all: { match: /*, to: app } }\n";

TEST(the_same_meaning_is_no_difference)
{
    struct said said;
    SAID(&said, "diff", "--exit-code", said_file(said_good),
         said_file("# a comment\nroutes: { all: { to: app, match: [/*] } }\n"
                   "services: { app: { targets: [127.0.0.1:9101] } }\n"
                   "listeners: { http: { listen: \":8080\" } }\n"));
    WANT_INT(said.code, EXIT_OK);
    WANT_STR(said.out, STR("no difference in meaning\n"));
}

TEST(a_difference_is_a_failure_only_when_asked_for)
{
    struct said said;
    SAID(&said, "diff", said_file(said_good), said_file(other));
    WANT_INT(said.code, EXIT_OK);
    WANT_HAS(said.out, "8081");
    SAID(&said, "diff", "--exit-code", said_file(said_good), said_file(other));
    WANT_INT(said.code, EXIT_FAILED);
}

TEST(both_files_must_be_right)
{
    struct said said;
    SAID(&said, "diff", said_file(said_bad), said_file(said_good));
    WANT_INT(said.code, EXIT_FAILED);
    SAID(&said, "diff", said_file(said_good), said_file(said_bad));
    WANT_INT(said.code, EXIT_FAILED);
    WANT_HAS(said.err, "E0107");
}
