/* relay.c - bodies pass from one side to the other; see relay.h. */
#include "proxy/relay.h"

#include "base/check.h"
#include "base/limits.h"
#include "http/h1/writer.h"
#include "net/pipe.h"
#include "proxy/kept.h"

enum { PIECES_MAX = 48, SLICES_MAX = 15, SIZE_LINE_BYTES = 20, SPLICE_BYTES_MIN = 65536,
       JOIN_BYTES_MAX = 4096 };

/* What one write is put together from. */
struct parcel {
    struct iovec pieces[PIECES_MAX];
    char size_lines[SLICES_MAX][SIZE_LINE_BYTES];
    size_t count, slices, bytes;
};

static void add_piece(struct parcel *parcel, struct str bytes)
{
    if (bytes.len > 0) {
        CHECK(parcel->count < PIECES_MAX);
        struct iovec *piece = &parcel->pieces[parcel->count++];
        memcpy(&piece->iov_base, &bytes.at, sizeof piece->iov_base); /* only read from */
        piece->iov_len = bytes.len;
        parcel->bytes += bytes.len;
    }
}

static void add_data(struct parcel *parcel, uint8_t out_kind, struct str data)
{
    if (data.len == 0) {
        return;
    }
    if (out_kind == BODY_CHUNKED) {
        struct strbuf line = strbuf_over(parcel->size_lines[parcel->slices++], SIZE_LINE_BYTES);
        h1_write_chunk_head(&line, data.len);
        add_piece(parcel, strbuf_str(&line));
    }
    add_piece(parcel, data);
    if (out_kind == BODY_CHUNKED) {
        add_piece(parcel, STR("\r\n"));
    }
}

/* A head and a small body that stand in two places become one piece: cheaper than a gathered
 * write. */
static void join_small(struct relay *relay, struct parcel *parcel)
{
    char *out = relay->ex->core->out;
    if (parcel->count != 2 || parcel->pieces[0].iov_base != out ||
        parcel->pieces[1].iov_len > JOIN_BYTES_MAX ||
        parcel->bytes > OUT_BYTES) {
        return;
    }
    memcpy(out + parcel->pieces[0].iov_len, parcel->pieces[1].iov_base, parcel->pieces[1].iov_len);
    parcel->pieces[0].iov_len = parcel->bytes;
    parcel->count = 1;
}

static enum err send_parcel(struct relay *relay, struct parcel *parcel)
{
    if (parcel->count == 0) {
        return OK;
    }
    join_small(relay, parcel);
    *relay->out_bytes += parcel->bytes;
    relay->ex->progress_ms = relay->ex->core->loop.now_ms;
    return stream_send(relay->to, parcel->pieces, parcel->count);
}

/* The end of a chunked body. */
static enum err add_end(struct relay *relay, struct parcel *parcel)
{
    struct fields none = {0};
    const struct fields *trailers = relay->trailers == NULL ? &none : relay->trailers;
    size_t bytes_max = trailers->count == 0 ? 16 : 16 + (size_t)LIMIT_VALUE(trailer_bytes) * 2;
    char *room = arena_alloc(&relay->ex->arena, bytes_max);
    if (room == NULL) {
        return ERR_MEMORY;
    }
    struct strbuf end = strbuf_over(room, bytes_max);
    h1_write_chunk_end(&end, trailers);
    if (strbuf_overflowed(&end)) {
        return ERR_BAD_TRAILER;
    }
    add_piece(parcel, strbuf_str(&end));
    return OK;
}

/* Passes on everything in *bytes that belongs to the body; what does not fit the kernel is queued,
 * so that scratch memory may be used again. */
static enum err pass_bytes(struct relay *relay, struct str *bytes)
{
    bool is_more = true;
    while (is_more) {
        struct parcel parcel;
        parcel.count = parcel.slices = parcel.bytes = 0;
        add_piece(&parcel, relay->prefix);
        relay->prefix = (struct str){0};
        while (bytes->len > 0 && !relay->body->is_done && parcel.slices < SLICES_MAX &&
               parcel.count < PIECES_MAX - 4) {
            struct str data;
            enum err e = body_take(relay->body, bytes, &data);
            if (e != OK) {
                relay->is_from_fault = true;
                return e;
            }
            add_data(&parcel, relay->out_kind, data);
        }
        is_more = bytes->len > 0 && !relay->body->is_done;
        if (relay->body->is_done && relay->out_kind == BODY_CHUNKED) {
            TRY(add_end(relay, &parcel));
        }
        TRY(send_parcel(relay, &parcel));
    }
    return OK;
}

/* Reads once and passes on. ERR_AGAIN: nothing to read. */
static enum err read_and_pass(struct relay *relay)
{
    struct core *core = relay->ex->core;
    size_t got, wanted = SCRATCH_BYTES;
    if (relay->body->kind == BODY_LENGTH && relay->body->left < wanted) {
        /* What follows is the client's next request, or nothing: a short read tells so. */
        bool is_response = relay->in_bytes == &relay->ex->origin_in_bytes;
        wanted = (size_t)relay->body->left + (is_response ? 1 : 0);
    }
    enum err e = stream_recv(relay->from, core->scratch, wanted, &got);
    if (e == ERR_AGAIN) {
        return e;
    }
    if (e == ERR_CLOSED && body_end(relay->body) == OK) {
        struct str none = {0};
        return pass_bytes(relay, &none);
    }
    if (e != OK) {
        relay->is_from_fault = true;
        return e;
    }
    *relay->in_bytes += got;
    relay->pending = str_of(core->scratch, got);
    if (UNLIKELY(relay->keeps)) {
        kept_add(relay->ex, relay->pending);
    }
    return pass_bytes(relay, &relay->pending);
}

static bool can_splice(const struct relay *relay)
{
    bool has_held = *relay->pipe != NULL && (*relay->pipe)->held_bytes > 0;
    return has_held || (relay->body->kind == BODY_LENGTH && relay->out_kind == BODY_LENGTH &&
                        relay->body->left >= SPLICE_BYTES_MIN && relay->pending.len == 0 &&
                        relay->prefix.len == 0 && relay->body->bytes_max == 0 && !relay->keeps);
}

static enum err take_pipe(struct relay *relay)
{
    if (*relay->pipe != NULL) {
        return (*relay->pipe)->read_fd < 0 ? ERR_LIMIT : OK;
    }
    *relay->pipe = ARENA_NEW(&relay->ex->arena, struct pipe);
    if (*relay->pipe == NULL) {
        return ERR_MEMORY;
    }
    enum err e = pipe_take(relay->ex->core->pipes, *relay->pipe);
    if (e != OK) {
        **relay->pipe = (struct pipe){.read_fd = -1, .write_fd = -1};
    }
    return e;
}

/* What a read or write by splice says of a stream. */
static enum err note_splice(struct stream *stream, enum err e, bool is_read)
{
    if (e == ERR_AGAIN) {
        *(is_read ? &stream->can_read : &stream->can_write) = false;
    } else if (e == ERR_CLOSED && is_read) {
        stream->has_ended = true;
    } else if (e != OK && e != ERR_NOT_FOUND) {
        stream->is_broken = true;
        stream->can_write = false;
    }
    return e;
}

/* Fills the pipe once. */
static enum err splice_fill(struct relay *relay, size_t *moved)
{
    struct pipe *pipe = *relay->pipe;
    struct body *body = relay->body;
    if (body->left == 0 || !relay->from->can_read || pipe->held_bytes == pipe->capacity_bytes) {
        return ERR_AGAIN;
    }
    size_t wanted = body->left < SIZE_MAX ? (size_t)body->left : SIZE_MAX;
    enum err e = splice_in(relay->from->io.fd, pipe, wanted, moved);
    body->left -= *moved;
    body->bytes += *moved;
    *relay->in_bytes += *moved;
    /* With bytes in the pipe either side may be the reason: asked again once it is empty. */
    return e == ERR_AGAIN && pipe->held_bytes > 0 ? e : note_splice(relay->from, e, true);
}

/* One step of moving bytes inside the kernel. ERR_NOT_FOUND: copy instead. */
static enum err splice_step(struct relay *relay)
{
    struct pipe *pipe = *relay->pipe;
    struct body *body = relay->body;
    size_t in_moved = 0, out_moved = 0;
    enum err in = splice_fill(relay, &in_moved), out = ERR_AGAIN;
    if (in != OK && in != ERR_AGAIN && pipe->held_bytes == 0) {
        relay->is_from_fault = in != ERR_NOT_FOUND;
        return in;
    }
    if (pipe->held_bytes > 0 && relay->to->can_write) {
        out = splice_out(pipe, relay->to->io.fd, pipe->held_bytes, body->left > 0, &out_moved);
        out = note_splice(relay->to, out, false);
        *relay->out_bytes += out_moved;
    }
    body->is_done = body->left == 0 && pipe->held_bytes == 0;
    if (out != OK && out != ERR_AGAIN) {
        return out == ERR_NOT_FOUND ? ERR_IO : out; /* nothing may overtake what the pipe holds */
    }
    if (in_moved + out_moved == 0) {
        return ERR_AGAIN;
    }
    relay->ex->progress_ms = relay->ex->core->loop.now_ms;
    return OK;
}

/* Runs until neither side goes on. ERR_NOT_FOUND: the rest is to be copied. */
static enum err splice_run(struct relay *relay, uint64_t budget)
{
    uint64_t start = *relay->out_bytes;
    enum err e = take_pipe(relay);
    if (e != OK) {
        return ERR_NOT_FOUND;
    }
    while (!relay->body->is_done) {
        if (*relay->out_bytes - start >= budget) {
            return ERR_LIMIT;
        }
        TRY(splice_step(relay));
    }
    return OK;
}

void relay_drop_pipes(struct exchange *ex)
{
    struct pipe *pipes[2] = {ex->request_pipe, ex->response_pipe};
    for (size_t i = 0; i < COUNT_OF(pipes); i++) {
        if (pipes[i] != NULL && pipes[i]->read_fd >= 0) {
            pipe_give(ex->core->pipes, pipes[i]);
        }
    }
    ex->request_pipe = ex->response_pipe = NULL;
}

/* Sends what is queued; ERR_AGAIN: some of it is left, so nothing more is read. */
static enum err flush(struct relay *relay)
{
    size_t queued = relay->to->queued_bytes;
    if (queued == 0) {
        return OK;
    }
    TRY(stream_flush(relay->to));
    if (relay->to->queued_bytes < queued) {
        relay->ex->progress_ms = relay->ex->core->loop.now_ms;
    }
    return relay->to->queued_bytes == 0 ? OK : ERR_AGAIN;
}

enum err relay_run(struct relay *relay)
{
    const uint64_t budget = LIMIT_VALUE(bytes_per_turn), start = *relay->out_bytes;
    /* Bytes that were read already stand in memory that is used again: they go first, whole. */
    bool is_over = relay->body->is_done && relay->prefix.len == 0;
    if ((relay->pending.len > 0 && !is_over) || (relay->prefix.len > 0 && relay->body->is_done)) {
        TRY(pass_bytes(relay, &relay->pending));
    }
    for (;;) {
        TRY(flush(relay));
        if (relay->body->is_done && relay->prefix.len == 0) {
            return OK;
        }
        if (*relay->out_bytes - start >= budget) {
            return ERR_LIMIT;
        }
        if (can_splice(relay)) {
            enum err e = splice_run(relay, budget);
            if (e != ERR_NOT_FOUND) {
                return e;
            }
        }
        enum err e = read_and_pass(relay);
        if (e == ERR_AGAIN && relay->prefix.len > 0) {
            struct str none = {0};
            e = pass_bytes(relay, &none);
            TRY(e);
            TRY(flush(relay));
            e = ERR_AGAIN;
        }
        TRY(e);
    }
}
