/* codel.c - the control law of RFC 8289 4 and 5.6; see codel.h. The distance of drops shrinks with
 * the square root of their number, which brings the rate of arrivals down in a straight line. */
#include "upstream/codel.h"

#include <math.h>

enum { AGAIN_INTERVALS = 16 }; /* after so many a line that stands again is a new one */

static int64_t next_drop_ms(const struct codel *codel, const struct codel_conf *conf,
                            int64_t from_ms)
{
    double count = codel->dropped > 0 ? codel->dropped : 1;
    double span_ms = (double)conf->interval_ms / sqrt(count);
    return from_ms + (span_ms > 1 ? (int64_t)span_ms : 1);
}

/* Whether waits have been too long for a whole interval. */
static bool is_standing(struct codel *codel, const struct codel_conf *conf, int64_t waited_ms,
                        bool is_last, int64_t now_ms)
{
    if (waited_ms < conf->target_ms || is_last) {
        codel->above_from_ms = 0;
        return false;
    }
    if (codel->above_from_ms == 0) {
        codel->above_from_ms = now_ms + conf->interval_ms;
        return false;
    }
    return now_ms >= codel->above_from_ms;
}

bool codel_drops(struct codel *codel, const struct codel_conf *conf, int64_t waited_ms,
                 bool is_last, int64_t now_ms)
{
    if (conf->target_ms == 0) {
        return false;
    }
    bool stands = is_standing(codel, conf, waited_ms, is_last, now_ms);
    if (!stands) {
        codel->is_dropping = false;
        return false;
    }
    if (!codel->is_dropping) {
        /* It stood a moment ago: go on about where it was left (RFC 8289 5.6). */
        bool is_again = now_ms - codel->next_ms < AGAIN_INTERVALS * conf->interval_ms;
        codel->dropped = is_again && codel->dropped > 2 ? codel->dropped - 2 : 1;
        codel->is_dropping = true;
        codel->next_ms = next_drop_ms(codel, conf, now_ms);
        return true;
    }
    if (now_ms < codel->next_ms) {
        return false;
    }
    codel->dropped++;
    codel->next_ms = next_drop_ms(codel, conf, codel->next_ms);
    return true;
}
