/* stream.h - one connected socket as the data path uses it: what it is ready for, and the bytes
 * that the kernel has not taken yet. Edges only set flags; reads and writes clear them. What is
 * queued is bounded by its users: they stop reading the other side while queued_bytes is not 0. */
#pragma once

#include "base/err.h"
#include "base/slab.h"
#include "base/str.h"
#include "loop/loop.h"

#include <sys/uio.h>

struct stream_block;

struct stream {
    struct io io;
    struct slab *blocks;                /* where queued bytes are kept */
    struct stream_block *first, *last;  /* queued bytes, oldest first */
    size_t queued_bytes;
    bool can_read, can_write;
    bool has_hangup; /* the peer sends no more; reading shows the end after what is left */
    bool has_ended;  /* that end was read */
    bool is_broken;  /* reset, or a write failed: nothing more can be sent */
};

/* Takes over a connected or connecting descriptor. Blocks have the size of the slab's objects. */
void stream_init(struct stream *stream, int fd, io_fn *on_ready, struct slab *blocks);
/* Closes the descriptor and drops what is queued. */
void stream_close(struct loop *loop, struct stream *stream);
/* Notes an event. */
void stream_note(struct stream *stream, unsigned ready);
/* Reads once into `at`. OK: *got > 0. ERR_AGAIN: nothing now. ERR_CLOSED: orderly end. ERR_IO:
 * broken. */
MUST_USE enum err stream_recv(struct stream *stream, void *at, size_t bytes, size_t *got);
/* Bytes that have come and were not read; after has_hangup there will be no more. */
size_t stream_unread_bytes(const struct stream *stream);
/* Sends the pieces in order, queuing what the kernel does not take. ERR_CLOSED: the peer is gone.
 * ERR_MEMORY: no block is left; the stream must then be closed. */
MUST_USE enum err stream_send(struct stream *stream, const struct iovec *pieces, size_t count);
MUST_USE enum err stream_send_str(struct stream *stream, struct str bytes);
/* Sends queued bytes while the kernel takes them. OK: perhaps some are left (stream->queued_bytes).
 * ERR_CLOSED: the peer is gone. */
MUST_USE enum err stream_flush(struct stream *stream);
