/* status_test.c - nobody to ask. Somebody: tests/flow. */
#include "test.h"

#include "said.h"

TEST(without_a_process_there_is_no_status)
{
    struct said said;
    SAID(&said, "status", "--socket", "/nowhere/at/all.sock");
    WANT_INT(said.code, EXIT_FAILED);
    WANT_STR(said.err, STR("sluice status: /nowhere/at/all.sock: nobody has made it\n"));
    WANT_STR(said.out, STR(""));
    SAID(&said, "status", "--socket", "/dev/null");
    WANT_INT(said.code, EXIT_FAILED);
    WANT_HAS(said.err, "nobody listens on it");
}
