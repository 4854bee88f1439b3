/* wheel.c - a hierarchical timer wheel of one millisecond (Varghese and Lauck 1987): five levels of
 * 64 slots reach 12 days. Setting and stopping are a few stores; a timer that only moves later is
 * not touched in the wheel at all and is put back when its slot comes round, which makes the
 * timers of a busy connection nearly free. */
#include "loop/wheel.h"

#include "base/check.h"

enum { SLOT_BITS = 6, SLOT_MASK = WHEEL_SLOTS - 1, WAIT_MS_MAX = 86400000 };
static_assert(1 << SLOT_BITS == WHEEL_SLOTS, "slots are addressed by bits");

void wheel_init(struct loop *loop)
{
    for (int level = 0; level < WHEEL_LEVELS; level++) {
        for (int slot = 0; slot < WHEEL_SLOTS; slot++) {
            list_init(&loop->wheel[level][slot]);
        }
        loop->wheel_used[level] = 0;
    }
    loop->wheel_ms = loop->now_ms;
}

static void wheel_insert(struct loop *loop, struct timer *timer)
{
    int64_t at_ms = timer->at_ms > loop->wheel_ms ? timer->at_ms : loop->wheel_ms + 1;
    int64_t span = INT64_C(1) << (SLOT_BITS * WHEEL_LEVELS);
    if (at_ms - loop->wheel_ms >= span) {
        at_ms = loop->wheel_ms + span - 1;
    }
    int level = 0;
    while (at_ms - loop->wheel_ms >= INT64_C(1) << (SLOT_BITS * (level + 1))) {
        level++;
    }
    int slot = (int)(at_ms >> (SLOT_BITS * level)) & SLOT_MASK;
    timer->slot_ms = at_ms;
    list_push_back(&loop->wheel[level][slot], &timer->node);
    loop->wheel_used[level] |= UINT64_C(1) << slot;
}

void timer_set(struct loop *loop, struct timer *timer, int64_t at_ms)
{
    timer->at_ms = at_ms;
    if (timer->is_set && at_ms >= timer->slot_ms) {
        return;
    }
    if (timer->is_set) {
        list_remove(&timer->node);
    }
    timer->is_set = true;
    wheel_insert(loop, timer);
}

void timer_stop(struct timer *timer)
{
    if (timer->is_set) {
        timer->is_set = false;
        list_remove(&timer->node);
    }
}

/* Empties a slot: timers that are due fire, the others move to where they belong now. */
static void slot_run(struct loop *loop, int level, int slot)
{
    struct list *head = &loop->wheel[level][slot];
    struct list batch;
    list_init(&batch);
    loop->wheel_used[level] &= ~(UINT64_C(1) << slot);
    if (list_is_empty(head)) {
        return;
    }
    list_push_back(head, &batch);
    list_remove(head);
    while (!list_is_empty(&batch)) {
        struct timer *timer = CONTAINER_OF(batch.next, struct timer, node);
        list_remove(&timer->node);
        if (timer->at_ms > loop->wheel_ms) {
            wheel_insert(loop, timer);
            continue;
        }
        timer->is_set = false;
        timer->fire(loop, timer);
    }
}

/* The next instant at which a slot has to be run, or INT64_MAX. */
static int64_t next_work_ms(const struct loop *loop)
{
    int64_t next_ms = INT64_MAX;
    for (int level = 0; level < WHEEL_LEVELS; level++) {
        uint64_t used = loop->wheel_used[level];
        if (used == 0) {
            continue;
        }
        int shift = SLOT_BITS * level;
        unsigned first = (unsigned)((loop->wheel_ms >> shift) + 1) & SLOT_MASK;
        /* Rotated so that bit 0 is the slot after the current one. */
        uint64_t rotated = first == 0 ? used : used >> first | used << (WHEEL_SLOTS - first);
        int64_t steps = __builtin_ctzll(rotated) + 1;
        int64_t at_ms = ((loop->wheel_ms >> shift) + steps) << shift;
        next_ms = at_ms < next_ms ? at_ms : next_ms;
    }
    return next_ms;
}

void wheel_advance(struct loop *loop)
{
    while (loop->wheel_ms < loop->now_ms) {
        int64_t next_ms = next_work_ms(loop);
        if (next_ms > loop->now_ms) {
            loop->wheel_ms = loop->now_ms;
            return;
        }
        CHECK(next_ms > loop->wheel_ms);
        loop->wheel_ms = next_ms;
        for (int level = WHEEL_LEVELS - 1; level >= 0; level--) {
            int shift = SLOT_BITS * level;
            if ((next_ms & ((INT64_C(1) << shift) - 1)) == 0) {
                slot_run(loop, level, (int)(next_ms >> shift) & SLOT_MASK);
            }
        }
    }
}

int wheel_wait_ms(const struct loop *loop)
{
    int64_t next_ms = next_work_ms(loop);
    if (next_ms == INT64_MAX) {
        return -1;
    }
    int64_t wait_ms = next_ms - loop->now_ms;
    return wait_ms < 0 ? 0 : wait_ms > WAIT_MS_MAX ? WAIT_MS_MAX : (int)wait_ms;
}
