#include "upstream/codel.h"

#include "test.h"

static const struct codel_conf usual = {.target_ms = 50, .interval_ms = 100};

/* A server that takes one each 10 ms, and arrivals each `gap_ms`, for `until_ms`. */
struct tide {
    uint32_t dropped, served;
    int64_t longest_ms, last_ms;
};

static struct tide run(const struct codel_conf *conf, double gap_ms, int64_t until_ms)
{
    static int64_t arrivals[100000];
    struct codel codel = {0};
    struct tide tide = {0};
    uint32_t head = 0, tail = 0;
    double next = 0;
    for (int64_t now = 0; now < until_ms; now += 10) {
        while (next <= (double)now) {
            arrivals[tail++] = (int64_t)next;
            next += gap_ms;
        }
        while (head < tail) {
            int64_t waited = now - arrivals[head++];
            if (!codel_drops(&codel, conf, waited, head == tail, now)) {
                tide.served++;
                tide.last_ms = waited;
                tide.longest_ms = waited > tide.longest_ms ? waited : tide.longest_ms;
                break;
            }
            tide.dropped++;
        }
    }
    return tide;
}

TEST(a_line_that_is_worked_off_loses_nobody)
{
    struct tide tide = run(&usual, 10.5, 20000);
    WANT_INT(tide.dropped, 0);
    WANT(tide.longest_ms < 50);
}

TEST(a_burst_is_no_standing_line)
{
    struct codel codel = {0};
    for (int64_t i = 0; i < 9; i++) {
        WANT(!codel_drops(&codel, &usual, 10 * i, false, 10 * i));
    }
    WANT(!codel_drops(&codel, &usual, 20, false, 100));
    WANT(!codel_drops(&codel, &usual, 90, false, 170));
}

TEST(under_overload_waits_stay_bounded_and_the_server_stays_busy)
{
    struct tide with = run(&usual, 8, 60000), without = run(&(struct codel_conf){0}, 8, 60000);
    WANT(without.last_ms > 5000);
    WANT_INT(without.dropped, 0);
    WANT(with.last_ms < 500);
    WANT(with.dropped > 500);
    WANT(with.served > 5900);
}

TEST(the_last_in_line_is_never_dropped)
{
    struct codel codel = {0};
    for (int64_t now = 0; now < 10000; now += 10) {
        WANT(!codel_drops(&codel, &usual, 1000, true, now));
    }
}
