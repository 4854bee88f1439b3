#include "upstream/health/counter.h"

#include "base/str.h"
#include "test.h"

static const struct health_rules rules = {.rise = 2,
                                          .fall = 3,
                                          .interval_ms = 2000,
                                          .fast_ms = 500,
                                          .down_ms = 1000,
                                          .down_ms_max = 30000};
static struct rng rng;

/* Runs checks named by + and -, and tells the verdict after each as U or D. */
static const char *run(const char *checks)
{
    static char out[64];
    struct health_counter counter = {0};
    size_t i = 0;
    for (; checks[i] != '\0'; i++) {
        (void)health_counter_note(&counter, &rules, checks[i] == '+');
        out[i] = health_counter_is_up(&counter, &rules) ? 'U' : 'D';
    }
    out[i] = '\0';
    return out;
}

TEST(three_failures_take_down_and_two_passes_bring_back)
{
    static const struct {
        const char *checks, *verdicts;
    } cases[] = {{"+", "U"},
                 {"-", "D"},
                 {"+--", "UUU"},
                 {"+---", "UUUD"},
                 {"+--+--+--", "UUUUUUUUU"},
                 {"+---+", "UUUDD"},
                 {"+---++", "UUUDDU"},
                 {"+---+-+-++", "UUUDDDDDDU"},
                 {"+---++--", "UUUDDUUU"},
                 {"-+", "DD"},
                 {"-++", "DDU"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        WANT_STR(str_from_c(run(cases[i].checks)), str_from_c(cases[i].verdicts));
    }
}

TEST(a_change_is_told_once)
{
    struct health_counter counter = {0};
    WANT(health_counter_note(&counter, &rules, true));
    WANT(!health_counter_note(&counter, &rules, true));
    WANT(!health_counter_note(&counter, &rules, false));
    WANT(!health_counter_note(&counter, &rules, false));
    WANT(health_counter_note(&counter, &rules, false));
    WANT(!health_counter_note(&counter, &rules, false));
    WANT(!health_counter_note(&counter, &rules, true));
    WANT(health_counter_note(&counter, &rules, true));
}

/* The wait after each of these checks. */
static int64_t wait_after(const char *checks)
{
    struct health_counter counter = {0};
    for (; *checks != '\0'; checks++) {
        (void)health_counter_note(&counter, &rules, *checks == '+');
    }
    return health_counter_wait_ms(&counter, &rules, &rng);
}

TEST(checks_are_faster_while_the_verdict_may_change_and_slower_the_longer_one_is_down)
{
    WANT_INT(wait_after(""), 500);
    WANT_INT(wait_after("+"), 2000);
    WANT_INT(wait_after("+-"), 500);
    WANT_INT(wait_after("+--"), 500);
    WANT_INT(wait_after("+--+"), 2000);
    WANT_INT(wait_after("+---"), 1000);
    WANT_INT(wait_after("+----"), 2000);
    WANT_INT(wait_after("+-----"), 4000);
    WANT_INT(wait_after("+----------------"), 30000);
    WANT_INT(wait_after("+---+"), 500);
    WANT_INT(wait_after("+---+-"), 1000); /* from the beginning */
    WANT_INT(wait_after("+---++"), 2000);
}

TEST(the_back_off_ends_however_long_it_lasts)
{
    struct health_counter counter = {.has_result = true, .failures = UINT32_MAX};
    WANT_INT(health_counter_wait_ms(&counter, &rules, &rng), 30000);
    (void)health_counter_note(&counter, &rules, false);
    WANT_INT(counter.failures, UINT32_MAX);
}

TEST(jitter_stays_within_its_bounds_and_uses_them)
{
    struct health_rules jittered = rules;
    struct health_counter counter = {.has_result = true, .health = 4};
    int64_t least = INT64_MAX, most = 0;
    jittered.jitter_percent = 10;
    rng_init(&rng, 7);
    for (int i = 0; i < 10000; i++) {
        int64_t ms = health_counter_wait_ms(&counter, &jittered, &rng);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    WANT(least >= 1800 && least < 1810);
    WANT(most <= 2200 && most > 2190);
}

TEST(first_checks_are_spread)
{
    uint32_t halves[2] = {0};
    rng_init(&rng, 7);
    for (int i = 0; i < 1000; i++) {
        int64_t ms = health_counter_first_ms(&rules, &rng);
        WANT(ms >= 0 && ms < 500);
        halves[ms >= 250]++;
    }
    WANT(halves[0] > 400 && halves[1] > 400);
}
