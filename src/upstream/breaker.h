/* breaker.h - when a whole version fails, or is slow, so much that asking it does harm: it is left
 * alone for a while and then asked a few times to see. Pure: counts and the time come in, a state
 * comes out. Cores only look at the gate, one word that is zero while the breaker is closed. */
#pragma once

#include "base/platform.h"
#include "base/str.h"

#include <stdatomic.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
enum { BREAKER_SLOTS = 20, BREAKER_REASON_BYTES = 80 };

/* All zero: never opens. */
struct breaker_conf {
    uint32_t error_percent; /* of the attempts of the window; 0: errors do not matter */
    uint32_t slow_percent;  /* of them, slower than slow_ms; 0: times do not matter */
    int64_t window_ms, slow_ms;
    uint32_t min_requests; /* of the window, before it is judged */
    uint32_t probes;       /* requests that decide whether it closes again */
    int64_t open_ms;       /* doubles each time in a row, up to eightfold */
};

/* Counts that only rise, and wrap around. */
struct breaker_counts {
    uint32_t total, failed, slow;
};

struct breaker {
    struct breaker_counts seen, slots[BREAKER_SLOTS];
    struct breaker_counts probed; /* since it is half open */
    int64_t numbers[BREAKER_SLOTS];
    int64_t until_ms; /* open: it ends. Half open: probes are given out again */
    uint32_t times;   /* opened in a row */
    uint8_t state;    /* enum breaker_state */
    bool has_seen;
    uint8_t reason_len;
    char reason[BREAKER_REASON_BYTES];
};

/* 0: closed. 1: shut. Above: half open, with so many probes left and one. Any thread. */
struct breaker_gate {
    _Atomic uint32_t word;
};

/* Looks once more, some times a second. True: the state has changed, or probes are given out anew:
 * the gate is to be set. */
bool breaker_step(struct breaker *breaker, const struct breaker_conf *conf,
                  const struct breaker_counts *now, int64_t now_ms);
void breaker_set_gate(struct breaker_gate *gate, const struct breaker *breaker,
                      const struct breaker_conf *conf);
const char *breaker_state_text(enum breaker_state state);
/* Takes a probe from a gate that is half open; exact over all threads. False: shut. */
bool breaker_take_probe(struct breaker_gate *gate);

static inline bool breaker_pass(struct breaker_gate *gate)
{
    return LIKELY(atomic_load_explicit(&gate->word, memory_order_relaxed) == 0) ||
           breaker_take_probe(gate);
}
