/* listener_test.c - accepting in bounded batches, resting when descriptors run out, and closing. */
#include "door.h"

#include "base/check.h"
#include "base/limits.h"
#include "fault.h"
#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct door door;
static uint16_t port;

static void open_listener(void)
{
    struct addr addr, bound;
    int fd;
    door_open(&door);
    CHECK(addr_parse_ip(STR("127.0.0.1"), &addr) == OK);
    CHECK(socket_listen(&addr, 128, false, &fd) == OK);
    CHECK(socket_local(fd, &bound) == OK);
    port = bound.port;
    WANT_INT(listener_open(&door.listener, &door.core, &bound, 0, fd), OK);
}

static int dial(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&name, sizeof name) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

TEST(a_turn_accepts_no_more_than_its_share_and_the_rest_comes_after)
{
    int fds[LIMIT_VALUE_accepts_per_turn + 10];
    open_listener();
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = dial();
    }
    loop_turn(&door.core.loop, 100);
    WANT_INT(door.core.sessions.used_count, LIMIT_VALUE(accepts_per_turn));
    loop_turn(&door.core.loop, 100);
    WANT_INT(door.core.sessions.used_count, COUNT_OF(fds));
    WANT_INT(stats_read(&door.stats, door.conf.cell_accepted), COUNT_OF(fds));
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        (void)close(fds[i]);
    }
    listener_close(&door.listener);
    door_close(&door);
}

TEST(without_descriptors_accepting_rests_and_goes_on)
{
    open_listener();
    int fd = dial();
    fault_set((struct fault){.error = EMFILE});
    for (int i = 0; i < 20; i++) {
        loop_turn(&door.core.loop, 1);
    }
    unsigned calls = fault_calls();
    fault_set((struct fault){0});
    WANT(calls <= 2); /* no spinning on a socket that stays ready */
    WANT(stats_read(&door.stats, CELL_accept_errors) > 0);
    WANT_INT(door.core.sessions.used_count, 0);
    for (int i = 0; i < 200 && door.core.sessions.used_count == 0; i++) {
        loop_turn(&door.core.loop, 1);
    }
    WANT_INT(door.core.sessions.used_count, 1);
    (void)close(fd);
    listener_close(&door.listener);
    door_close(&door);
}

TEST(without_descriptors_an_idle_client_makes_room)
{
    struct pair pair;
    open_listener();
    door_client(&door, &pair);
    door_say(&door, &pair, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    door_answer(&door, "ok");
    WANT_INT(door.core.sessions.used_count, 1);
    int fd = dial();
    fault_set((struct fault){.error = EMFILE, .times = 1});
    loop_turn(&door.core.loop, 10);
    fault_set((struct fault){0});
    WANT_INT(door.core.sessions.used_count, 0);
    (void)close(fd);
    pair_close(&pair);
    listener_close(&door.listener); /* while it rests */
    door_run_ms(&door, 70);
    door_close(&door);
}

TEST(a_connection_that_died_in_the_queue_is_passed_over)
{
    open_listener();
    int first = dial();
    fault_set((struct fault){.error = ECONNABORTED, .times = 1});
    loop_turn(&door.core.loop, 10);
    fault_set((struct fault){0});
    WANT_INT(door.core.sessions.used_count, 1);
    (void)close(first);
    listener_close(&door.listener);
    WANT_INT(dial(), -1);
    WANT(door.listener.is_removed);
    door_close(&door);
}

TEST(settings_are_those_of_the_current_generation)
{
    door_open(&door);
    WANT(listener_conf(&door.listener) == &door.conf);
    door.confs[0] = NULL;
    WANT(listener_conf(&door.listener) == NULL);
    door.listener.slot = 1;
    WANT(listener_conf(&door.listener) == NULL);
    door.confs[0] = &door.conf;
    door_close(&door);
}

TEST(a_socket_that_cannot_be_watched_is_closed)
{
    struct addr addr;
    int fd;
    door_open(&door);
    CHECK(addr_parse_ip(STR("127.0.0.1"), &addr) == OK);
    CHECK(socket_listen(&addr, 8, false, &fd) == OK);
    int epoll_fd = door.core.loop.epoll_fd;
    door.core.loop.epoll_fd = -1;
    WANT_INT(listener_open(&door.listener, &door.core, &addr, 0, fd), ERR_SYSTEM);
    door.core.loop.epoll_fd = epoll_fd;
    WANT_INT(door.listener.io.fd, -1);
    WANT(fcntl(fd, F_GETFD) < 0);
    door_close(&door);
}
