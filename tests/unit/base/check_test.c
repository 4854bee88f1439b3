#include "base/check.h"
#include "base/str.h"
#include "test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `run` in a child and returns how it ended, as waitpid says; *said is its standard error. */
static int end_of(void (*run)(void), char *said, size_t bytes)
{
    int ends[2], status = -1;
    WANT(pipe(ends) == 0);
    (void)fflush(stdout); /* or the child says it again when it aborts */
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL);
        run();
        _exit(0);
    }
    (void)close(ends[1]);
    size_t len = 0;
    for (ssize_t got; (got = read(ends[0], said + len, bytes - 1 - len)) > 0;) {
        len += (size_t)got;
    }
    said[len] = '\0';
    (void)close(ends[0]);
    WANT(waitpid(pid, &status, 0) == pid);
    return status;
}

static void claim_what_is_true(void)
{
    CHECK(2 > 1);
}

static void claim_what_is_false(void)
{
    CHECK(1 > 2);
}

static int asked;

static bool ask(void)
{
    asked++;
    return true;
}

TEST(a_true_claim_changes_nothing)
{
    char said[512];
    int status = end_of(claim_what_is_true, said, sizeof said);
    WANT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    WANT_STR(str_from_c(said), STR(""));
}

TEST(a_false_claim_aborts_and_says_what_was_claimed_and_where)
{
    char said[512];
    int status = end_of(claim_what_is_false, said, sizeof said);
    WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    WANT(strstr(said, "CHECK failed: 1 > 2 (") != NULL);
    WANT(strstr(said, "check_test.c:") != NULL);
}

TEST(a_claim_is_evaluated_once)
{
    asked = 0;
    CHECK(ask());
    WANT_INT(asked, 1);
}
