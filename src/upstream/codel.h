/* codel.h - when a line has stood too long to be of use (CoDel, RFC 8289, for requests).
 * A burst that the service works off is left alone: only when everybody who came out of the line
 * for a whole interval had waited longer than the target is it a standing line, and then some are
 * dropped, more and more of them, until waits are short again. Pure; one for each line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* All-zero is a line that has not stood. */
struct codel {
    int64_t above_from_ms; /* when waits will have been too long for an interval; 0: they are not */
    int64_t next_ms;       /* when the next one is dropped */
    uint32_t dropped;      /* since it began to stand */
    bool is_dropping;
};

struct codel_conf {
    int64_t target_ms; /* 0: nothing is ever dropped */
    int64_t interval_ms;
};

/* Whether the one at the head, who has waited `waited_ms`, is dropped. `is_last`: nobody else is in
 * line, and then nobody is dropped. */
bool codel_drops(struct codel *codel, const struct codel_conf *conf, int64_t waited_ms,
                 bool is_last, int64_t now_ms);
