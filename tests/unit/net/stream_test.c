#define _GNU_SOURCE
#include "net/stream.h"

#include "fault.h"
#include "pair.h"
#include "test.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { BLOCK_BYTES = 4096 };

static struct loop loop;
static struct slab blocks;
static struct pair pair;
static struct stream stream;

static void on_ready(struct loop *ready_loop, struct io *io, unsigned ready)
{
    (void)ready_loop;
    stream_note(CONTAINER_OF(io, struct stream, io), ready);
}

static void start(uint32_t blocks_max)
{
    WANT(loop_init(&loop) == OK && slab_init(&blocks, BLOCK_BYTES, blocks_max) == OK);
    WANT(pair_open(&pair) == OK);
    stream_init(&stream, pair.near, on_ready, &blocks);
    WANT(loop_watch(&loop, &stream.io) == OK);
    loop_turn(&loop, 1000);
    WANT(stream.can_write && !stream.can_read);
}

static void stop(void)
{
    stream_close(&loop, &stream);
    WANT(stream.queued_bytes == 0 && blocks.used_count == 0);
    pair.near = -1;
    pair_close(&pair);
    slab_drop(&blocks);
    loop_drop(&loop);
}

TEST(bytes_are_read_until_an_orderly_end_that_stays)
{
    char room[64];
    size_t got;
    start(4);
    WANT(stream_recv(&stream, room, sizeof room, &got) == ERR_AGAIN && got == 0);
    WANT(pair_say(&pair, STR("hello")));
    loop_turn(&loop, 1000);
    WANT(stream_recv(&stream, room, 3, &got) == OK && got == 3 && stream.can_read);
    WANT(stream_recv(&stream, room, sizeof room, &got) == OK && got == 2);
    WANT(!stream.can_read); /* a short read needs no second one */
    WANT(pair_say(&pair, STR("bye")));
    (void)shutdown(pair.far, SHUT_WR);
    for (int i = 0; i < 100 && !stream.has_hangup; i++) {
        loop_turn(&loop, 10);
    }
    WANT(stream_recv(&stream, room, sizeof room, &got) == OK && got == 3);
    WANT(stream_recv(&stream, room, sizeof room, &got) == ERR_CLOSED && got == 0);
    WANT(stream_recv(&stream, room, sizeof room, &got) == ERR_CLOSED);
    WANT(stream_send_str(&stream, STR("still")) == OK);
    WANT_STR(pair_hear(&pair, 1000), STR("still"));
    stop();
}

TEST(a_reset_never_becomes_an_orderly_end)
{
    char room[64];
    size_t got;
    start(4);
    pair_reset(&pair);
    loop_turn(&loop, 1000);
    WANT(stream_recv(&stream, room, sizeof room, &got) == ERR_IO);
    WANT(stream_recv(&stream, room, sizeof room, &got) == ERR_IO && got == 0);
    WANT(stream.is_broken && stream_send_str(&stream, STR("x")) == ERR_CLOSED);
    WANT(stream_flush(&stream) == ERR_CLOSED);
    stop();
}

/* Sends `count` bytes of a pattern in pieces of an odd size, a turn now and then, and hears the
 * same pattern. */
static void want_pattern_through(size_t count, struct fault fault)
{
    static char sent[200000];
    size_t heard = 0, at = 0;
    for (size_t i = 0; i < count; i++) {
        sent[i] = (char)('a' + i % 23);
    }
    fault_set(fault);
    while (heard < count) {
        size_t first = count - at < 701 ? count - at : 701;
        size_t second = count - at - first < 9000 ? count - at - first : 9000;
        const struct iovec pieces[] = {
            {sent + at, first}, {sent + at + first, 0}, {sent + at + first, second}};
        if (at < count && stream.queued_bytes < 60000) {
            WANT(stream_send(&stream, pieces, COUNT_OF(pieces)) == OK);
            at += first + second;
        }
        loop_turn(&loop, 0);
        stream.can_write |= fault.every != 0; /* an injected EAGAIN has no edge after it */
        WANT(stream_flush(&stream) == OK);
        struct str part = pair_hear(&pair, stream.queued_bytes > 0 || at == count ? 100 : 0);
        WANT(part.len <= count - heard && memcmp(part.at, sent + heard, part.len) == 0);
        heard += part.len;
        if (test_has_failed) {
            break;
        }
    }
    fault_set((struct fault){0});
    WANT(stream.queued_bytes == 0 && blocks.used_count == 0);
}

TEST(what_the_kernel_does_not_take_is_queued_in_order)
{
    start(64);
    want_pattern_through(200000, (struct fault){0});
    stop();
    start(64);
    want_pattern_through(100000, (struct fault){.bytes_max = 1500, .every = 3});
    stop();
}

TEST(a_full_kernel_is_not_tried_again_before_an_edge)
{
    static char block[BLOCK_BYTES];
    unsigned calls;
    start(64);
    while (stream.queued_bytes == 0) {
        WANT(stream_send_str(&stream, str_of(block, sizeof block)) == OK);
    }
    WANT(!stream.can_write);
    fault_set((struct fault){0});
    WANT(stream_send_str(&stream, STR("more")) == OK && stream_flush(&stream) == OK);
    calls = fault_calls();
    WANT_INT(calls, 0);
    size_t queued = stream.queued_bytes;
    WANT(queued > 0);
    while (stream.queued_bytes > 0 && pair_hear(&pair, 1000).len > 0) {
        loop_turn(&loop, 0);
        WANT(stream_flush(&stream) == OK);
    }
    WANT(stream.queued_bytes == 0);
    stop();
}

TEST(no_block_left_and_nothing_to_send_are_answers)
{
    static char large[3 * BLOCK_BYTES];
    const struct iovec nothing = {large, 0};
    start(2);
    WANT(stream_send(&stream, &nothing, 1) == OK && stream_send_str(&stream, STR("")) == OK);
    stream.can_write = false;
    WANT(stream_send_str(&stream, str_of(large, sizeof large)) == ERR_MEMORY);
    stop();
}

TEST(a_peer_that_is_gone_is_noticed_by_the_flush)
{
    start(4);
    stream.can_write = false;
    WANT(stream_send_str(&stream, STR("late")) == OK && stream.queued_bytes == 4);
    pair_reset(&pair);
    loop_turn(&loop, 1000);
    WANT(stream.can_write && stream_flush(&stream) == ERR_CLOSED && stream.is_broken);
    stop();
}
