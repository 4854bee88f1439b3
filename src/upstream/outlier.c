/* outlier.c - passive detection; see outlier.h. Thresholds are medians and median deviations: one
 * bad instance, or two, do not move what they are measured by. In small pools an instance is
 * measured by the others alone, and by what their samples can prove. */
#include "upstream/outlier.h"

#include "base/strbuf.h"

#include <math.h>
#include <stdlib.h>

enum {
    SAMPLES_MIN = 20,       /* before a rate or a time is judged */
    TIMES_ENOUGH = 100,     /* so many times are looked at, or those of just now */
    SAMPLES_MIN_AGAIN = 5,  /* the same of one whose share is reduced already */
    INTERVAL_MS = 1000,     /* between two changes of a share */
    QUIET_MS = 5000,        /* without samples: then a share may grow all the same */
    SHARE_MIN = 3,          /* about 1 % */
    ERRORS_PROBING = 2,     /* in a row, of one that has just come back */
    NOW_SLOTS = 3,          /* the end of the window: what happened just now */
    SMALL_POOL = 5
};

#define WILSON_Z 1.96
#define SLOW_LOG_MIN (1.5 * TALLY_LOG_ONE) /* about three times slower */
#define DEVIATIONS 3.0

double outlier_wilson(uint32_t failed, uint32_t samples, bool is_upper)
{
    if (samples == 0) {
        return is_upper ? 1 : 0;
    }
    double n = samples, p = failed / n, zz = WILSON_Z * WILSON_Z;
    double half = WILSON_Z * sqrt(p * (1 - p) / n + zz / (4 * n * n));
    double end = (p + zz / (2 * n) + (is_upper ? half : -half)) / (1 + zz / n);
    return fmin(fmax(end, 0), 1);
}

void outlier_reset(struct outlier *outlier)
{
    *outlier = (struct outlier){.seen = outlier->seen, .has_seen = outlier->has_seen};
}

static struct strbuf reason_begin(struct outlier *outlier)
{
    return strbuf_over(outlier->reason, sizeof outlier->reason);
}

static void reason_end(struct outlier *outlier, const struct strbuf *text)
{
    outlier->reason_len = (uint8_t)strbuf_str(text).len;
}

/* What was counted since the last step goes into the slot of now. */
static void take_counts(struct outlier_seat *seat, int64_t number)
{
    struct outlier *outlier = seat->outlier;
    const struct tally_sum *now = &seat->tally, *seen = &outlier->seen;
    struct outlier_slot *slot = &outlier->slots[number % OUTLIER_SLOTS];
    if (slot->number != number) {
        *slot = (struct outlier_slot){.number = number};
    }
    if (outlier->has_seen) {
        slot->answered += now->counts[TALLY_ANSWERED] - seen->counts[TALLY_ANSWERED];
        slot->failed += tally_failures(now) - tally_failures(seen);
        slot->heads += tally_answers(now) - tally_answers(seen);
        slot->log_sum += now->ttfb_log_sum - seen->ttfb_log_sum;
    }
    outlier->seen = *now;
    outlier->has_seen = true;
}

/* Failures in a row, slot by slot from the newest. Within a slot the order is not known: the cores'
 * own rows bound it. True: the row ends within this slot. */
static bool add_row(struct outlier_seat *seat, const struct outlier_slot *slot)
{
    uint32_t known = seat->tally.failures_in_row;
    uint32_t rest = known > seat->in_row ? known - seat->in_row : 0;
    bool is_end = slot->answered > 0;
    seat->in_row += is_end && rest < slot->failed ? rest : slot->failed;
    return is_end;
}

/* Times are those of late: what was fast before must not hide what is slow now. So no more of an
 * older slot than is still wanted. Gives the sum of logarithms. */
static uint64_t take_times(struct outlier_seat *seat, const struct outlier_slot *slot, bool is_now)
{
    uint32_t enough = seat->outlier->withheld > 0 ? SAMPLES_MIN : TIMES_ENOUGH;
    uint32_t wanted = is_now ? slot->heads : enough > seat->heads ? enough - seat->heads : 0;
    uint32_t taken = slot->heads < wanted ? slot->heads : wanted;
    seat->heads += taken;
    return taken == 0 ? 0 : slot->log_sum * taken / slot->heads;
}

/* Sums up the window. */
static void view(struct outlier_seat *seat, int64_t number)
{
    uint64_t log_sum = 0, now_log_sum = 0;
    bool is_row_over = false;
    seat->samples = seat->failed = seat->heads = seat->in_row = 0;
    seat->now_samples = seat->now_failed = seat->now_heads = 0;
    for (int64_t age = 0; age < OUTLIER_SLOTS && age <= number; age++) {
        const struct outlier_slot *slot = &seat->outlier->slots[(number - age) % OUTLIER_SLOTS];
        if (slot->number != number - age) {
            continue;
        }
        seat->samples += slot->answered + slot->failed;
        seat->failed += slot->failed;
        log_sum += take_times(seat, slot, age < NOW_SLOTS);
        is_row_over = is_row_over || add_row(seat, slot);
        if (age < NOW_SLOTS) {
            seat->now_samples = seat->samples;
            seat->now_failed = seat->failed;
            seat->now_heads = seat->heads;
            now_log_sum = log_sum;
        }
    }
    seat->rate = seat->samples == 0 ? 0 : (double)seat->failed / seat->samples;
    seat->log = seat->heads == 0 ? 0 : (double)log_sum / seat->heads;
    seat->now_log = seat->now_heads == 0 ? 0 : (double)now_log_sum / seat->now_heads;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *at, uint32_t count)
{
    qsort(at, count, sizeof *at, by_value);
    return count == 0 ? 0 : (at[(count - 1) / 2] + at[count / 2]) / 2;
}

/* How many of one priority there are, and in what state. */
struct group {
    uint32_t members, out, healthy, whole;
};

static struct group group_of(const struct outlier_pool *pool, uint32_t priority)
{
    struct group group = {0};
    for (uint32_t i = 0; i < pool->count; i++) {
        const struct outlier_seat *seat = &pool->seats[i];
        if (seat->priority == priority && seat->is_usable) {
            group.members++;
            group.out += seat->outlier->is_out;
            group.healthy += !seat->outlier->is_out;
            group.whole += !seat->outlier->is_out && seat->outlier->withheld == 0;
        }
    }
    return group;
}

enum measure { MEASURE_RATE, MEASURE_LOG };

/* Median and median deviation of those that one seat is compared with. False: there is nobody. */
static bool compare(const struct outlier_pool *pool, const struct outlier_seat *with,
                    enum measure measure, double *middle, double *deviation)
{
    uint32_t count = 0;
    bool is_small = pool->count < SMALL_POOL;
    for (uint32_t i = 0; i < pool->count; i++) {
        const struct outlier_seat *seat = &pool->seats[i];
        uint32_t samples = measure == MEASURE_RATE ? seat->samples : seat->heads;
        if (seat == with || seat->priority != with->priority || seat->outlier->is_out ||
            samples < SAMPLES_MIN) {
            continue;
        }
        double rate =
            is_small ? outlier_wilson(seat->failed, seat->samples, true) : seat->rate;
        pool->scratch[count++] = measure == MEASURE_RATE ? rate : seat->log;
    }
    *middle = median(pool->scratch, count);
    for (uint32_t i = 0; i < count; i++) {
        pool->scratch[pool->count + i] = fabs(pool->scratch[i] - *middle);
    }
    *deviation = median(pool->scratch + pool->count, count);
    return count > 0;
}

static uint32_t samples_needed(const struct outlier *outlier)
{
    return outlier->withheld > 0 ? SAMPLES_MIN_AGAIN : SAMPLES_MIN;
}

/* What one sign says of an instance. */
enum finding { FINDING_GOOD, FINDING_PAST, FINDING_BAD }; /* past: no more just now */

static enum finding find_errors(const struct outlier_pool *pool, const struct outlier_seat *seat)
{
    double middle, deviation, low = outlier_wilson(seat->failed, seat->samples, false);
    if (pool->conf->error_percent == 0 || seat->samples < samples_needed(seat->outlier) ||
        low <= pool->conf->error_percent / 100.0 ||
        !compare(pool, seat, MEASURE_RATE, &middle, &deviation) ||
        low <= middle + DEVIATIONS * deviation) {
        return FINDING_GOOD;
    }
    struct strbuf out = reason_begin(seat->outlier);
    strbuf_add_fmt(&out, "error rate %.0f %% of %u, of the others at most %.0f %%",
                   100 * seat->rate, seat->samples, 100 * middle);
    reason_end(seat->outlier, &out);
    return seat->now_failed > 0 ? FINDING_BAD : FINDING_PAST;
}

static double log_ms(double log)
{
    return exp2(log / TALLY_LOG_ONE) * 1024 / 1e6;
}

static enum finding find_slowness(const struct outlier_pool *pool, const struct outlier_seat *seat)
{
    double middle, deviation, floor_ms = (double)pool->conf->latency_ms;
    if (pool->conf->latency_ms == 0 || seat->heads < samples_needed(seat->outlier) ||
        !compare(pool, seat, MEASURE_LOG, &middle, &deviation)) {
        return FINDING_GOOD;
    }
    double limit = middle + fmax(SLOW_LOG_MIN, DEVIATIONS * deviation);
    if (seat->log <= limit || log_ms(seat->log) - log_ms(middle) < floor_ms) {
        return FINDING_GOOD;
    }
    struct strbuf out = reason_begin(seat->outlier);
    strbuf_add_fmt(&out, "time to first byte %.0f ms, of the others %.0f ms", log_ms(seat->log),
                   log_ms(middle));
    reason_end(seat->outlier, &out);
    return seat->now_log > limit ? FINDING_BAD : FINDING_PAST;
}

static void change(struct outlier *outlier, enum outlier_event event, uint32_t share,
                   int64_t now_ms)
{
    outlier->event = (uint8_t)event;
    outlier->withheld = (uint16_t)(OUTLIER_SHARE_ONE - share);
    outlier->changed_ms = now_ms;
}

static void eject(const struct outlier_pool *pool, struct outlier *outlier, int64_t now_ms)
{
    const struct outlier_conf *conf = pool->conf;
    int64_t span_ms = conf->for_ms * (outlier->times + 1);
    if (span_ms < conf->for_ms_max) {
        outlier->times++;
    }
    span_ms = span_ms < conf->for_ms_max ? span_ms : conf->for_ms_max;
    span_ms += (int64_t)rng_below(pool->rng, (uint32_t)(span_ms / 10 + 1));
    outlier->is_out = true;
    outlier->is_probing = outlier->is_kept = false;
    outlier->until_ms = now_ms + span_ms;
    change(outlier, OUTLIER_EJECTED, OUTLIER_SHARE_ONE, now_ms);
}

/* Out, if enough others stay; else nearly out. */
static void eject_or_keep(const struct outlier_pool *pool, const struct outlier_seat *seat,
                          int64_t now_ms)
{
    const struct outlier_conf *conf = pool->conf;
    struct outlier *outlier = seat->outlier;
    struct group group = group_of(pool, seat->priority);
    uint32_t max = group.members * conf->max_share / 100;
    if (group.out < (max > 1 ? max : 1) && group.healthy > conf->min_healthy) {
        eject(pool, outlier, now_ms);
    } else if (!outlier->is_kept && group.whole - (outlier->withheld == 0) >= conf->min_healthy &&
               group.healthy > 1) {
        outlier->is_kept = true;
        change(outlier, OUTLIER_KEPT, SHARE_MIN, now_ms);
    }
}

/* Whether anybody else works just now: else there is no reason to single this one out. */
static bool has_better(const struct outlier_pool *pool, const struct outlier_seat *than)
{
    for (uint32_t i = 0; i < pool->count; i++) {
        const struct outlier_seat *seat = &pool->seats[i];
        if (seat != than && seat->priority == than->priority && seat->is_usable &&
            !seat->outlier->is_out && 2 * seat->now_failed <= seat->now_samples &&
            !seat->outlier->is_kept) {
            return true;
        }
    }
    return false;
}

static void reduce(const struct outlier_pool *pool, const struct outlier_seat *seat,
                   int64_t now_ms)
{
    struct outlier *outlier = seat->outlier;
    struct group group = group_of(pool, seat->priority);
    uint32_t share = outlier_share(outlier);
    if (share <= SHARE_MIN || outlier->is_probing) {
        eject_or_keep(pool, seat, now_ms);
    } else if (outlier->withheld > 0 || 2 * (group.whole - 1) >= group.members) {
        change(outlier, OUTLIER_REDUCED, share / 2 > SHARE_MIN ? share / 2 : SHARE_MIN, now_ms);
    }
}

/* It behaves: its share doubles, and what it did is forgotten little by little. */
static void recover(const struct outlier_pool *pool, const struct outlier_seat *seat,
                    int64_t now_ms)
{
    struct outlier *outlier = seat->outlier;
    int64_t calm_ms = now_ms - outlier->changed_ms;
    bool may_grow = seat->samples > 0 || calm_ms >= QUIET_MS;
    if (outlier->withheld == 0) {
        if (outlier->times > 0 && calm_ms >= pool->conf->for_ms) {
            outlier->times--;
            outlier->changed_ms = now_ms;
        }
    } else if (may_grow && calm_ms >= INTERVAL_MS) {
        uint32_t share = outlier_share(outlier) * 2;
        outlier->is_kept = false;
        outlier->is_probing &= share < OUTLIER_SHARE_ONE;
        struct strbuf out = reason_begin(outlier);
        strbuf_add_fmt(&out, "%u of %u answered", seat->samples - seat->failed, seat->samples);
        reason_end(outlier, &out);
        change(outlier, OUTLIER_RAISED, share < OUTLIER_SHARE_ONE ? share : OUTLIER_SHARE_ONE,
               now_ms);
    }
}

static void readmit(struct outlier *outlier, int64_t now_ms, const char *why)
{
    outlier->is_out = false;
    outlier->is_probing = true;
    memset(outlier->slots, 0, sizeof outlier->slots);
    struct strbuf out = reason_begin(outlier);
    strbuf_add_c(&out, why);
    reason_end(outlier, &out);
    change(outlier, OUTLIER_READMITTED, OUTLIER_SHARE_PROBING, now_ms);
}

static void judge(const struct outlier_pool *pool, struct outlier_seat *seat, int64_t now_ms)
{
    struct outlier *outlier = seat->outlier;
    uint32_t errors = pool->conf->errors;
    errors = outlier->is_probing && errors > ERRORS_PROBING ? ERRORS_PROBING : errors;
    if (errors > 0 && seat->in_row >= errors && seat->now_failed > 0 && has_better(pool, seat)) {
        struct strbuf out = reason_begin(outlier);
        strbuf_add_fmt(&out, "%u errors in a row", seat->in_row);
        reason_end(outlier, &out);
        eject_or_keep(pool, seat, now_ms);
        return;
    }
    if (now_ms - outlier->changed_ms < INTERVAL_MS) {
        return;
    }
    enum finding finding = find_errors(pool, seat);
    finding = finding == FINDING_GOOD ? find_slowness(pool, seat) : finding;
    bool is_failing = 100 * (uint64_t)seat->now_failed >
                      (uint64_t)seat->now_samples * pool->conf->error_percent;
    if (finding == FINDING_BAD) {
        reduce(pool, seat, now_ms);
    } else if (finding == FINDING_GOOD && !is_failing) {
        recover(pool, seat, now_ms);
    }
}

/* Never fewer than min_healthy for our part: who comes back first, comes back now. */
static void keep_enough(const struct outlier_pool *pool, const struct outlier_seat *seat,
                        int64_t now_ms)
{
    struct group group = group_of(pool, seat->priority);
    if (group.healthy >= pool->conf->min_healthy) {
        return;
    }
    struct outlier *first = seat->outlier;
    for (uint32_t i = 0; i < pool->count; i++) {
        const struct outlier_seat *other = &pool->seats[i];
        if (other->priority == seat->priority && other->is_usable && other->outlier->is_out &&
            other->outlier->until_ms < first->until_ms) {
            first = other->outlier;
        }
    }
    readmit(first, now_ms, "the others are gone");
}

void outlier_step(const struct outlier_pool *pool, int64_t now_ms)
{
    int64_t slot_ms = pool->conf->window_ms / OUTLIER_SLOTS;
    int64_t number = now_ms / (slot_ms > 0 ? slot_ms : 1) + 1;
    for (uint32_t i = 0; i < pool->count; i++) {
        pool->seats[i].outlier->event = OUTLIER_NOTHING;
        take_counts(&pool->seats[i], number);
        view(&pool->seats[i], number);
    }
    for (uint32_t i = 0; i < pool->count; i++) {
        struct outlier_seat *seat = &pool->seats[i];
        if (!seat->is_usable) {
            continue;
        }
        if (!seat->outlier->is_out) {
            judge(pool, seat, now_ms);
        } else if (now_ms >= seat->outlier->until_ms) {
            readmit(seat->outlier, now_ms, "its time out is over: some requests to see");
        } else {
            keep_enough(pool, seat, now_ms);
        }
    }
}
