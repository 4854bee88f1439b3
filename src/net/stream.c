/* stream.c - one connected socket and its queue; see stream.h. */
#include "net/stream.h"

#include "base/check.h"
#include "net/socket.h"

struct stream_block {
    struct stream_block *next;
    uint32_t at, end; /* bytes [at, end) of data are queued */
    char data[];
};

enum { FLUSH_PIECES_MAX = 16 };

void stream_init(struct stream *stream, int fd, io_fn *on_ready, struct slab *blocks)
{
    *stream = (struct stream){.io = {.on_ready = on_ready, .fd = fd}, .blocks = blocks};
}

static void drop_first(struct stream *stream)
{
    struct stream_block *block = stream->first;
    stream->first = block->next;
    stream->last = stream->first == NULL ? NULL : stream->last;
    slab_give(stream->blocks, block);
}

void stream_close(struct loop *loop, struct stream *stream)
{
    while (stream->first != NULL) {
        drop_first(stream);
    }
    stream->queued_bytes = 0;
    stream->can_read = stream->can_write = false;
    loop_close(loop, &stream->io);
}

void stream_note(struct stream *stream, unsigned ready)
{
    stream->can_read |= (ready & READY_READ) != 0;
    stream->can_write |= (ready & READY_WRITE) != 0;
    stream->has_hangup |= (ready & READY_HANGUP) != 0;
}

size_t stream_unread_bytes(const struct stream *stream)
{
    return socket_unread_bytes(stream->io.fd);
}

enum err stream_recv(struct stream *stream, void *at, size_t bytes, size_t *got)
{
    *got = 0;
    if (stream->has_ended) {
        return stream->is_broken ? ERR_IO : ERR_CLOSED;
    }
    if (!stream->can_read) {
        return ERR_AGAIN;
    }
    enum err e = socket_recv(stream->io.fd, at, bytes, got);
    if (e == OK) {
        /* A short read emptied the socket; only the end of the stream may still stand behind it. */
        stream->can_read = *got == bytes || stream->has_hangup;
        return OK;
    }
    stream->can_read = false;
    if (e == ERR_AGAIN) {
        return e;
    }
    stream->has_ended = true;
    if (e != ERR_CLOSED) {
        stream->is_broken = true;
        stream->can_write = false;
        return ERR_IO;
    }
    return e;
}

static enum err queue_bytes(struct stream *stream, struct str bytes)
{
    while (bytes.len > 0) {
        size_t room_max = stream->blocks->object_bytes - sizeof(struct stream_block);
        struct stream_block *block = stream->last;
        if (block == NULL || block->end == room_max) {
            block = slab_take(stream->blocks);
            if (block == NULL) {
                return ERR_MEMORY;
            }
            block->next = NULL;
            block->at = block->end = 0;
            *(stream->last == NULL ? &stream->first : &stream->last->next) = block;
            stream->last = block;
        }
        struct str part = str_sub(bytes, 0, room_max - block->end);
        memcpy(block->data + block->end, part.at, part.len);
        block->end += (uint32_t)part.len;
        stream->queued_bytes += part.len;
        bytes = str_skip(bytes, part.len);
    }
    return OK;
}

/* A message of which only a part can be sent is no message: nothing more goes out. */
static enum err queue_rest(struct stream *stream, struct str bytes)
{
    enum err e = queue_bytes(stream, bytes);
    if (e != OK) {
        stream->is_broken = true;
        stream->can_write = false;
    }
    return e;
}

/* What one write came to: OK also when the kernel is full (*sent is then 0). */
static enum err send_once(struct stream *stream, const struct iovec *pieces, size_t count,
                          size_t *sent)
{
    *sent = 0;
    if (stream->is_broken) {
        return ERR_CLOSED;
    }
    if (!stream->can_write) {
        return OK;
    }
    enum err e = count == 1 ? socket_send_str(stream->io.fd,
                                              str_of(pieces[0].iov_base, pieces[0].iov_len), sent)
                            : socket_send(stream->io.fd, pieces, count, false, sent);
    if (e == ERR_AGAIN) {
        stream->can_write = false;
        return OK;
    }
    if (e != OK) {
        stream->is_broken = true;
        stream->can_write = false;
        return ERR_CLOSED;
    }
    return OK;
}

enum err stream_send(struct stream *stream, const struct iovec *pieces, size_t count)
{
    size_t sent = 0;
    if (stream->queued_bytes == 0 && count > 0) {
        TRY(send_once(stream, pieces, count, &sent));
    } else if (stream->is_broken) {
        return ERR_CLOSED;
    }
    for (size_t i = 0; i < count; i++) {
        size_t taken = sent < pieces[i].iov_len ? sent : pieces[i].iov_len;
        sent -= taken;
        if (taken < pieces[i].iov_len) {
            /* A short write means that the kernel is full: no second try before an edge says so. */
            stream->can_write = false;
            struct str piece = str_of(pieces[i].iov_base, pieces[i].iov_len);
            TRY(queue_rest(stream, str_skip(piece, taken)));
        }
    }
    return OK;
}

enum err stream_send_str(struct stream *stream, struct str bytes)
{
    size_t sent = 0;
    struct iovec piece = {.iov_len = bytes.len};
    memcpy(&piece.iov_base, &bytes.at, sizeof piece.iov_base); /* the kernel only reads it */
    if (bytes.len == 0) {
        return OK;
    }
    if (stream->queued_bytes == 0) {
        TRY(send_once(stream, &piece, 1, &sent));
        stream->can_write &= sent == bytes.len;
    }
    return queue_rest(stream, str_skip(bytes, sent));
}

enum err stream_flush(struct stream *stream)
{
    while (stream->first != NULL && stream->can_write) {
        struct iovec pieces[FLUSH_PIECES_MAX];
        size_t count = 0, wanted = 0, sent;
        for (struct stream_block *block = stream->first; block != NULL && count < FLUSH_PIECES_MAX;
             block = block->next) {
            pieces[count++] = (struct iovec){block->data + block->at, block->end - block->at};
            wanted += block->end - block->at;
        }
        TRY(send_once(stream, pieces, count, &sent));
        stream->can_write &= sent == wanted;
        stream->queued_bytes -= sent;
        while (sent > 0) {
            struct stream_block *block = stream->first;
            size_t taken = sent < block->end - block->at ? sent : block->end - block->at;
            block->at += (uint32_t)taken;
            sent -= taken;
            if (block->at == block->end) {
                drop_first(stream);
            }
        }
    }
    return stream->is_broken ? ERR_CLOSED : OK;
}
