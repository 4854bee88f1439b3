#define _GNU_SOURCE
#include "base/check.h"
#include "base/str.h"
#include "loop/loop.h"
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned seen_ready;
static int seen_count;

static void on_ready(struct loop *loop, struct io *io, unsigned ready)
{
    (void)loop;
    (void)io;
    seen_ready |= ready;
    seen_count++;
}

TEST(readiness_is_told_once_per_edge_and_never_after_close)
{
    struct loop loop;
    int fds[2];
    CHECK(loop_init(&loop) == OK);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    struct io io = {.on_ready = on_ready, .fd = fds[0]};
    CHECK(loop_watch(&loop, &io) == OK);
    loop_turn(&loop, 0);
    WANT_INT(seen_ready, READY_WRITE);
    seen_ready = 0;
    WANT(write(fds[1], "x", 1) == 1);
    loop_turn(&loop, 0);
    WANT((seen_ready & READY_READ) != 0);
    seen_count = 0;
    loop_turn(&loop, 0);
    WANT_INT(seen_count, 0);
    WANT(shutdown(fds[1], SHUT_WR) == 0);
    loop_turn(&loop, 0);
    WANT((seen_ready & READY_HANGUP) != 0);
    loop_close(&loop, &io);
    WANT_INT(io.fd, -1);
    seen_count = 0;
    (void)close(fds[1]);
    loop_turn(&loop, 0);
    WANT_INT(seen_count, 0);
    loop_drop(&loop);
}

static char order[16];
static size_t order_len;

static void note_task(struct loop *loop, struct task *task)
{
    (void)loop;
    (void)task;
    order[order_len++] = 't';
}

static void queue_again(struct loop *loop, struct task *task)
{
    order[order_len++] = 'a';
    if (order_len < 3) {
        loop_later(loop, task);
    }
}

static void note_dead(struct loop *loop, struct task *task)
{
    (void)loop;
    order[order_len++] = 'd';
    free(task);
}

TEST(tasks_run_before_the_dead_are_freed_and_requeued_ones_wait_a_turn)
{
    struct loop loop;
    struct task task = {.run = note_task}, again = {.run = queue_again};
    struct task *dead = calloc(1, sizeof *dead);
    CHECK(loop_init(&loop) == OK && dead != NULL);
    dead->run = note_dead;
    loop_reap(&loop, dead);
    loop_later(&loop, &again);
    loop_later(&loop, &task);
    loop_later(&loop, &task);
    loop_turn(&loop, 0);
    WANT_STR(str_of(order, order_len), STR("atd"));
    loop_turn(&loop, 0); /* the one that queued itself again */
    order_len = 0;
    loop_later(&loop, &task);
    task_cancel(&task);
    loop_turn(&loop, 0);
    WANT_INT(order_len, 0);
    loop_later(&loop, &again);
    loop_turn(&loop, 0);
    WANT_INT(order_len, 1);
    loop_turn(&loop, 0);
    loop_turn(&loop, 0);
    WANT_INT(order_len, 3);
    loop_drop(&loop);
}

enum { SENDERS = 3, MAILS = 2000 };
struct numbered {
    struct mail mail;
    int sender, number;
};
static int next_number[SENDERS], received;

static void on_mail(struct loop *loop, struct mail *mail)
{
    struct numbered *numbered = CONTAINER_OF(mail, struct numbered, mail);
    WANT_INT(numbered->number, next_number[numbered->sender]++);
    if (++received == SENDERS * MAILS) {
        loop_stop(loop);
    }
    free(numbered);
}

struct sender {
    struct loop *loop;
    int index;
};

static void *send_all(void *context)
{
    const struct sender *sender = context;
    for (int i = 0; i < MAILS; i++) {
        struct numbered *numbered = calloc(1, sizeof *numbered);
        CHECK(numbered != NULL);
        *numbered = (struct numbered){.mail.deliver = on_mail, .sender = sender->index, .number = i};
        loop_post(sender->loop, &numbered->mail);
    }
    return NULL;
}

TEST(mail_from_other_threads_arrives_whole_and_in_order)
{
    struct loop loop;
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS];
    CHECK(loop_init(&loop) == OK);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){&loop, i};
        CHECK(pthread_create(&threads[i], NULL, send_all, &senders[i]) == 0);
    }
    loop_run(&loop);
    for (int i = 0; i < SENDERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    WANT_INT(received, SENDERS * MAILS);
    loop_drop(&loop);
}

static void stop_on_fire(struct loop *loop, struct timer *timer)
{
    (void)timer;
    loop_stop(loop);
}

TEST(a_timer_wakes_a_loop_that_waits)
{
    struct loop loop;
    struct timer timer = {.fire = stop_on_fire};
    CHECK(loop_init(&loop) == OK);
    int64_t start_ms = loop.now_ms;
    timer_set(&loop, &timer, start_ms + 20);
    loop_run(&loop);
    WANT(loop.now_ms >= start_ms + 20);
    loop_drop(&loop);
}
