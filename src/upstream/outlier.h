/* outlier.h - which instances of a pool fail or are slow where the others are not: passive
 * detection. Pure: sums of tallies and the time come in, shares and ejections come out.
 * Three signs: errors in a row; an error rate whose lower Wilson bound lies above the others'; a
 * typical time to first byte far above the others'. A row of errors takes an instance out at once.
 * The other two halve its share once a second, down to 1 %, and only then take it out. What comes
 * back does so with 5 % of its share and doubles it as long as it works. Where all fail alike
 * nothing is taken out: there is nothing better to send to. */
#pragma once

#include "base/rng.h"
#include "base/str.h"
#include "upstream/tally.h"

enum {
    OUTLIER_SLOTS = 20, /* of the window */
    OUTLIER_SHARE_ONE = 256,
    OUTLIER_SHARE_PROBING = 13, /* about 5 % */
    OUTLIER_REASON_BYTES = 80
};

/* All zero: nothing is looked at. */
struct outlier_conf {
    uint32_t errors;        /* in a row; 0: not looked at */
    int64_t window_ms;      /* how far back everything goes; above 0 */
    uint32_t error_percent; /* an error rate up to this is never bad; 0: rates are not looked at */
    int64_t latency_ms;     /* slower than the others by at least this; 0: not looked at */
    int64_t for_ms, for_ms_max;
    uint32_t max_share;   /* percent of the instances of one priority; one may always go */
    uint32_t min_healthy; /* instances of one priority that stay */
};

enum outlier_event {
    OUTLIER_NOTHING,
    OUTLIER_REDUCED,   /* the share went down */
    OUTLIER_RAISED,    /* it went up */
    OUTLIER_EJECTED,   /* until until_ms */
    OUTLIER_KEPT,      /* it would have been, but too many are out already: the share is 1 % */
    OUTLIER_READMITTED /* with a probing share */
};

struct outlier_slot {
    int64_t number; /* of the span of time it stands for */
    uint32_t answered, failed, heads;
    uint64_t log_sum;
};

/* What is known of one instance; all-zero is one that nothing is known of. */
struct outlier {
    struct tally_sum seen;
    struct outlier_slot slots[OUTLIER_SLOTS];
    uint16_t withheld; /* OUTLIER_SHARE_ONE minus the share */
    uint16_t times;    /* ejected lately: each makes the next one longer */
    uint8_t event;     /* enum outlier_event: of the last step */
    bool has_seen, is_out, is_probing, is_kept;
    int64_t until_ms;   /* while it is out */
    int64_t changed_ms; /* when share or times last changed */
    uint8_t reason_len;
    char reason[OUTLIER_REASON_BYTES];
};

/* One instance of the pool for one step. */
struct outlier_seat {
    struct outlier *outlier;
    struct tally_sum tally;
    uint32_t priority; /* limits hold, and comparisons are made, among equals */
    bool is_usable;    /* but for what is decided here: not down, not drained */
    /* Written by the step. */
    uint32_t samples, failed, in_row, heads; /* of the window */
    uint32_t now_samples, now_failed, now_heads; /* of its end: what happened just now */
    double rate, log, now_log;
};

struct outlier_pool {
    const struct outlier_conf *conf;
    struct outlier_seat *seats;
    double *scratch; /* two numbers for each seat */
    uint32_t count;
    struct rng *rng;
};

/* Looks at a pool once more, some times a second; each outlier's event says what is to be done. */
void outlier_step(const struct outlier_pool *pool, int64_t now_ms);
/* Forgets decisions, not what was seen: passive detection was turned off. */
void outlier_reset(struct outlier *outlier);
static inline uint32_t outlier_share(const struct outlier *outlier)
{
    return OUTLIER_SHARE_ONE - outlier->withheld;
}
static inline struct str outlier_reason(const struct outlier *outlier)
{
    return str_of(outlier->reason, outlier->reason_len);
}
/* Lower and upper end of the 95 % Wilson interval of a rate of `failed` in `samples`. */
double outlier_wilson(uint32_t failed, uint32_t samples, bool is_upper);
