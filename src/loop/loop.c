/* loop.c - one thread's turns: what is ready, what was mailed, what is due, what was put off.
 * See loop.h. The timer wheel is wheel.c. */
#define _GNU_SOURCE
#include "loop/loop.h"

#include "base/check.h"
#include "base/clock.h"
#include "loop/wheel.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS_PER_TURN = 256 };

static void read_clocks(struct loop *loop)
{
    loop->now_ns = clock_mono_ns();
    loop->now_ms = loop->now_ns / NS_PER_MS;
    loop->wall_us = clock_wall_us();
}

/* Mail was pushed on a stack; turning it around gives the order of posting. */
static void deliver_mail(struct loop *loop)
{
    struct mail *newest = atomic_exchange_explicit(&loop->mailbox, NULL, memory_order_acquire);
    struct mail *oldest = NULL;
    while (newest != NULL) {
        struct mail *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct mail *next = oldest->next; /* deliver may free it */
        oldest->deliver(loop, oldest);
        oldest = next;
    }
}

static void on_wake(struct loop *loop, struct io *io, unsigned ready)
{
    uint64_t count;
    (void)ready;
    ssize_t got = read(io->fd, &count, sizeof count);
    (void)got; /* EAGAIN: another wake already emptied it */
    deliver_mail(loop);
}

enum err loop_init(struct loop *loop)
{
    *loop = (struct loop){.epoll_fd = -1, .wake = {.on_ready = on_wake, .fd = -1}};
    list_init(&loop->tasks);
    list_init(&loop->dead);
    read_clocks(loop);
    wheel_init(loop);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll_fd < 0 || loop->wake.fd < 0 || loop_watch(loop, &loop->wake) != OK) {
        loop_drop(loop);
        return ERR_SYSTEM;
    }
    return OK;
}

static void run_list(struct loop *loop, struct list *from)
{
    struct list batch;
    list_init(&batch);
    if (list_is_empty(from)) {
        return;
    }
    /* What is queued while these run waits for the next turn: a turn's work is bounded. */
    list_push_back(from, &batch);
    list_remove(from);
    list_init(from);
    while (!list_is_empty(&batch)) {
        struct task *task = CONTAINER_OF(batch.next, struct task, node);
        list_remove(&task->node);
        task->is_queued = false;
        task->run(loop, task);
    }
}

void loop_drop(struct loop *loop)
{
    if (loop->dead.next == NULL) {
        return; /* all zero: it was never made, and descriptor 0 is not its own */
    }
    run_list(loop, &loop->dead);
    if (loop->epoll_fd >= 0) {
        (void)close(loop->epoll_fd);
    }
    if (loop->wake.fd >= 0) {
        (void)close(loop->wake.fd);
    }
    loop->epoll_fd = -1;
    loop->wake.fd = -1;
}

static unsigned ready_of(uint32_t events)
{
    unsigned ready = 0;
    ready |= (events & EPOLLIN) != 0 ? READY_READ : 0;
    ready |= (events & EPOLLOUT) != 0 ? READY_WRITE : 0;
    ready |= (events & (EPOLLRDHUP | EPOLLHUP)) != 0 ? READY_HANGUP | READY_READ : 0;
    ready |= (events & EPOLLERR) != 0 ? READY_ERROR | READY_READ | READY_WRITE : 0;
    return ready;
}

static int wait_for(const struct loop *loop, int wait_ms)
{
    if (!list_is_empty(&loop->tasks) || loop->is_stopping) {
        return 0;
    }
    int timer_ms = wheel_wait_ms(loop);
    return timer_ms >= 0 && (wait_ms < 0 || timer_ms < wait_ms) ? timer_ms : wait_ms;
}

void loop_turn(struct loop *loop, int wait_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int timeout_ms = wait_for(loop, wait_ms);
    if (timeout_ms != 0) {
        loop->busy_ns_total += clock_mono_ns() - loop->now_ns;
    }
    int64_t waited_from_ns = loop->now_ns;
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, timeout_ms);
    CHECK(count >= 0 || errno == EINTR);
    read_clocks(loop);
    if (timeout_ms == 0) {
        loop->busy_ns_total += loop->now_ns - waited_from_ns;
    }
    loop->turns_total++;
    for (int i = 0; i < count; i++) {
        struct io *io = events[i].data.ptr;
        if (io->on_ready != NULL) {
            loop->events_total++;
            io->on_ready(loop, io, ready_of(events[i].events));
        }
    }
    wheel_advance(loop);
    run_list(loop, &loop->tasks);
    run_list(loop, &loop->dead);
    if (loop->after_turn != NULL) {
        loop->after_turn(loop);
    }
}

void loop_run(struct loop *loop)
{
    while (!loop->is_stopping) {
        loop_turn(loop, -1);
    }
}

void loop_stop(struct loop *loop)
{
    loop->is_stopping = true;
}

static enum err watch(struct loop *loop, struct io *io, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = io};
    CHECK(io->fd >= 0);
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, io->fd, &event) == 0 ? OK : ERR_SYSTEM;
}

enum err loop_watch(struct loop *loop, struct io *io)
{
    return watch(loop, io, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

enum err loop_watch_level(struct loop *loop, struct io *io)
{
    return watch(loop, io, EPOLLIN);
}

void loop_unwatch(struct loop *loop, struct io *io)
{
    if (io->fd >= 0) {
        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
    }
}

void loop_close(struct loop *loop, struct io *io)
{
    (void)loop;
    io->on_ready = NULL;
    if (io->fd >= 0) {
        (void)close(io->fd);
        io->fd = -1;
    }
}

void loop_later(struct loop *loop, struct task *task)
{
    if (!task->is_queued) {
        task->is_queued = true;
        list_push_back(&loop->tasks, &task->node);
    }
}

void task_cancel(struct task *task)
{
    if (task->is_queued) {
        task->is_queued = false;
        list_remove(&task->node);
    }
}

void loop_reap(struct loop *loop, struct task *task)
{
    CHECK(!task->is_queued);
    task->is_queued = true;
    list_push_back(&loop->dead, &task->node);
}

void loop_post(struct loop *loop, struct mail *mail)
{
    struct mail *head = atomic_load_explicit(&loop->mailbox, memory_order_relaxed);
    do {
        mail->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->mailbox, &head, mail,
                                                    memory_order_release, memory_order_relaxed));
    if (head == NULL) {
        const uint64_t one = 1;
        ssize_t wrote = write(loop->wake.fd, &one, sizeof one);
        (void)wrote; /* EAGAIN: the counter is full, so the loop is awake already */
    }
}
