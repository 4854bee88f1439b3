/* breaker.c - closed, open, half open; see breaker.h. */
#include "upstream/breaker.h"

#include "base/strbuf.h"

enum { TIMES_MAX = 3 };

const char *breaker_state_text(enum breaker_state state)
{
    static const char *const texts[] = {"closed", "open", "half open"};
    return texts[state];
}

bool breaker_take_probe(struct breaker_gate *gate)
{
    uint32_t word = atomic_load_explicit(&gate->word, memory_order_relaxed);
    do {
        if (word == 0) {
            return true;
        }
        if (word == 1) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&gate->word, &word, word - 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void breaker_set_gate(struct breaker_gate *gate, const struct breaker *breaker,
                      const struct breaker_conf *conf)
{
    uint32_t word = 0;
    switch ((enum breaker_state)breaker->state) {
    case BREAKER_CLOSED: break;
    case BREAKER_OPEN: word = 1; break;
    case BREAKER_HALF_OPEN: word = 1 + conf->probes; break;
    }
    atomic_store_explicit(&gate->word, word, memory_order_relaxed);
}

static void add(struct breaker_counts *to, const struct breaker_counts *delta)
{
    to->total += delta->total;
    to->failed += delta->failed;
    to->slow += delta->slow;
}

static struct breaker_counts window_of(const struct breaker *breaker, int64_t number)
{
    struct breaker_counts sum = {0};
    for (uint32_t i = 0; i < BREAKER_SLOTS; i++) {
        if (breaker->numbers[i] > number - BREAKER_SLOTS) {
            add(&sum, &breaker->slots[i]);
        }
    }
    return sum;
}

static void say(struct breaker *breaker, uint32_t part, uint32_t total, const char *what)
{
    struct strbuf out = strbuf_over(breaker->reason, sizeof breaker->reason);
    strbuf_add_fmt(&out, "%u of %u %s", part, total, what);
    breaker->reason_len = (uint8_t)strbuf_str(&out).len;
}

/* Too many of `counts`; says so. */
static bool is_too_bad(struct breaker *breaker, const struct breaker_conf *conf,
                       const struct breaker_counts *counts)
{
    uint64_t total = counts->total;
    if (conf->error_percent > 0 && 100 * (uint64_t)counts->failed >= conf->error_percent * total) {
        say(breaker, counts->failed, counts->total, "failed");
        return true;
    }
    if (conf->slow_percent > 0 && 100 * (uint64_t)counts->slow >= conf->slow_percent * total) {
        say(breaker, counts->slow, counts->total, "were slow");
        return true;
    }
    return false;
}

static bool open_it(struct breaker *breaker, const struct breaker_conf *conf, int64_t now_ms)
{
    breaker->state = BREAKER_OPEN;
    breaker->until_ms = now_ms + (conf->open_ms << breaker->times);
    breaker->times += breaker->times < TIMES_MAX;
    return true;
}

static bool half_open(struct breaker *breaker, const struct breaker_conf *conf, int64_t now_ms)
{
    breaker->state = BREAKER_HALF_OPEN;
    breaker->until_ms = now_ms + conf->open_ms;
    breaker->probed = (struct breaker_counts){0};
    return true;
}

static bool judge_probes(struct breaker *breaker, const struct breaker_conf *conf, int64_t now_ms)
{
    const struct breaker_counts *probed = &breaker->probed;
    if (probed->total < conf->probes) {
        /* Some were given up by their clients, or nobody asks: others may try. */
        return now_ms >= breaker->until_ms && half_open(breaker, conf, now_ms);
    }
    if (is_too_bad(breaker, conf, probed)) {
        return open_it(breaker, conf, now_ms);
    }
    say(breaker, probed->total - probed->failed, probed->total, "probes answered");
    breaker->state = BREAKER_CLOSED;
    breaker->times = 0;
    memset(breaker->slots, 0, sizeof breaker->slots);
    return true;
}

bool breaker_step(struct breaker *breaker, const struct breaker_conf *conf,
                  const struct breaker_counts *now, int64_t now_ms)
{
    int64_t slot_ms = conf->window_ms / BREAKER_SLOTS;
    int64_t number = now_ms / (slot_ms > 0 ? slot_ms : 1) + BREAKER_SLOTS;
    uint32_t at = (uint32_t)(number % BREAKER_SLOTS);
    struct breaker_counts delta = {now->total - breaker->seen.total,
                                   now->failed - breaker->seen.failed,
                                   now->slow - breaker->seen.slow};
    if (breaker->numbers[at] != number) {
        breaker->numbers[at] = number;
        breaker->slots[at] = (struct breaker_counts){0};
    }
    if (breaker->has_seen) {
        add(&breaker->slots[at], &delta);
        add(&breaker->probed, &delta);
    }
    breaker->seen = *now;
    breaker->has_seen = true;
    switch ((enum breaker_state)breaker->state) {
    case BREAKER_CLOSED: break;
    case BREAKER_OPEN: return now_ms >= breaker->until_ms && half_open(breaker, conf, now_ms);
    case BREAKER_HALF_OPEN: return judge_probes(breaker, conf, now_ms);
    }
    struct breaker_counts window = window_of(breaker, number);
    return window.total >= conf->min_requests && window.total > 0 &&
           is_too_bad(breaker, conf, &window) && open_it(breaker, conf, now_ms);
}
