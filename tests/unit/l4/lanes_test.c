#define _GNU_SOURCE
#include "l4/lanes.h"

#include "base/clock.h"
#include "tunnel_kit.h"

enum { BULK = 3 << 20 };

static struct tunnel_kit kit;
static char said[BULK], got[BULK];

static void fill(void)
{
    for (size_t i = 0; i < BULK; i++) {
        said[i] = (char)(i * 31 + i / 251);
    }
}

static struct tunnel *only(void)
{
    return CONTAINER_OF(kit.tunnels.all.next, struct tunnel, node);
}

/* Passes `bytes` from one end to the other. */
static bool passes(int from, int to, size_t bytes)
{
    size_t sent = 0, heard = 0;
    int64_t until_ns = clock_mono_ns() + 5000 * NS_PER_MS;
    while (heard < bytes && clock_mono_ns() < until_ns) {
        size_t n;
        if (sent < bytes && socket_send_str(from, str_of(said + sent, bytes - sent), &n) == OK) {
            sent += n;
        }
        loop_turn(&kit.core->loop, 0);
        if (socket_recv(to, got + heard, bytes - heard, &n) == OK) {
            heard += n;
        }
    }
    return heard == bytes && memcmp(said, got, bytes) == 0;
}

static void open_one(void)
{
    fill();
    tunnel_kit_open(&kit, 1, false, 0);
    tunnel_kit_client(&kit);
    WANT(tunnel_kit_accept(&kit, 0));
}

TEST(messages_are_copied_and_bulk_is_spliced)
{
    open_one();
    WANT(passes(kit.pair.far, kit.origin_fd, 100));
    WANT_INT(kit.pipes.opened_total, 0);
    WANT(passes(kit.origin_fd, kit.pair.far, BULK));
    WANT(kit.pipes.opened_total > 0);
    WANT(passes(kit.pair.far, kit.origin_fd, 100));
    tunnel_kit_turn(&kit, 2);
    WANT(!only()->up.has_pipe);
    WANT(!lanes_hold(only()));
    tunnel_kit_close(&kit);
}

TEST(without_a_pipe_bulk_is_copied)
{
    open_one();
    kit.pipes.taken_max = 0;
    WANT(passes(kit.pair.far, kit.origin_fd, BULK));
    WANT(passes(kit.origin_fd, kit.pair.far, BULK));
    WANT_INT(kit.pipes.opened_total, 0);
    tunnel_kit_close(&kit);
}

TEST(every_size_around_a_full_read_arrives_whole)
{
    static const size_t sizes[] = {1, 16383, 16384, 16385, 32768, 65535, 65536, 65537, 262144, 262145};
    open_one();
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        WANT(passes(kit.pair.far, kit.origin_fd, sizes[i]));
        WANT(passes(kit.origin_fd, kit.pair.far, sizes[i]));
    }
    tunnel_kit_close(&kit);
}

TEST(who_reads_slowly_holds_the_other_back)
{
    open_one();
    size_t n, sent = 0;
    for (int i = 0; i < 2000; i++) {
        if (socket_send_str(kit.origin_fd, str_of(said, BULK), &n) == OK) {
            sent += n;
        }
        loop_turn(&kit.core->loop, 0);
    }
    WANT(sent < 64u << 20); /* what kernel buffers and one pipe take */
    WANT(lanes_hold(only()));
    WANT(kit.core->blocks.used_count <= 4);
    tunnel_kit_close(&kit);
}

TEST(an_answer_is_read_from_who_takes_nothing_more)
{
    open_one();
    /* The instance answers and closes while the client is still sending. */
    WANT(tunnel_kit_say(kit.origin_fd, "too large"));
    socket_close(&kit.origin_fd);
    tunnel_kit_turn(&kit, 2);
    for (int i = 0; i < 20; i++) {
        (void)tunnel_kit_say(kit.pair.far, "more");
        tunnel_kit_turn(&kit, 1);
    }
    WANT_INT(kit.core->tunnel_count, 0);
    WANT_INT(tunnel_kit_ends(&kit, ERR_TUNNEL_ORIGIN_RESET), 1);
    tunnel_kit_close(&kit);
}

TEST(a_full_core_cuts_what_it_cannot_queue)
{
    open_one();
    kit.pipes.taken_max = 0;
    kit.core->blocks.fail_after = 0;
    size_t n;
    for (int i = 0; i < 4000 && kit.core->tunnel_count > 0; i++) {
        enum err e = socket_send_str(kit.origin_fd, str_of(said, BULK), &n);
        WANT(e == OK || e == ERR_AGAIN || e == ERR_CLOSED);
        loop_turn(&kit.core->loop, 0);
    }
    WANT_INT(kit.core->tunnel_count, 1); /* what cannot be queued is cut, the other half goes on */
    WANT(only()->down.is_cut);
    kit.core->blocks.fail_after = UINT32_MAX;
    tunnel_kit_close(&kit);
}
