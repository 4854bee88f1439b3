/* loop.h - one thread's turns: events, mail, timers, tasks, reap, in that order.
 * Only this room reads the clock for the data path: once a turn, into now_ns and now_ms.
 * Descriptors are registered once, edge-triggered, and taken off by being closed; nothing on the
 * data path calls epoll_ctl again. Code called from here may mark an object dead and queue it with
 * loop_reap; it is freed after the turn, when no frame and no pending event can hold it. */
#pragma once

#include "base/err.h"
#include "base/list.h"

#include <stdatomic.h>

struct loop;
struct io;
struct timer;
struct task;
struct mail;

/* What a descriptor is ready for. READY_HANGUP: the peer has shut down its sending side or both;
 * a read up to end of file is due. */
enum { READY_READ = 1, READY_WRITE = 2, READY_HANGUP = 4, READY_ERROR = 8 };

/* A descriptor of interest, embedded in its owner. fd is -1 when there is none. */
typedef void io_fn(struct loop *loop, struct io *io, unsigned ready);
struct io {
    io_fn *on_ready; /* NULL: events are dropped (the owner is dead) */
    int fd;
};

/* A timer, embedded in its owner. All-zero is a stopped timer. */
typedef void timer_fn(struct loop *loop, struct timer *timer);
struct timer {
    struct list node;
    timer_fn *fire;
    int64_t at_ms;   /* when to fire */
    int64_t slot_ms; /* where it stands in the wheel, never after at_ms */
    bool is_set;
};

/* A piece of work for the end of this turn or the next, embedded in its owner. */
typedef void task_fn(struct loop *loop, struct task *task);
struct task {
    struct list node;
    task_fn *run;
    bool is_queued;
};

/* A message from another thread; it owns its data until `deliver` runs on the receiving thread. */
typedef void mail_fn(struct loop *loop, struct mail *mail);
struct mail {
    struct mail *next;
    mail_fn *deliver;
};

enum { WHEEL_LEVELS = 5, WHEEL_SLOTS = 64 };

struct loop {
    int64_t now_ns, now_ms; /* monotonic, read once a turn */
    int64_t wall_us;        /* of the same instant */
    int epoll_fd;
    bool is_stopping;
    struct list tasks, dead;
    struct list wheel[WHEEL_LEVELS][WHEEL_SLOTS];
    uint64_t wheel_used[WHEEL_LEVELS]; /* bit slot: has timers */
    int64_t wheel_ms;                  /* all timers up to here have fired */
    struct io wake;                    /* eventfd for mail */
    _Atomic(struct mail *) mailbox;    /* newest first */
    void *owner;                       /* whoever runs this loop; not used here */
    /* Called after each turn, before waiting; may be NULL. */
    void (*after_turn)(struct loop *loop);
    uint64_t turns_total, events_total;
    int64_t busy_ns_total; /* time not spent waiting */
};

/* ERR_SYSTEM: no descriptor or memory left. */
MUST_USE enum err loop_init(struct loop *loop);
void loop_drop(struct loop *loop);
/* Runs turns until loop_stop. */
void loop_run(struct loop *loop);
/* One turn that waits at most `wait_ms` (0: not at all; -1: as long as timers allow). For tests. */
void loop_turn(struct loop *loop, int wait_ms);
/* Ends loop_run after this turn. From the loop's own thread. */
void loop_stop(struct loop *loop);

/* Registers io->fd for reading, writing and hangup, edge-triggered, until it is closed.
 * ERR_SYSTEM: the kernel refused (logged by the caller). */
MUST_USE enum err loop_watch(struct loop *loop, struct io *io);
/* The same, level-triggered and for reading only: for listeners. */
MUST_USE enum err loop_watch_level(struct loop *loop, struct io *io);
/* Takes a descriptor off without closing it (accept pause, handover). */
void loop_unwatch(struct loop *loop, struct io *io);
/* Closes io->fd when it is open; no event of it is delivered any more. */
void loop_close(struct loop *loop, struct io *io);

/* (Re)starts a timer; it fires once, at or after at_ms (loop time). Cheap when it moves later. */
void timer_set(struct loop *loop, struct timer *timer, int64_t at_ms);
void timer_stop(struct timer *timer);

/* Runs task->run in this turn's task phase, or the next turn's when called from a task. Queuing
 * twice is once. */
void loop_later(struct loop *loop, struct task *task);
void task_cancel(struct task *task);
/* Calls task->run after this turn's events and tasks, once nothing of this turn can refer to the
 * owner any more; run frees it. */
void loop_reap(struct loop *loop, struct task *task);

/* From any thread: delivers `mail` on the loop's thread, in order of posting by one sender. */
void loop_post(struct loop *loop, struct mail *mail);
