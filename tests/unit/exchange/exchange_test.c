/* exchange_test.c - opening, moving by the table alone, growing the in-buffer, and closing with the
 * generation let go at the right moment. */
#include "exchange_kit.h"

#include <sys/wait.h>
#include <unistd.h>

static struct exchange_kit kit;
static unsigned idle_count;

static void on_generation_idle(struct core *core, struct generation *generation)
{
    WANT(core == &kit.core);
    WANT(generation == &kit.generation);
    idle_count++;
}

static const struct conductor conductor = {.on_generation_idle = on_generation_idle};

TEST(an_exchange_starts_empty_and_bound_to_the_current_generation)
{
    exchange_kit_open(&kit);
    struct exchange *ex = exchange_open(&kit.core, NULL);
    WANT(ex != NULL);
    WANT_INT(ex->state, EX_READING);
    WANT(ex->generation == &kit.generation);
    WANT_INT(kit.generation.in_flight, 1);
    WANT_INT(ex->in_len, 0);
    WANT(ex->in_cap >= 2048);
    WANT_INT(ex->deadline_ms, INT64_MAX);
    exchange_move(ex, EX_DONE);
    exchange_close(&ex);
    WANT(ex == NULL);
    exchange_kit_close(&kit);
}

TEST(at_the_ceiling_there_is_none)
{
    struct exchange *all[4];
    exchange_kit_open(&kit);
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        all[i] = exchange_open(&kit.core, NULL);
        WANT(all[i] != NULL);
    }
    WANT(exchange_open(&kit.core, NULL) == NULL);
    WANT_INT(kit.generation.in_flight, 4);
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        exchange_move(all[i], EX_DONE);
        exchange_close(&all[i]);
    }
    exchange_kit_close(&kit);
}

TEST(a_retired_generation_is_told_once_when_its_last_exchange_ends)
{
    exchange_kit_open(&kit);
    kit.core.conductor = &conductor;
    idle_count = 0;
    struct exchange *first = exchange_open(&kit.core, NULL), *last = exchange_open(&kit.core, NULL);
    struct generation next = {.number = 2};
    kit.generation.is_retired = true;
    kit.core.current = &next;
    exchange_move(first, EX_DONE);
    exchange_close(&first);
    WANT_INT(idle_count, 0);
    exchange_move(last, EX_DONE);
    exchange_close(&last);
    WANT_INT(idle_count, 1);
    kit.core.current = &kit.generation;
    exchange_kit_close(&kit);
}

/* Whether a move is allowed: one that is not ends the process. */
static bool can_move(enum exchange_state from, enum exchange_state to)
{
    int status;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct exchange ex = {.state = (uint8_t)from};
        (void)close(2);
        exchange_move(&ex, to);
        _exit(ex.state == to ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(nothing_leaves_done_and_nothing_goes_back_to_reading)
{
    for (int state = 0; state < EX_STATE_COUNT; state++) {
        WANT(!can_move(EX_DONE, (enum exchange_state)state));
        WANT(!can_move((enum exchange_state)state, EX_READING));
        WANT(exchange_state_text((enum exchange_state)state) != NULL);
    }
    WANT(can_move(EX_READING, EX_ROUTING));
    WANT(can_move(EX_SENDING, EX_PICKING));   /* a replay */
    WANT(can_move(EX_RESPONDING, EX_REPLYING)); /* a head that could not be passed on */
    WANT(!can_move(EX_RESPONDING, EX_PICKING)); /* never again once the answer has begun */
    WANT(!can_move(EX_REPLYING, EX_REPLYING));
}

TEST(the_in_buffer_grows_with_its_bytes_up_to_the_limit)
{
    exchange_kit_open(&kit);
    struct exchange *ex = exchange_open(&kit.core, NULL);
    memset(ex->in_at, 'a', ex->in_cap);
    ex->in_len = ex->in_cap;
    uint32_t before = ex->in_len;
    kit.core.blocks.fail_after = kit.core.large_chunks.fail_after = 0;
    WANT_INT(exchange_grow_in(ex, 20000), ERR_MEMORY);
    WANT_INT(ex->in_len, before); /* unharmed */
    kit.core.blocks.fail_after = kit.core.large_chunks.fail_after = UINT32_MAX;
    WANT_INT(exchange_grow_in(ex, 20000), OK);
    WANT(ex->in_cap > before);
    WANT(ex->in_at[0] == 'a' && ex->in_at[before - 1] == 'a');
    ex->in_len = ex->in_cap;
    WANT_INT(exchange_grow_in(ex, 20000), OK);
    WANT_INT(ex->in_cap, 20000 + 1024);
    ex->in_len = 20000;
    WANT_INT(exchange_grow_in(ex, 20000), ERR_HEAD_BYTES);
    ex->in_len = 10;
    exchange_trim_in(ex);
    WANT_INT(ex->in_cap, 10);
    exchange_move(ex, EX_DONE);
    exchange_close(&ex);
    exchange_kit_close(&kit);
}
