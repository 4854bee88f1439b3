/* pipe.h - pipes for splice(2): bytes move between two sockets without entering the process.
 * One pool per core, because making and sizing a pipe costs three system calls. A pipe that still
 * holds bytes of one connection never goes to another: it is closed. There is a ceiling, and the
 * kernel has its own (fs.pipe-user-pages-soft); past either the caller copies instead. */
#pragma once

#include "base/err.h"

enum { PIPE_BYTES = 256 * 1024, PIPE_BYTES_MIN = 64 * 1024, PIPES_IDLE_MAX = 64 };

struct pipe {
    int read_fd, write_fd;
    uint32_t capacity_bytes;
    uint32_t held_bytes; /* in the pipe now */
};

struct pipe_pool {
    struct pipe idle[PIPES_IDLE_MAX];
    uint32_t idle_count;
    uint32_t taken_count, taken_max;
    uint64_t opened_total, discarded_total, refused_total;
};

/* A pool that lends at most `taken_max` pipes at a time; opens none yet. */
void pipe_pool_init(struct pipe_pool *pool, uint32_t taken_max);
/* Closes the idle pipes; none may be lent out. */
void pipe_pool_drop(struct pipe_pool *pool);
/* Lends an empty pipe of at least PIPE_BYTES_MIN. ERR_LIMIT: at the ceiling, or the kernel gives no
 * descriptors or no room (counted in refused_total): copy instead. */
MUST_USE enum err pipe_take(struct pipe_pool *pool, struct pipe *out);
/* Gives a pipe back; one that holds bytes is closed. *pipe becomes empty (descriptors -1). */
void pipe_give(struct pipe_pool *pool, struct pipe *pipe);

/* Moves at most `bytes_max` bytes from a socket into the pipe, once; *moved is 0 unless OK.
 * OK: *moved > 0; less than asked for does not mean that the socket is empty.
 * ERR_AGAIN: the socket is empty, or the pipe is full, which can be before capacity_bytes (small
 * segments take a page each): while held_bytes > 0 empty the pipe and try again.
 * ERR_CLOSED: orderly end. ERR_IO: the connection broke. ERR_NOT_FOUND: this descriptor cannot be
 * spliced: copy instead. */
MUST_USE enum err splice_in(int from_fd, struct pipe *pipe, size_t bytes_max, size_t *moved);
/* Moves at most `bytes_max` of the held bytes (there must be some) to a socket; `has_more` says
 * that more will follow (SPLICE_F_MORE). ERR_AGAIN: the socket is full. ERR_CLOSED: the peer takes
 * no more. Else as splice_in. There is no MSG_NOSIGNAL for splice: the process must ignore SIGPIPE
 * (signals_block does). */
MUST_USE enum err splice_out(struct pipe *pipe, int to_fd, size_t bytes_max, bool has_more,
                             size_t *moved);
