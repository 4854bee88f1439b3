/* targets_test.c - words that cannot be asked. What is asked of a process: tests/flow/test_life.py. */
#include "test.h"

#include "said.h"

TEST(without_a_process_there_is_no_list)
{
    struct said said;
    SAID(&said, "targets", "--socket", "/nowhere/at/all.sock");
    WANT_INT(said.code, EXIT_FAILED);
    WANT_STR(said.err, STR("sluice targets: /nowhere/at/all.sock: nobody has made it\n"));
}

TEST(what_is_not_a_change_is_a_mistake_in_usage)
{
    struct said said;
    SAID(&said, "targets", "drain");
    WANT_INT(said.code, EXIT_USAGE);
    WANT_HAS(said.err, "write: sluice targets drain SERVICE/INSTANCE");
    SAID(&said, "targets", "weight", "a/b");
    WANT_INT(said.code, EXIT_USAGE);
    SAID(&said, "targets", "weight", "a/b", "many");
    WANT_HAS(said.err, "\"many\" is not a weight");
    SAID(&said, "targets", "maint", "orders");
    WANT_HAS(said.err, "is not written SERVICE/INSTANCE");
    SAID(&said, "targets", "maint", "/b");
    WANT_INT(said.code, EXIT_USAGE);
    SAID(&said, "targets", "explode", "a/b");
    WANT_HAS(said.err, "is none of drain");
}
