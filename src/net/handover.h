/* handover.h - listening sockets from the supervisor, so that they outlive this process.
 * A socket is named by its address and an index; the supervisor binds it once and hands the same
 * one to every data process after, with the connections that wait in its queue. Without a
 * supervisor (or after its death: the data process goes on) sockets are bound right here.
 *
 * The supervisor holds every socket open too. So closing a listener here does not take it off an
 * epoll set by itself: loop_unwatch first, then close, then handover_release.
 *
 * The wire is a SOCK_SEQPACKET pair, one struct handover_record a message, both ends the same
 * binary in normal life; the version is for the day when they are not. */
#pragma once

#include "base/addr.h"
#include "loop/loop.h"

enum { HANDOVER_VERSION = 1, HANDOVER_INDEX_MAX = 1023, HANDOVER_WAIT_MS = 5000 };

/* The environment of the data process: the number of its descriptor, and how often it was
 * restarted. */
#define HANDOVER_ENV_FD "SLUICE_HANDOVER_FD"
#define HANDOVER_ENV_RESTARTS "SLUICE_RESTARTS"

enum handover_kind {
    HANDOVER_LISTEN = 1,  /* to the supervisor: addr, index */
    HANDOVER_RELEASE = 2, /* to the supervisor: addr, index */
    HANDOVER_READY = 3,   /* to the supervisor: serving; what was not asked for may be closed */
    HANDOVER_ANSWER = 4   /* to the data process: addr, index, status, and a descriptor when 0 */
};

enum handover_status {
    HANDOVER_OK,
    HANDOVER_IN_USE,
    HANDOVER_ABSENT,
    HANDOVER_NOT_PERMITTED,
    HANDOVER_LIMIT,
    HANDOVER_FAILED,
    HANDOVER_STATUS_COUNT
};

struct handover_record {
    uint16_t bytes; /* of this record: a longer one of a later version keeps its beginning */
    uint8_t version, kind, status, family;
    uint16_t port, index;
    uint8_t ip[16];
};
static_assert(sizeof(struct handover_record) == 26, "the record has no holes");

struct handover;
typedef void handover_fn(struct handover *handover);

/* The data process's end. Used by one thread, the control thread. */
struct handover {
    struct io io;            /* io.fd is -1 without a supervisor */
    struct loop *loop;       /* watching; NULL: not yet */
    handover_fn *on_lost;    /* the supervisor died; may be NULL */
    uint32_t restarts_total; /* of the data process, as the supervisor counts */
};

/* Takes what the supervisor left in the environment (and removes it from there): call it before
 * the first thread is made. Not started by a supervisor is not an error. */
void handover_open(struct handover *handover);
bool handover_has_supervisor(const struct handover *handover);
/* Notices the supervisor's death on this loop, logs it, and calls on_lost; serving goes on.
 * ERR_SYSTEM: the loop could not watch. Without a supervisor nothing happens. */
MUST_USE enum err handover_watch(struct handover *handover, struct loop *loop,
                                 handover_fn *on_lost);
/* Lets go of the supervisor without a word, as a test or the very end of a process does. */
void handover_close(struct handover *handover);

/* A listening socket, new or the one that an earlier process had; the caller owns *fd. May wait for
 * the supervisor, HANDOVER_WAIT_MS at most: for start and reload, never for the data path.
 * Sockets of one address differ by index, from 0; all of them share the port (SO_REUSEPORT). For
 * port 0 the kernel picks one: ask for the further ones with the port that socket_local tells.
 * Errors as socket_listen; ERR_LIMIT also past the supervisor's ceiling; ERR_AGAIN: the supervisor
 * did not answer in time. */
MUST_USE enum err handover_listen(struct handover *handover, const struct addr *addr,
                                  uint16_t index, int *fd);
/* Tells the supervisor to close its copy: this process has closed its own. */
void handover_release(struct handover *handover, const struct addr *addr, uint16_t index);
/* Tells the supervisor that this process serves: from here on a death is answered by a restart,
 * and sockets that were not asked for are closed. */
void handover_ready(struct handover *handover);

/* Both ends (handover_wire.c): one record; `passed_fd` is -1 for none, and on get the caller's.
 * handover_put: ERR_AGAIN (full, for the time that the socket waits), ERR_CLOSED, ERR_IO.
 * handover_get: ERR_AGAIN, ERR_CLOSED (the other end is gone), ERR_SYNTAX (not a record; what came
 * with it is closed), ERR_IO. */
MUST_USE enum err handover_put(int fd, const struct handover_record *record, int passed_fd);
MUST_USE enum err handover_get(int fd, struct handover_record *record, int *passed_fd);
