/* reload_test.c - nobody to tell. Somebody: tests/flow. */
#include "test.h"

#include "said.h"

#include <signal.h>

TEST(without_a_process_nothing_is_read_again)
{
    struct said said;
    SAID(&said, "reload", "--socket", "/nowhere/at/all.sock");
    WANT_INT(said.code, EXIT_FAILED);
    SAID(&said, "reload", said_file(said_bad));
    WANT_INT(said.code, EXIT_FAILED);
    WANT_HAS(said.err, "E0107");
}

static volatile sig_atomic_t hangups;

static void on_hangup(int number)
{
    (void)number;
    hangups = hangups + 1;
}

TEST(a_process_is_told_by_signal)
{
    struct said said;
    char pid[32];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    (void)signal(SIGHUP, on_hangup);
    SAID(&said, "reload", "--pid", pid);
    WANT_INT(said.code, EXIT_OK);
    WANT_INT(hangups, 1);
    (void)signal(SIGHUP, SIG_DFL);
}

TEST(not_every_number_is_a_process)
{
    static const char *const pids[] = {"0", "1", "-1", "x", "4194305"};
    for (size_t i = 0; i < COUNT_OF(pids); i++) {
        struct said said;
        SAID(&said, "reload", "--pid", pids[i]);
        WANT_INT(said.code, EXIT_USAGE);
    }
    struct said said;
    SAID(&said, "reload", "--pid", "4194303");
    WANT_INT(said.code, EXIT_FAILED);
    SAID(&said, "reload", "--pid", "4194303", "x.yaml");
    WANT_INT(said.code, EXIT_USAGE);
}
