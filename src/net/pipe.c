/* pipe.c - pipes for splice(2); see pipe.h. */
#define _GNU_SOURCE
#include "net/pipe.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void pipe_shut(struct pipe *pipe)
{
    (void)close(pipe->read_fd);
    (void)close(pipe->write_fd);
    *pipe = (struct pipe){.read_fd = -1, .write_fd = -1};
}

/* Past the kernel's soft limit for one user a pipe is born with one or two pages and may not grow:
 * moving bytes through that is slower than copying them. */
static enum err pipe_open(struct pipe *out)
{
    int fds[2];
    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0) {
        return ERR_LIMIT;
    }
    *out = (struct pipe){.read_fd = fds[0], .write_fd = fds[1]};
    int bytes = fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
    if (bytes < 0) {
        bytes = fcntl(fds[1], F_GETPIPE_SZ);
    }
    if (bytes < PIPE_BYTES_MIN) {
        pipe_shut(out);
        return ERR_LIMIT;
    }
    out->capacity_bytes = (uint32_t)bytes;
    return OK;
}

void pipe_pool_init(struct pipe_pool *pool, uint32_t taken_max)
{
    *pool = (struct pipe_pool){.taken_max = taken_max};
}

void pipe_pool_drop(struct pipe_pool *pool)
{
    CHECK(pool->taken_count == 0);
    while (pool->idle_count > 0) {
        pipe_shut(&pool->idle[--pool->idle_count]);
    }
}

enum err pipe_take(struct pipe_pool *pool, struct pipe *out)
{
    *out = (struct pipe){.read_fd = -1, .write_fd = -1};
    if (pool->taken_count >= pool->taken_max) {
        pool->refused_total++;
        return ERR_LIMIT;
    }
    if (pool->idle_count > 0) {
        *out = pool->idle[--pool->idle_count];
        CHECK(out->held_bytes == 0);
    } else {
        enum err e = pipe_open(out);
        if (e != OK) {
            pool->refused_total++;
            return e;
        }
        pool->opened_total++;
    }
    pool->taken_count++;
    return OK;
}

void pipe_give(struct pipe_pool *pool, struct pipe *pipe)
{
    CHECK(pipe->read_fd >= 0);
    CHECK(pool->taken_count > 0);
    pool->taken_count--;
    if (pipe->held_bytes > 0 || pool->idle_count == PIPES_IDLE_MAX) {
        pool->discarded_total++;
        pipe_shut(pipe);
        return;
    }
    pool->idle[pool->idle_count++] = *pipe;
    *pipe = (struct pipe){.read_fd = -1, .write_fd = -1};
}

enum err splice_in(int from_fd, struct pipe *pipe, size_t bytes_max, size_t *moved)
{
    *moved = 0;
    CHECK(bytes_max > 0);
    CHECK(pipe->held_bytes <= pipe->capacity_bytes);
    size_t room = pipe->capacity_bytes - pipe->held_bytes;
    if (room == 0) {
        return ERR_AGAIN;
    }
    ssize_t n;
    do {
        n = splice(from_fd, NULL, pipe->write_fd, NULL, bytes_max < room ? bytes_max : room,
                   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    } while (UNLIKELY(n < 0) && errno == EINTR);
    if (LIKELY(n > 0)) {
        pipe->held_bytes += (uint32_t)n;
        *moved = (size_t)n;
        return OK;
    }
    if (n == 0) {
        return ERR_CLOSED;
    }
    if (errno == EINVAL || errno == ENOSYS) {
        return ERR_NOT_FOUND;
    }
    return errno == EAGAIN ? ERR_AGAIN : ERR_IO;
}

enum err splice_out(struct pipe *pipe, int to_fd, size_t bytes_max, bool has_more, size_t *moved)
{
    *moved = 0;
    CHECK(bytes_max > 0);
    CHECK(pipe->held_bytes > 0);
    size_t wanted = bytes_max < pipe->held_bytes ? bytes_max : pipe->held_bytes;
    unsigned flags = SPLICE_F_NONBLOCK | SPLICE_F_MOVE | (has_more ? SPLICE_F_MORE : 0U);
    ssize_t n;
    do {
        n = splice(pipe->read_fd, NULL, to_fd, NULL, wanted, flags);
    } while (UNLIKELY(n < 0) && errno == EINTR);
    if (LIKELY(n > 0)) {
        CHECK((size_t)n <= pipe->held_bytes);
        pipe->held_bytes -= (uint32_t)n;
        *moved = (size_t)n;
        return OK;
    }
    /* 0 would mean an empty pipe, which held_bytes rules out. */
    CHECK(n < 0);
    if (errno == EINVAL || errno == ENOSYS) {
        return ERR_NOT_FOUND;
    }
    if (errno == EAGAIN) {
        return ERR_AGAIN;
    }
    return errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : ERR_IO;
}
