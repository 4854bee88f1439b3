/* exchange.c - opening, moving and closing an exchange; see exchange.h. */
#include "exchange/exchange.h"

#include "base/check.h"
#include "base/limits.h"

enum { FIELDS_FIRST = 24, IN_BYTES_FIRST = 4096 };

#define TO(name) (1U << EX_##name)
static const uint16_t moves[EX_STATE_COUNT] = {
#define STATE(name, text, to) [EX_##name] = (to),
#include "exchange/states.def"
#undef STATE
};
#undef TO
static const char *const state_texts[EX_STATE_COUNT] = {
#define STATE(name, text, to) [EX_##name] = (text),
#include "exchange/states.def"
#undef STATE
};

struct exchange *exchange_open(struct core *core, struct session *session)
{
    struct exchange *ex = slab_take(&core->exchanges);
    if (ex == NULL) {
        return NULL;
    }
    /* Hides that the size is a constant: some compilers would clear eight bytes at a time. */
    size_t bytes = sizeof *ex;
    __asm__("" : "+r"(bytes));
    memset(ex, 0, bytes);
    ex->core = core;
    ex->session = session;
    ex->deadline_ms = INT64_MAX;
    ex->generation = core->current;
    ex->generation->in_flight++;
    list_init(&ex->queue_node);
    const struct arena_slabs slabs = {.small = &core->blocks, .large = &core->large_chunks};
    arena_init_slab(&ex->arena, ex + 1, EXCHANGE_OBJECT_BYTES - sizeof *ex, slabs,
                    LIMIT_VALUE(arena_bytes));
    ex->request.fields.at = arena_alloc(&ex->arena, sizeof(struct field) * FIELDS_FIRST);
    ex->request.fields.cap = FIELDS_FIRST;
    ex->in_at = arena_alloc(&ex->arena, IN_BYTES_FIRST);
    ex->in_cap = IN_BYTES_FIRST;
    CHECK(ex->request.fields.at != NULL);
    CHECK(ex->in_at != NULL);
    exchange_mark(ex, FLIGHT_START);
    return ex;
}

void exchange_close(struct exchange **ex)
{
    struct core *core = (*ex)->core;
    struct generation *generation = (*ex)->generation;
    CHECK((*ex)->state == EX_DONE);
    CHECK((*ex)->conn == NULL);
    CHECK(list_is_empty(&(*ex)->queue_node));
    timer_stop(&(*ex)->timer);
    task_cancel(&(*ex)->task);
    arena_reset(&(*ex)->arena);
    slab_give(&core->exchanges, *ex);
    *ex = NULL;
    CHECK(generation->in_flight > 0);
    if (--generation->in_flight == 0 && generation->is_retired) {
        core->conductor->on_generation_idle(core, generation);
    }
}

void exchange_move(struct exchange *ex, enum exchange_state to)
{
    CHECK((moves[ex->state] >> to & 1) != 0);
    ex->state = (uint8_t)to;
}

const char *exchange_state_text(enum exchange_state state)
{
    CHECK(state < EX_STATE_COUNT);
    return state_texts[state];
}

enum err exchange_grow_in(struct exchange *ex, size_t bytes_max)
{
    if (ex->in_len >= bytes_max) {
        return ERR_HEAD_BYTES;
    }
    size_t wanted = (size_t)ex->in_cap * 4;
    /* A little over the limit, so that reaching it is told apart from filling the buffer. */
    wanted = wanted < bytes_max + 1024 ? wanted : bytes_max + 1024;
    char *larger = arena_alloc(&ex->arena, wanted);
    if (larger == NULL) {
        return ERR_MEMORY;
    }
    memcpy(larger, ex->in_at, ex->in_len);
    ex->in_at = larger;
    ex->in_cap = (uint32_t)wanted;
    return OK;
}

void exchange_trim_in(struct exchange *ex)
{
    arena_shrink(&ex->arena, ex->in_at, ex->in_cap, ex->in_len);
    ex->in_cap = ex->in_len;
}
