/* gradient.c - Gradient2 on geometric means; see gradient.h. */
#include "upstream/gradient.h"

#include "upstream/tally.h"

#include <math.h>

#define TOLERANCE 1.5    /* answers may be so much slower than usual before the ceiling shrinks */
#define SMOOTHING 0.2    /* of a step towards the new ceiling */
#define DOWN_WEIGHT 0.1  /* of one step in the long average: times that fall are believed soon, */
#define UP_WEIGHT 0.0005 /* those that rise over minutes, or the ceiling would creep up with them */
#define GROWTH_MIN 4.0   /* the ceiling grows by its root, and at least by this */
#define START 20.0

static double clamp(double value, double least, double most)
{
    return fmin(fmax(value, least), most);
}

uint32_t gradient_step(struct gradient *gradient, const struct gradient_conf *conf,
                       uint32_t samples, double mean_log, uint32_t in_flight)
{
    enum { SAMPLES_MIN = 5 };
    double least = conf->min, most = conf->max;
    if (gradient->limit <= 0) {
        gradient->limit = START;
    }
    if (samples < SAMPLES_MIN) {
        gradient->limit = clamp(gradient->limit, least, most);
        return (uint32_t)gradient->limit;
    }
    double weight = gradient->long_log <= 0         ? 1
                    : mean_log < gradient->long_log ? DOWN_WEIGHT
                                                    : UP_WEIGHT;
    gradient->long_log += (mean_log - gradient->long_log) * weight;
    double ratio = exp2((gradient->long_log - mean_log) / TALLY_LOG_ONE);
    double slope = clamp(TOLERANCE * ratio, 0.5, 1);
    double next = gradient->limit * slope + fmax(sqrt(gradient->limit), GROWTH_MIN);
    /* A ceiling that nobody reaches proves nothing: it only shrinks. */
    if (next < gradient->limit || 2.0 * in_flight >= gradient->limit) {
        gradient->limit += (next - gradient->limit) * SMOOTHING;
    }
    gradient->limit = clamp(gradient->limit, least, most);
    return (uint32_t)gradient->limit;
}
