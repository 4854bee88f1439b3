/* process_test.c - the data process from its start to its end, in a child of the test. */
#include "control/process.h"

#include "base/check.h"
#include "control/supervisor.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[] = "/tmp/sluice-process-XXXXXX";

static void write_file(const char *text)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    CHECK(close(fd) == 0);
}

/* Runs the process in a child, with its words in *said; `signal_number` ends it once it serves. */
static int exit_code(int signal_number, char *said, size_t bytes)
{
    int ends[2], status = 0;
    size_t len = 0;
    (void)fflush(stdout);
    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        const struct process_conf conf = {.path = path, .core_count = 2};
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        _exit(process_run(&conf));
    }
    (void)close(ends[1]);
    for (ssize_t got; (got = read(ends[0], said + len, bytes - 1 - len)) > 0;) {
        len += (size_t)got;
        said[len] = '\0';
        if (signal_number != 0 && strstr(said, "serving with 2 cores") != NULL) {
            CHECK(kill(pid, signal_number) == 0);
            signal_number = 0;
        }
    }
    (void)close(ends[0]);
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(a_wrong_file_ends_it_with_its_own_code_and_says_where)
{
    char said[8192] = "";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK(close(fd) == 0);
    write_file("routes: { r: { match: /x, to: nowhere } }\n");
    WANT_INT(exit_code(0, said, sizeof said), EXIT_CONFIG);
    WANT(strstr(said, "nowhere") != NULL);
    WANT(strstr(said, ":1:") != NULL);
}

TEST(it_serves_until_it_is_told_to_stop_and_leaves_with_0)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        char said[8192] = "";
        write_file("listeners: { http: { listen: \"127.0.0.1:18931\" } }\n"
                   "routes: { r: { match: /x, respond: { status: 200 } } }\n"
                   "observe: { access_log: { to: off } }\n");
        WANT_INT(exit_code(numbers[i], said, sizeof said), 0);
        WANT(strstr(said, "draining") != NULL);
    }
    (void)unlink(path);
}
