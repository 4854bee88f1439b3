/* handover.c - the data process's end of the handover of listening sockets; see handover.h. */
#define _GNU_SOURCE
#include "net/handover.h"

#include "base/check.h"
#include "base/log.h"
#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static enum err err_of_status(uint8_t status)
{
    static const enum err table[HANDOVER_STATUS_COUNT] = {
        [HANDOVER_OK] = OK,
        [HANDOVER_IN_USE] = ERR_ADDRESS_IN_USE,
        [HANDOVER_ABSENT] = ERR_ADDRESS_ABSENT,
        [HANDOVER_NOT_PERMITTED] = ERR_NOT_PERMITTED,
        [HANDOVER_LIMIT] = ERR_LIMIT,
        [HANDOVER_FAILED] = ERR_SYSTEM,
    };
    return status < HANDOVER_STATUS_COUNT ? table[status] : ERR_SYSTEM;
}

/* Reads a number that the supervisor put in the environment and takes it out of there, so that no
 * process started by this one inherits it. */
static bool take_number(const char *name, uint64_t max, uint64_t *out)
{
    const char *text = getenv(name);
    bool is_number = text != NULL && str_to_u64(str_from_c(text), out) && *out <= max;
    (void)unsetenv(name);
    return is_number;
}

static bool is_seqpacket(int fd)
{
    int domain = 0, type = 0;
    socklen_t bytes = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == AF_UNIX &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) == 0 && type == SOCK_SEQPACKET;
}

void handover_open(struct handover *handover)
{
    uint64_t fd = 0, restarts = 0;
    bool has_fd = take_number(HANDOVER_ENV_FD, INT32_MAX, &fd);
    bool has_restarts = take_number(HANDOVER_ENV_RESTARTS, UINT32_MAX, &restarts);
    *handover = (struct handover){.io.fd = -1};
    if (!has_fd || !is_seqpacket((int)fd)) {
        return;
    }
    const struct timeval wait = {.tv_sec = HANDOVER_WAIT_MS / 1000};
    (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    (void)setsockopt((int)fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    (void)setsockopt((int)fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    handover->io.fd = (int)fd;
    handover->restarts_total = has_restarts ? (uint32_t)restarts : 0;
}

bool handover_has_supervisor(const struct handover *handover)
{
    return handover->io.fd >= 0;
}

void handover_close(struct handover *handover)
{
    if (handover->loop != NULL) {
        loop_close(handover->loop, &handover->io);
    }
    socket_close(&handover->io.fd);
}

/* From here on this process binds for itself. */
static void lose(struct handover *handover)
{
    log_line(LOG_ERROR, "net",
             "the supervisor is gone; serving goes on, but nobody restarts this process");
    handover_close(handover);
    if (handover->on_lost != NULL) {
        handover->on_lost(handover);
    }
}

static void on_ready(struct loop *loop, struct io *io, unsigned ready)
{
    struct handover *handover = CONTAINER_OF(io, struct handover, io);
    struct handover_record record;
    int passed_fd = -1;
    char peeked;
    (void)loop;
    (void)ready;
    /* The socket blocks, for handover_listen; nothing may wait here. */
    ssize_t n = recv(io->fd, &peeked, sizeof peeked, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    /* An answer that came too late for the one who asked: dropped, with its descriptor. */
    enum err e = handover_get(io->fd, &record, &passed_fd);
    socket_close(&passed_fd);
    if (e == ERR_CLOSED || e == ERR_IO) {
        lose(handover);
    }
}

enum err handover_watch(struct handover *handover, struct loop *loop, handover_fn *on_lost)
{
    handover->on_lost = on_lost;
    if (handover->io.fd < 0) {
        return OK;
    }
    handover->io.on_ready = on_ready;
    TRY(loop_watch_level(loop, &handover->io));
    handover->loop = loop;
    return OK;
}

static struct handover_record record_of(enum handover_kind kind, const struct addr *addr,
                                        uint16_t index)
{
    struct handover_record record = {
        .bytes = sizeof record,
        .version = HANDOVER_VERSION,
        .kind = (uint8_t)kind,
        .index = index,
    };
    if (addr != NULL) {
        record.family = addr->family;
        record.port = addr->port;
        memcpy(record.ip, addr->ip, sizeof record.ip);
    }
    return record;
}

static bool is_answer_to(const struct handover_record *answer, const struct handover_record *asked)
{
    return answer->kind == HANDOVER_ANSWER && answer->family == asked->family &&
           answer->port == asked->port && answer->index == asked->index &&
           memcmp(answer->ip, asked->ip, sizeof asked->ip) == 0;
}

/* Asks and waits. ERR_CLOSED: there is no supervisor any more. */
static enum err ask(struct handover *handover, const struct handover_record *asked, int *fd)
{
    struct handover_record answer;
    TRY(handover_put(handover->io.fd, asked, -1));
    do {
        socket_close(fd); /* of a late answer to an earlier question */
        TRY(handover_get(handover->io.fd, &answer, fd));
    } while (!is_answer_to(&answer, asked));
    enum err e = err_of_status(answer.status);
    if (e == OK && *fd < 0) {
        return ERR_SYSTEM;
    }
    if (e != OK) {
        socket_close(fd);
    }
    return e;
}

enum err handover_listen(struct handover *handover, const struct addr *addr, uint16_t index,
                         int *fd)
{
    *fd = -1;
    CHECK(index <= HANDOVER_INDEX_MAX);
    if (handover->io.fd >= 0) {
        const struct handover_record asked = record_of(HANDOVER_LISTEN, addr, index);
        enum err e = ask(handover, &asked, fd);
        if (e != ERR_CLOSED) {
            return e;
        }
        lose(handover);
    }
    if (index == 0) {
        TRY(socket_listen_probe(addr));
    }
    return socket_listen(addr, SOCKET_BACKLOG, true, fd);
}

/* Sends what wants no answer. */
static void tell(struct handover *handover, const struct handover_record *record)
{
    if (handover->io.fd < 0) {
        return;
    }
    enum err e = handover_put(handover->io.fd, record, -1);
    if (e == ERR_CLOSED) {
        lose(handover);
    } else if (e != OK) {
        log_line(LOG_WARN, "net", "the supervisor did not take a message: %s", err_text(e));
    }
}

void handover_release(struct handover *handover, const struct addr *addr, uint16_t index)
{
    const struct handover_record record = record_of(HANDOVER_RELEASE, addr, index);
    tell(handover, &record);
}

void handover_ready(struct handover *handover)
{
    const struct handover_record record = record_of(HANDOVER_READY, NULL, 0);
    tell(handover, &record);
}
