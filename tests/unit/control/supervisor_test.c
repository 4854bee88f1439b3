/* The supervisor runs this very program as its data process: a constructor sees that a supervisor
 * started it and plays the part that argv[1] names, before any test would run. */
#define _GNU_SOURCE
#include "control/supervisor.h"

#include "base/limits.h"
#include "net/handover.h"
#include "net/signals.h"
#include "net/socket.h"
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(long ms)
{
    const struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&wait, NULL);
}

/* The part of a server: answers each connection with "<pid> <restarts>\n"; SIGTERM ends it. */
struct part {
    struct signals signals;
    struct handover handover;
    struct io listener;
    struct loop loop;
    int hups;
};

static void part_on_signal(struct signals *signals, int number)
{
    struct part *part = CONTAINER_OF(signals, struct part, signals);
    if (number == SIGHUP) {
        part->hups++;
    } else {
        loop_stop(&part->loop);
    }
}

static void part_on_client(struct loop *loop, struct io *io, unsigned ready)
{
    struct part *part = CONTAINER_OF(io, struct part, listener);
    struct addr peer;
    char text[64];
    int fd;
    (void)loop;
    (void)ready;
    if (socket_accept(io->fd, &fd, &peer) == OK) {
        int len = snprintf(text, sizeof text, "%d %u %d\n", (int)getpid(),
                           part->handover.restarts_total, part->hups);
        ssize_t n = write(fd, text, (size_t)len);
        (void)n;
        socket_close(&fd);
    }
}

static int play_server(const char *address, bool has_second)
{
    static struct part part;
    struct addr addr;
    int second = -1;
    signals_block();
    handover_open(&part.handover);
    part.listener.on_ready = part_on_client;
    if (!handover_has_supervisor(&part.handover) || addr_parse(str_from_c(address), &addr) != OK ||
        loop_init(&part.loop) != OK ||
        signals_open(&part.signals, &part.loop, part_on_signal) != OK ||
        handover_watch(&part.handover, &part.loop, NULL) != OK ||
        handover_listen(&part.handover, &addr, 0, &part.listener.fd) != OK ||
        loop_watch_level(&part.loop, &part.listener) != OK) {
        return EXIT_FAILURE;
    }
    if (has_second && part.handover.restarts_total == 0 &&
        handover_listen(&part.handover, &addr, 1, &second) != OK) {
        return EXIT_FAILURE;
    }
    handover_ready(&part.handover);
    loop_run(&part.loop);
    return 0;
}

/* Asks for more sockets than the supervisor keeps; 0: the last one was refused, and a released one
 * can be had again. */
static int play_hoarder(void)
{
    struct handover handover;
    struct addr addr = {.family = ADDR_V4, .ip = {127, 0, 0, 1}};
    enum err e = OK;
    int fd;
    uint32_t count = 0;
    handover_open(&handover);
    for (; e == OK && count <= LIMIT_VALUE(listen_sockets); count++) {
        addr.ip[3] = (uint8_t)(1 + count / HANDOVER_INDEX_MAX);
        e = handover_listen(&handover, &addr, (uint16_t)(count % HANDOVER_INDEX_MAX), &fd);
        socket_close(&fd);
    }
    if (e != ERR_LIMIT) {
        return 1;
    }
    addr.ip[3] = 1;
    handover_release(&handover, &addr, 1);
    addr.ip[3] = 9;
    return handover_listen(&handover, &addr, 1, &fd) == OK ? 0 : 2;
}

/* Ready, which it tells on a descriptor of the test's; deaf to SIGTERM; drained after a while. */
static int play_without_hearing(const char *fd_text, bool is_draining)
{
    struct handover handover;
    uint64_t fd = 0;
    signals_block();
    handover_open(&handover);
    handover_ready(&handover);
    if (!str_to_u64(str_from_c(fd_text), &fd) || write((int)fd, "r", 1) != 1) {
        return EXIT_FAILURE;
    }
    while (!is_draining) {
        (void)pause();
    }
    sleep_ms(300);
    return 0;
}

/* argv of a part: "data", its name, an argument. */
__attribute__((constructor)) static void play_a_part(int argc, char **argv)
{
    if (getenv(HANDOVER_ENV_FD) == NULL || argc < 3) {
        return;
    }
    struct str name = str_from_c(argv[1]);
    const char *restarts = getenv(HANDOVER_ENV_RESTARTS);
    if (str_eq(name, STR("serve"))) {
        _exit(play_server(argv[2], false));
    }
    if (str_eq(name, STR("serve_two"))) {
        _exit(play_server(argv[2], true));
    }
    if (str_eq(name, STR("hoard"))) {
        _exit(play_hoarder());
    }
    if (str_eq(name, STR("exit"))) {
        _exit(argv[2][0] - '0');
    }
    if (str_eq(name, STR("crash"))) {
        /* Ready each time, dead at once, and done after so many lives. */
        struct handover handover;
        bool is_last = restarts != NULL && strcmp(restarts, argv[2]) == 0;
        handover_open(&handover);
        handover_ready(&handover);
        _exit(is_last ? 0 : 9);
    }
    if (str_eq(name, STR("stubborn")) || str_eq(name, STR("draining"))) {
        _exit(play_without_hearing(argv[2], str_eq(name, STR("draining"))));
    }
    _exit(EXIT_FAILURE);
}

/* Runs a supervisor over one part, in a process of its own; it dies with the test. */
static pid_t supervise(char *name, char *argument, const struct supervisor_conf *given)
{
    char data[] = "data";
    char *argv[] = {data, name, argument, NULL};
    struct supervisor_conf conf = *given;
    conf.argv = argv;
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(supervisor_run(&conf));
    }
    return pid;
}

/* The exit code, or -1 when it did not end within 5 s (it is killed then). */
static int exit_code_of(pid_t pid)
{
    int status;
    for (int i = 0; i < 500; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        sleep_ms(10);
    }
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    return -1;
}

static struct addr free_address(char *text, size_t text_bytes)
{
    struct addr addr = {.family = ADDR_V4, .ip = {127, 0, 0, 1}};
    struct strbuf out = strbuf_over(text, text_bytes - 1);
    int fd = -1;
    WANT(socket_listen(&addr, 1, false, &fd) == OK && socket_local(fd, &addr) == OK);
    socket_close(&fd);
    addr_add(&out, &addr);
    text[out.len] = '\0';
    return addr;
}

/* What a server said to one connection; 0 answers within `wait_ms`: pid 0. */
struct answer {
    uint64_t pid, restarts, hups;
};

static struct answer ask_on(int fd, int wait_ms)
{
    struct answer answer = {0};
    char text[64] = {0};
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    if (poll(&polled, 1, wait_ms) == 1 && read(fd, text, sizeof text - 1) > 0) {
        struct str_pair pid = str_cut(str_trim(str_cut(str_from_c(text), '\n').head), ' ');
        struct str_pair rest = str_cut(pid.tail, ' ');
        WANT(str_to_u64(pid.head, &answer.pid));
        WANT(str_to_u64(rest.head, &answer.restarts));
        WANT(str_to_u64(rest.tail, &answer.hups));
    }
    return answer;
}

static int connect_to(const struct addr *addr)
{
    struct sockaddr_storage name;
    socklen_t name_bytes = addr_to_kernel(addr, &name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&name, name_bytes) != 0) {
        socket_close(&fd);
    }
    return fd;
}

static struct answer ask(const struct addr *addr)
{
    struct answer answer = {0};
    int fd = connect_to(addr);
    if (fd >= 0) {
        answer = ask_on(fd, 1000);
        socket_close(&fd);
    }
    return answer;
}

static struct answer ask_until_up(const struct addr *addr)
{
    struct answer answer = {0};
    for (int i = 0; i < 300 && answer.pid == 0; i++) {
        answer = ask(addr);
        if (answer.pid == 0) {
            sleep_ms(10);
        }
    }
    return answer;
}

static char serve[] = "serve", serve_two[] = "serve_two", hoard[] = "hoard", exit_part[] = "exit",
            crash[] = "crash", stubborn[] = "stubborn", draining[] = "draining";
static const struct supervisor_conf standard = {.stop_wait_ms = 3000};

TEST(a_killed_data_process_is_replaced_and_no_connection_is_refused)
{
    char text[ADDR_TEXT_BYTES_MAX];
    struct addr addr = free_address(text, sizeof text);
    pid_t pid = supervise(serve, text, &standard);
    struct answer before = ask_until_up(&addr);
    WANT(before.pid > 0 && before.restarts == 0);
    /* Stopped first, so that the connections surely wait in the queue when it dies. */
    (void)kill((pid_t)before.pid, SIGSTOP);
    int waiting[8];
    for (size_t i = 0; i < COUNT_OF(waiting); i++) {
        waiting[i] = connect_to(&addr);
        WANT(waiting[i] >= 0);
    }
    (void)kill((pid_t)before.pid, SIGKILL);
    int in_gap = connect_to(&addr);
    WANT(in_gap >= 0);
    for (size_t i = 0; i < COUNT_OF(waiting); i++) {
        struct answer after = ask_on(waiting[i], 3000);
        WANT(after.pid > 0 && after.pid != before.pid && after.restarts == 1);
        socket_close(&waiting[i]);
    }
    WANT(ask_on(in_gap, 3000).pid > 0);
    socket_close(&in_gap);
    (void)kill(pid, SIGTERM);
    WANT_INT(exit_code_of(pid), 0);
    int refused = connect_to(&addr);
    WANT(refused < 0);
}

TEST(signals_are_passed_on)
{
    char text[ADDR_TEXT_BYTES_MAX];
    struct addr addr = free_address(text, sizeof text);
    pid_t pid = supervise(serve, text, &standard);
    WANT(ask_until_up(&addr).hups == 0);
    (void)kill(pid, SIGHUP);
    uint64_t hups = 0;
    for (int i = 0; i < 100 && hups == 0; i++) {
        hups = ask(&addr).hups;
    }
    WANT_INT(hups, 1);
    (void)kill(pid, SIGINT);
    WANT_INT(exit_code_of(pid), 0);
}

TEST(a_start_that_cannot_work_ends_at_once_with_its_code)
{
    char code[2] = "2";
    WANT_INT(exit_code_of(supervise(exit_part, code, &standard)), EXIT_CONFIG);
    code[0] = '1';
    WANT_INT(exit_code_of(supervise(exit_part, code, &standard)), 1);
    code[0] = '0';
    WANT_INT(exit_code_of(supervise(exit_part, code, &standard)), 0);
}

TEST(deaths_in_a_row_are_answered_slower_and_slower)
{
    char lives[2] = "4";
    const struct supervisor_conf conf = {.restart_ms_min = 50, .restart_ms_max = 120};
    struct timespec from, to;
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    WANT_INT(exit_code_of(supervise(crash, lives, &conf)), 0);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    long took_ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
    WANT(took_ms >= 0 + 50 + 100 + 120);
}

/* Starts one of the deaf parts, and stops it when it is ready. */
static int stop_deaf_part(char *name, const struct supervisor_conf *conf)
{
    int fds[2];
    char text[16], byte;
    WANT(pipe(fds) == 0);
    (void)snprintf(text, sizeof text, "%d", fds[1]);
    pid_t pid = supervise(name, text, conf);
    WANT(read(fds[0], &byte, 1) == 1);
    (void)close(fds[0]);
    (void)close(fds[1]);
    (void)kill(pid, SIGTERM);
    return exit_code_of(pid);
}

TEST(stopping_waits_for_the_drain_and_kills_what_does_not_end)
{
    const struct supervisor_conf hasty = {.stop_wait_ms = 100};
    WANT_INT(stop_deaf_part(draining, &standard), 0);
    WANT_INT(stop_deaf_part(stubborn, &hasty), EXIT_FAILURE);
}

TEST(sockets_that_are_not_asked_for_again_are_closed)
{
    char text[ADDR_TEXT_BYTES_MAX];
    struct addr addr = free_address(text, sizeof text);
    pid_t pid = supervise(serve_two, text, &standard);
    struct answer answer = {0};
    /* Half of the connections go to the second socket, where nobody accepts. */
    for (int i = 0; i < 100 && answer.pid == 0; i++) {
        int fd = connect_to(&addr);
        answer = fd >= 0 ? ask_on(fd, 20) : answer;
        socket_close(&fd);
        sleep_ms(5);
    }
    WANT(answer.pid > 0);
    (void)kill((pid_t)answer.pid, SIGKILL);
    WANT(ask_until_up(&addr).restarts == 1);
    for (int i = 0; i < 32; i++) {
        WANT(ask(&addr).restarts == 1);
    }
    (void)kill(pid, SIGTERM);
    WANT_INT(exit_code_of(pid), 0);
}

TEST(the_supervisor_keeps_a_limited_number_of_sockets)
{
    char none[] = "-";
    struct rlimit files;
    WANT(getrlimit(RLIMIT_NOFILE, &files) == 0);
    struct rlimit more = files;
    more.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
    WANT(setrlimit(RLIMIT_NOFILE, &more) == 0);
    WANT_INT(exit_code_of(supervise(hoard, none, &standard)), 0);
    WANT(setrlimit(RLIMIT_NOFILE, &files) == 0);
}

TEST(the_data_process_outlives_its_supervisor)
{
    char text[ADDR_TEXT_BYTES_MAX];
    struct addr addr = free_address(text, sizeof text);
    int status;
    pid_t pid = supervise(serve, text, &standard);
    struct answer before = ask_until_up(&addr);
    (void)kill(pid, SIGKILL);
    WANT(waitpid(pid, &status, 0) == pid);
    struct answer after = ask(&addr);
    WANT(after.pid > 0 && after.pid == before.pid);
    (void)kill((pid_t)before.pid, SIGTERM);
}

TEST(an_address_of_somebody_else_ends_the_start)
{
    char text[ADDR_TEXT_BYTES_MAX];
    struct addr addr = free_address(text, sizeof text);
    int fd = -1;
    WANT(socket_listen(&addr, 4, true, &fd) == OK);
    WANT_INT(exit_code_of(supervise(serve, text, &standard)), EXIT_FAILURE);
    socket_close(&fd);
}
