#define _GNU_SOURCE
#include "net/socket.h"

#include "fault.h"
#include "pair.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static struct addr address(const char *text)
{
    struct addr addr;
    WANT(addr_parse(str_from_c(text), &addr) == OK);
    return addr;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t bytes = sizeof value;
    WANT(getsockopt(fd, level, name, &value, &bytes) == 0);
    return value;
}

/* A listener on a free port of loopback, and its address. */
static int listener(struct addr *addr)
{
    int fd = -1;
    *addr = address("127.0.0.1:0");
    WANT(socket_listen(addr, 16, false, &fd) == OK);
    WANT(socket_local(fd, addr) == OK);
    WANT(addr->port != 0);
    return fd;
}

TEST(an_accepted_socket_has_its_options_from_the_listener)
{
    struct addr addr, peer, near_end;
    int listen_fd = listener(&addr), near = -1, far = -1;
    WANT(socket_accept(listen_fd, &near, &peer) == ERR_AGAIN && near < 0);
    WANT(socket_connect(&addr, NULL, &far) == OK);
    WANT(pair_wait(listen_fd, POLLIN, 1000));
    WANT(socket_accept(listen_fd, &near, &peer) == OK);
    WANT(socket_local(far, &near_end) == OK && addr_eq(&near_end, &peer));
    WANT(socket_peer(far, &near_end) == OK && addr_eq(&near_end, &addr));
    const int fds[] = {listen_fd, near, far};
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        WANT((fcntl(fds[i], F_GETFL) & O_NONBLOCK) != 0);
        WANT((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0);
        WANT(option(fds[i], IPPROTO_TCP, TCP_NODELAY) == 1);
    }
    WANT(option(near, IPPROTO_TCP, TCP_DEFER_ACCEPT) == 0);
    socket_close(&near);
    socket_close(&far);
    socket_close(&listen_fd);
    WANT(near == -1 && far == -1);
}

TEST(an_address_in_use_is_told_even_with_reuse_port)
{
    struct addr addr;
    int first = listener(&addr), second = -1, third = -1;
    WANT(socket_listen(&addr, 16, false, &second) == ERR_ADDRESS_IN_USE && second == -1);
    WANT(socket_listen(&addr, 16, true, &second) == ERR_ADDRESS_IN_USE);
    WANT(socket_listen_probe(&addr) == ERR_ADDRESS_IN_USE);
    socket_close(&first);
    WANT(socket_listen_probe(&addr) == OK);
    WANT(socket_listen(&addr, 16, true, &first) == OK);
    WANT(socket_listen_probe(&addr) == ERR_ADDRESS_IN_USE);
    WANT(socket_listen(&addr, 16, true, &second) == OK);
    WANT(socket_listen(&addr, 16, true, &third) == OK);
    socket_close(&first);
    socket_close(&second);
    socket_close(&third);
    WANT_STR(str_from_c(err_text(ERR_ADDRESS_IN_USE)),
             STR("another process already listens on this address"));
}

TEST(an_address_of_another_machine_is_told)
{
    struct addr foreign = address("192.0.2.1:8080");
    int fd = -1;
    WANT(socket_listen(&foreign, 16, true, &fd) == ERR_ADDRESS_ABSENT && fd == -1);
}

TEST(a_low_port_without_the_privilege_is_told)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        struct addr low = address("127.0.0.1:81");
        int fd = -1;
        bool is_dropped = geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);
        bool is_free_for_all = false; /* net.ipv4.ip_unprivileged_port_start may allow it */
        enum err e = is_dropped ? socket_listen(&low, 16, true, &fd) : ERR_BUG;
        is_free_for_all = e == OK;
        _exit(e == ERR_NOT_PERMITTED || is_free_for_all ? 0 : 1);
    }
    WANT(waitpid(child, &status, 0) == child && status == 0);
}

TEST(the_any_address_takes_both_families)
{
    struct addr any = address("[::]:0"), peer, v4 = address("127.0.0.1:1");
    int listen_fd = -1, near = -1, far = -1;
    WANT(socket_listen(&any, 16, true, &listen_fd) == OK);
    WANT(socket_local(listen_fd, &any) == OK);
    v4.port = any.port;
    WANT(socket_connect(&v4, NULL, &far) == OK);
    WANT(pair_wait(listen_fd, POLLIN, 1000));
    WANT(socket_accept(listen_fd, &near, &peer) == OK && peer.family == ADDR_V4);
    socket_close(&near);
    socket_close(&far);
    socket_close(&listen_fd);
}

TEST(a_kernel_without_ipv6_gives_the_any_address_of_ipv4)
{
    struct addr any = address("[::]:0"), one = address("[::1]:0"), got;
    int fd = -1;
    fault_set((struct fault){.error = EAFNOSUPPORT, .times = 1});
    WANT(socket_listen(&any, 4, true, &fd) == OK);
    WANT(socket_local(fd, &got) == OK && got.family == ADDR_V4);
    socket_close(&fd);
    fault_set((struct fault){.error = EAFNOSUPPORT});
    WANT(socket_listen(&one, 4, true, &fd) == ERR_ADDRESS_ABSENT && fd == -1);
    WANT(socket_connect(&one, NULL, &fd) == ERR_ORIGIN_CONNECT && fd == -1);
    static const struct {
        int error;
        enum err wanted;
    } rows[] = {{EACCES, ERR_NOT_PERMITTED},
                {EMFILE, ERR_LIMIT},
                {ENOMEM, ERR_LIMIT},
                {EPROTO, ERR_SYSTEM}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fault_set((struct fault){.error = rows[i].error});
        WANT_INT(socket_listen(&one, 4, true, &fd), rows[i].wanted);
        WANT_INT(socket_listen_probe(&one), OK); /* port 0: nobody can have it */
    }
    fault_set((struct fault){0});
}

TEST(accept_sorts_what_to_skip_from_what_to_wait_for)
{
    static const struct {
        int error;
        enum err wanted;
    } rows[] = {{EAGAIN, ERR_AGAIN},   {ECONNABORTED, ERR_CLOSED}, {EPROTO, ERR_CLOSED},
                {EPERM, ERR_CLOSED},   {ENETDOWN, ERR_CLOSED},     {EHOSTUNREACH, ERR_CLOSED},
                {EMFILE, ERR_LIMIT},   {ENFILE, ERR_LIMIT},        {ENOBUFS, ERR_LIMIT},
                {ENOMEM, ERR_LIMIT},   {EBADF, ERR_SYSTEM},        {EINVAL, ERR_SYSTEM},
                {ENOTSOCK, ERR_SYSTEM}};
    struct addr peer;
    int fd;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fault_set((struct fault){.error = rows[i].error});
        WANT_INT(socket_accept(0, &fd, &peer), rows[i].wanted);
        WANT(fd == -1);
    }
    fault_set((struct fault){0});
}

/* Runs in a child process, whose descriptors may run out. */
static int run_out_of_descriptors(void)
{
    struct addr addr, peer;
    int listen_fd = listener(&addr), waiting = -1, fd = -1;
    if (socket_connect(&addr, NULL, &waiting) != OK || !pair_wait(listen_fd, POLLIN, 1000)) {
        return 1;
    }
    const struct rlimit none = {.rlim_cur = 3, .rlim_max = 64};
    if (setrlimit(RLIMIT_NOFILE, &none) != 0) {
        return 2;
    }
    if (socket_accept(listen_fd, &fd, &peer) != ERR_LIMIT || fd != -1 ||
        socket_connect(&addr, NULL, &fd) != ERR_LIMIT || fd != -1 ||
        socket_listen(&addr, 1, true, &fd) != ERR_LIMIT || fd != -1) {
        return 3;
    }
    const struct rlimit some = {.rlim_cur = 64, .rlim_max = 64};
    if (setrlimit(RLIMIT_NOFILE, &some) != 0) {
        return 4;
    }
    return socket_accept(listen_fd, &fd, &peer) == OK ? 0 : 5; /* it had waited */
}

TEST(running_out_of_descriptors_is_a_limit_and_passes)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        _exit(run_out_of_descriptors());
    }
    WANT(waitpid(child, &status, 0) == child);
    WANT_INT(WEXITSTATUS(status), 0);
}

TEST(a_refused_connection_is_told_by_the_pending_error)
{
    struct addr addr;
    int listen_fd = listener(&addr), fd = -1;
    socket_close(&listen_fd);
    enum err e = socket_connect(&addr, NULL, &fd);
    if (e == OK) {
        WANT(pair_wait(fd, POLLOUT, 1000));
        e = socket_error(fd);
        WANT(socket_error(fd) == OK); /* taken */
    }
    WANT_INT(e, ERR_ORIGIN_CONNECT);
    socket_close(&fd);
}

TEST(every_way_a_connect_fails_has_its_error)
{
    static const struct {
        int error;
        enum err wanted;
    } rows[] = {{ECONNREFUSED, ERR_ORIGIN_CONNECT},
                {ENETUNREACH, ERR_ORIGIN_CONNECT},
                {EHOSTUNREACH, ERR_ORIGIN_CONNECT},
                {EACCES, ERR_ORIGIN_CONNECT},
                {EINVAL, ERR_ORIGIN_CONNECT},
                {ETIMEDOUT, ERR_ORIGIN_CONNECT_TIMEOUT},
                {EADDRNOTAVAIL, ERR_LIMIT},
                {EAGAIN, ERR_LIMIT},
                {ENOBUFS, ERR_LIMIT},
                {ECONNRESET, ERR_CLOSED},
                {EIO, ERR_IO},
                {EINPROGRESS, OK}};
    struct addr addr = address("127.0.0.1:9");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int fd = -1;
        fault_set((struct fault){.error = rows[i].error, .after = 1}); /* socket(2) works */
        WANT_INT(socket_connect(&addr, NULL, &fd), rows[i].wanted);
        WANT((fd >= 0) == (rows[i].wanted == OK));
        socket_close(&fd);
    }
    fault_set((struct fault){0});
}

TEST(a_source_address_does_not_use_up_the_ports)
{
    struct addr addr, peer;
    int listen_fd = listener(&addr), fd = -1, near = -1;
    struct socket_connect_conf conf = {.local = address("127.0.0.2:0"), .user_timeout_ms = 1500};
    WANT(socket_connect(&addr, &conf, &fd) == OK);
    WANT(option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT) == 1);
    WANT(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 1500);
    WANT(pair_wait(listen_fd, POLLIN, 1000));
    WANT(socket_accept(listen_fd, &near, &peer) == OK);
    WANT(peer.ip[3] == 2 && peer.port != 0);
    socket_close(&near);
    socket_close(&fd);
    conf.local = address("192.0.2.1:0");
    WANT(socket_connect(&addr, &conf, &fd) == ERR_ADDRESS_ABSENT && fd == -1);
    socket_close(&listen_fd);
}

TEST(an_orderly_end_and_a_reset_are_told_apart)
{
    struct pair pair;
    char room[64];
    size_t got = 9;
    WANT(pair_open(&pair) == OK);
    WANT(socket_recv(pair.near, room, sizeof room, &got) == ERR_AGAIN && got == 0);
    WANT(pair_say(&pair, STR("hello")));
    WANT(pair_wait(pair.near, POLLIN, 1000));
    WANT(socket_recv(pair.near, room, sizeof room, &got) == OK);
    WANT_STR(str_of(room, got), STR("hello"));
    socket_shutdown_send(pair.far);
    WANT(pair_wait(pair.near, POLLIN, 1000));
    WANT(socket_recv(pair.near, room, sizeof room, &got) == ERR_CLOSED && got == 0);
    WANT(socket_send_str(pair.near, STR("bye"), &got) == OK && got == 3);
    WANT_STR(pair_hear(&pair, 1000), STR("bye"));
    pair_close(&pair);

    WANT(pair_open(&pair) == OK);
    pair_reset(&pair);
    WANT(pair_wait(pair.near, POLLIN, 1000));
    WANT(socket_recv(pair.near, room, sizeof room, &got) == ERR_IO && got == 0);
    WANT(socket_send_str(pair.near, STR("bye"), &got) == ERR_CLOSED && got == 0);
    pair_close(&pair);
}

TEST(lingering_off_makes_the_close_a_reset)
{
    struct pair pair;
    char room[8];
    WANT(pair_open(&pair) == OK);
    socket_linger_reset(pair.near);
    socket_close(&pair.near);
    WANT(pair_wait(pair.far, POLLIN, 1000));
    WANT(read(pair.far, room, sizeof room) == -1 && errno == ECONNRESET);
    pair_close(&pair);
}

TEST(pieces_are_sent_in_order_and_a_full_socket_says_so)
{
    struct pair pair;
    char head[] = "head ", body[] = "body";
    const struct iovec pieces[] = {{head, 5}, {body, 4}};
    static char block[65536];
    const struct iovec large = {block, sizeof block};
    size_t sent = 0, total = 0;
    WANT(pair_open(&pair) == OK);
    WANT(socket_send(pair.near, pieces, 2, false, &sent) == OK && sent == 9);
    WANT_STR(pair_hear(&pair, 1000), STR("head body"));
    WANT(socket_send(pair.near, pieces, 1, true, &sent) == OK && sent == 5);
    WANT(pair_hear(&pair, 10).len == 0); /* held back */
    WANT(socket_send(pair.near, pieces + 1, 1, false, &sent) == OK && sent == 4);
    WANT_STR(pair_hear(&pair, 1000), STR("head body"));
    enum err e = OK;
    while (e == OK && total < 1U << 28) {
        e = socket_send(pair.near, &large, 1, false, &sent);
        total += sent;
    }
    WANT(e == ERR_AGAIN && sent == 0);
    pair_close(&pair);
}

TEST(short_calls_are_no_errors)
{
    struct pair pair;
    char room[64];
    char text[] = "abcdef";
    const struct iovec piece = {text, 6};
    size_t moved = 0;
    WANT(pair_open(&pair) == OK);
    fault_set((struct fault){.bytes_max = 2});
    WANT(socket_send(pair.near, &piece, 1, false, &moved) == OK && moved == 2);
    WANT(socket_send_str(pair.near, STR("xyz"), &moved) == OK && moved == 2);
    fault_set((struct fault){0});
    WANT_STR(pair_hear(&pair, 1000), STR("abxy"));
    WANT(pair_say(&pair, STR("12345")));
    WANT(pair_wait(pair.near, POLLIN, 1000));
    fault_set((struct fault){.bytes_max = 3, .every = 2});
    WANT(socket_recv(pair.near, room, sizeof room, &moved) == OK && moved == 3);
    WANT(socket_recv(pair.near, room, sizeof room, &moved) == ERR_AGAIN && moved == 0);
    WANT(socket_recv(pair.near, room, sizeof room, &moved) == OK && moved == 2);
    fault_set((struct fault){0});
    pair_close(&pair);
}

TEST(errors_of_established_connections_are_told)
{
    struct pair pair;
    char room[8];
    char text[] = "x";
    const struct iovec piece = {text, 1};
    size_t moved;
    WANT(pair_open(&pair) == OK);
    fault_set((struct fault){.error = ETIMEDOUT});
    WANT(socket_recv(pair.near, room, sizeof room, &moved) == ERR_IO);
    WANT(socket_send(pair.near, &piece, 1, false, &moved) == ERR_IO);
    fault_set((struct fault){.error = EPIPE});
    WANT(socket_send(pair.near, &piece, 1, false, &moved) == ERR_CLOSED);
    fault_set((struct fault){0});
    WANT(socket_error(-1) == ERR_SYSTEM);
    struct addr addr;
    WANT(socket_local(-1, &addr) == ERR_SYSTEM && socket_peer(-1, &addr) == ERR_SYSTEM);
    pair_close(&pair);
}
