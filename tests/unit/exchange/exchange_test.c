/* exchange_test.c - opening, moving, growing and closing, and the ceilings of each. */
#include "exchange_kit.h"

static struct exchange_kit kit;

TEST(an_exchange_gives_everything_back)
{
    exchange_kit_open(&kit);
    for (int i = 0; i < 10; i++) {
        (void)exchange_kit_request(&kit, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        WANT_INT(kit.generation.in_flight, 1);
        WANT_INT(kit.core.exchanges.used_count, 1);
    }
    exchange_kit_close(&kit);
}

TEST(a_full_slab_is_an_answer)
{
    struct exchange *held[5];
    exchange_kit_open(&kit);
    for (int i = 0; i < 4; i++) {
        held[i] = exchange_open(&kit.core, NULL);
        WANT(held[i] != NULL);
    }
    held[4] = exchange_open(&kit.core, NULL);
    WANT(held[4] == NULL);
    WANT_INT(kit.generation.in_flight, 4);
    for (int i = 0; i < 4; i++) {
        exchange_move(held[i], EX_DONE);
        exchange_close(&held[i]);
        WANT(held[i] == NULL);
    }
    exchange_kit_close(&kit);
}

TEST(the_in_buffer_grows_with_its_bytes_up_to_the_limit)
{
    exchange_kit_open(&kit);
    struct exchange *ex = exchange_open(&kit.core, NULL);
    WANT(ex != NULL);
    enum err e = OK;
    for (uint32_t at = 0; e == OK && at < 70000; at++) {
        if (ex->in_len == ex->in_cap) {
            e = exchange_grow_in(ex, 65536);
        }
        if (e == OK) {
            ex->in_at[ex->in_len++] = (char)('a' + at % 26);
        }
    }
    WANT_INT(e, ERR_HEAD_BYTES);
    WANT(ex->in_len >= 65536);
    for (uint32_t at = 0; at < ex->in_len; at++) {
        if (ex->in_at[at] != (char)('a' + at % 26)) {
            WANT_INT(at, -1);
            break;
        }
    }
    kit.ex = ex;
    exchange_kit_close(&kit);
}

TEST(growing_without_memory_leaves_it_as_it_was)
{
    exchange_kit_open(&kit);
    struct exchange *ex = exchange_open(&kit.core, NULL);
    WANT(ex != NULL);
    char *before = ex->in_at;
    ex->in_len = ex->in_cap;
    kit.core.blocks.fail_after = 0;
    kit.core.large_chunks.fail_after = 0;
    WANT_INT(exchange_grow_in(ex, 65536), ERR_MEMORY);
    WANT(ex->in_at == before);
    kit.ex = ex;
    exchange_kit_close(&kit);
}

TEST(every_state_has_a_sentence_and_what_is_unused_goes_back)
{
    exchange_kit_open(&kit);
    for (int state = 0; state < EX_STATE_COUNT; state++) {
        WANT(strlen(exchange_state_text((enum exchange_state)state)) > 0);
    }
    struct exchange *ex = exchange_open(&kit.core, NULL);
    WANT(ex != NULL);
    size_t used = ex->arena.used_bytes;
    ex->in_len = 100;
    exchange_trim_in(ex);
    WANT_INT(ex->in_cap, 100);
    WANT(ex->arena.used_bytes < used);
    kit.ex = ex;
    exchange_kit_close(&kit);
}
