#define _GNU_SOURCE
#include "net/handover.h"

#include "net/socket.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static int lost_count;

static void on_lost(struct handover *handover)
{
    (void)handover;
    lost_count++;
}

/* Opens the data process's end as if a supervisor had started us; returns the other end. */
static int open_under_supervisor(struct handover *handover)
{
    int pair[2];
    char text[16];
    WANT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    (void)snprintf(text, sizeof text, "%d", pair[1]);
    (void)setenv(HANDOVER_ENV_FD, text, 1);
    (void)setenv(HANDOVER_ENV_RESTARTS, "7", 1);
    handover_open(handover);
    WANT(getenv(HANDOVER_ENV_FD) == NULL && getenv(HANDOVER_ENV_RESTARTS) == NULL);
    return pair[0];
}

static struct addr loopback(void)
{
    struct addr addr;
    WANT(addr_parse(STR("127.0.0.1:0"), &addr) == OK);
    return addr;
}

TEST(without_a_supervisor_sockets_are_bound_here)
{
    struct handover handover;
    struct addr addr = loopback();
    int first = -1, second = -1, third = -1;
    handover_open(&handover);
    WANT(!handover_has_supervisor(&handover));
    WANT(handover_listen(&handover, &addr, 0, &first) == OK);
    WANT(socket_local(first, &addr) == OK);
    WANT(handover_listen(&handover, &addr, 1, &second) == OK);
    WANT(handover_listen(&handover, &addr, 0, &third) == ERR_ADDRESS_IN_USE && third == -1);
    handover_release(&handover, &addr, 0);
    handover_ready(&handover);
    WANT(handover_watch(&handover, NULL, on_lost) == OK);
    handover_close(&handover);
    socket_close(&first);
    socket_close(&second);
}

TEST(a_wrong_environment_is_no_supervisor)
{
    static const char *const wrong[] = {"", "x", "-1", "99999999999", "2000000000", "0"};
    struct handover handover;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        (void)setenv(HANDOVER_ENV_FD, wrong[i], 1);
        handover_open(&handover);
        WANT(!handover_has_supervisor(&handover) && getenv(HANDOVER_ENV_FD) == NULL);
    }
}

/* The supervisor's part of one question: a late answer first, then the right one. */
static void *answer_once(void *arg)
{
    int fd = *(int *)arg, passed = -1;
    struct handover_record asked, answer;
    const struct addr addr = {.family = ADDR_V4, .ip = {127, 0, 0, 1}};
    WANT(handover_get(fd, &asked, &passed) == OK && asked.kind == HANDOVER_LISTEN);
    answer = asked;
    answer.kind = HANDOVER_ANSWER;
    answer.index = (uint16_t)(asked.index + 1);
    WANT(socket_listen(&addr, 4, true, &passed) == OK);
    WANT(handover_put(fd, &answer, passed) == OK);
    answer.index = asked.index;
    WANT(handover_put(fd, &answer, passed) == OK);
    socket_close(&passed);
    return NULL;
}

TEST(a_socket_comes_from_the_supervisor)
{
    struct handover handover;
    struct addr addr = loopback();
    int other = open_under_supervisor(&handover), fd = -1;
    pthread_t thread;
    WANT(handover_has_supervisor(&handover) && handover.restarts_total == 7);
    WANT((fcntl(handover.io.fd, F_GETFD) & FD_CLOEXEC) != 0);
    WANT(pthread_create(&thread, NULL, answer_once, &other) == 0);
    WANT(handover_listen(&handover, &addr, 3, &fd) == OK);
    WANT(pthread_join(thread, NULL) == 0);
    WANT(socket_local(fd, &addr) == OK && addr.port != 0);
    WANT((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    socket_close(&fd);
    handover_close(&handover);
    socket_close(&other);
}

static enum err answered_with(uint8_t status, int *fd)
{
    struct handover handover;
    struct addr addr = loopback();
    int other = open_under_supervisor(&handover);
    struct handover_record answer = {.bytes = sizeof answer, .version = HANDOVER_VERSION};
    answer.kind = HANDOVER_ANSWER;
    answer.status = status;
    answer.family = addr.family;
    memcpy(answer.ip, addr.ip, sizeof answer.ip);
    WANT(handover_put(other, &answer, -1) == OK);
    enum err e = handover_listen(&handover, &addr, 0, fd);
    handover_close(&handover);
    socket_close(&other);
    return e;
}

TEST(every_refusal_has_its_error)
{
    static const enum err wanted[] = {
        [HANDOVER_OK] = ERR_SYSTEM, /* without a descriptor that is none */
        [HANDOVER_IN_USE] = ERR_ADDRESS_IN_USE,
        [HANDOVER_ABSENT] = ERR_ADDRESS_ABSENT,
        [HANDOVER_NOT_PERMITTED] = ERR_NOT_PERMITTED,
        [HANDOVER_LIMIT] = ERR_LIMIT,
        [HANDOVER_FAILED] = ERR_SYSTEM,
        [HANDOVER_STATUS_COUNT] = ERR_SYSTEM,
    };
    for (uint8_t status = 0; status < COUNT_OF(wanted); status++) {
        int fd = 0;
        WANT_INT(answered_with(status, &fd), wanted[status]);
        WANT(fd == -1);
    }
}

TEST(a_supervisor_that_does_not_answer_is_not_waited_for_forever)
{
    struct handover handover;
    struct loop loop;
    struct addr addr = loopback();
    int other = open_under_supervisor(&handover), fd = 0, passed = -1;
    const struct timeval wait = {.tv_usec = 20000};
    struct handover_record asked;
    WANT(setsockopt(handover.io.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0);
    WANT(handover_listen(&handover, &addr, 0, &fd) == ERR_AGAIN && fd == -1);
    /* The answer comes when nobody waits for it: dropped, with its socket. */
    WANT(loop_init(&loop) == OK && handover_watch(&handover, &loop, on_lost) == OK);
    WANT(handover_get(other, &asked, &passed) == OK);
    asked.kind = HANDOVER_ANSWER;
    WANT(handover_put(other, &asked, 0) == OK);
    int before = dup(0);
    (void)close(before);
    lost_count = 0;
    loop_turn(&loop, 1000);
    int after = dup(0);
    (void)close(after);
    WANT_INT(after, before);
    WANT(lost_count == 0 && handover_has_supervisor(&handover));
    handover_close(&handover);
    handover_close(&handover);
    socket_close(&other);
    loop_drop(&loop);
}

TEST(a_supervisor_that_died_is_noticed_and_replaced_by_our_own_bind)
{
    struct handover handover;
    struct loop loop;
    struct addr addr = loopback();
    int other = open_under_supervisor(&handover), fd = -1;
    lost_count = 0;
    WANT(loop_init(&loop) == OK);
    WANT(handover_watch(&handover, &loop, on_lost) == OK);
    loop_turn(&loop, 0);
    WANT(lost_count == 0 && handover_has_supervisor(&handover));
    socket_close(&other);
    loop_turn(&loop, 1000);
    WANT(lost_count == 1 && !handover_has_supervisor(&handover));
    WANT(handover_listen(&handover, &addr, 0, &fd) == OK);
    socket_close(&fd);

    other = open_under_supervisor(&handover);
    socket_close(&other);
    handover_ready(&handover);
    WANT(!handover_has_supervisor(&handover));

    other = open_under_supervisor(&handover);
    socket_close(&other);
    WANT(handover_listen(&handover, &addr, 0, &fd) == OK);
    WANT(!handover_has_supervisor(&handover));
    socket_close(&fd);
    loop_drop(&loop);
}
