/* flight.h - the record of an exchange: when it passed each stage.
 * Marking a stage is one store of the loop's cached time; everything else (durations, the log line,
 * the histograms) is worked out once, at the end. With several attempts the stages are those of the
 * last one. */
#pragma once

#include "base/platform.h"

enum flight_stage {
#define STAGE(name, key, text) FLIGHT_##name,
#include "exchange/flight.def"
#undef STAGE
    FLIGHT_STAGE_COUNT
};

struct flight {
    int64_t at_ns[FLIGHT_STAGE_COUNT]; /* monotonic; 0: not reached */
};

static inline void flight_mark(struct flight *flight, enum flight_stage stage, int64_t now_ns)
{
    flight->at_ns[stage] = now_ns;
}

/* Microseconds between two stages, 0 when one of them was not reached. */
static inline int64_t flight_us(const struct flight *flight, enum flight_stage from,
                                enum flight_stage to)
{
    int64_t begin_ns = flight->at_ns[from], end_ns = flight->at_ns[to];
    return begin_ns == 0 || end_ns < begin_ns ? 0 : (end_ns - begin_ns) / 1000;
}
