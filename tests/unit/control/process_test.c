/* process_test.c - the data process from its start to its end, in a child of the test. */
#include "control/process.h"

#include "base/check.h"
#include "control/supervisor.h"
#include "test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUIET "observe: { access_log: { to: off } }\n"
#define SERVED                                                                                     \
    "listeners: { http: { listen: \"127.0.0.1:18931\" } }\n"                                        \
    "routes: { r: { match: /x, respond: { status: 200 } } }\n" QUIET

static char path[] = "/tmp/sluice-process-XXXXXX";
static rlim_t files_max; /* descriptors that the child may have; 0: as many as we */

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
        if (files_max > 0) {
            const struct rlimit files = {files_max, files_max};
            CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
        }
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
        write_file(SERVED);
        WANT_INT(exit_code(numbers[i], said, sizeof said), 0);
        WANT(strstr(said, "draining") != NULL);
    }
}

TEST(a_start_that_fails_anywhere_says_so_and_leaves_with_1)
{
    bool has_served = false;
    write_file(SERVED);
    for (files_max = 5; files_max < 64 && !has_served; files_max++) {
        char said[8192] = "";
        int code = exit_code(SIGTERM, said, sizeof said);
        has_served = strstr(said, "serving with") != NULL;
        WANT_INT(code, has_served ? EXIT_SUCCESS : EXIT_FAILURE);
        WANT(has_served || strstr(said, "cannot") != NULL || strstr(said, "not put to use") != NULL);
    }
    WANT(has_served);
    files_max = 0;
}

TEST(an_address_that_is_taken_ends_the_start_with_1_and_is_named)
{
    char said[8192] = "";
    const struct sockaddr_in addr = {.sin_family = AF_INET,
                                     .sin_port = htons(18931),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    CHECK(bind(fd, (const struct sockaddr *)&addr, sizeof addr) == 0 && listen(fd, 1) == 0);
    WANT_INT(exit_code(SIGTERM, said, sizeof said), EXIT_FAILURE);
    WANT(strstr(said, "127.0.0.1:18931") != NULL);
    (void)close(fd);
    (void)unlink(path);
}
