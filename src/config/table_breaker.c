/* table_breaker.c - `breaker` of a service: when a version that fails as a whole is left alone.
 * What it does is in upstream/breaker.h; there is none unless it is written. */
#include "config/internals.h"

static const struct conf_field breaker_fields[] = {
    {.name = "errors",
     .type = CONF_CUSTOM,
     .grammar = &conf_share_in_grammar,
     CONF_IS(struct conf_breaker, errors),
     .preset = "50% in 10s",
     .summary = "This part of the attempts of that span has failed (5xx but 501 and 505, no "
                "answer): requests are answered with 503, breaker_open."},
    {.name = "slow",
     .type = CONF_CUSTOM,
     .grammar = &conf_share_over_grammar,
     CONF_IS(struct conf_breaker, slow),
     .summary = "The same for this part being slower than that time to the first byte; left out: "
                "times do not matter."},
    {.name = "min_requests",
     .type = CONF_INT,
     CONF_IS(struct conf_breaker, min_requests),
     .preset = "20",
     .min = 1,
     .max = 1000000,
     .summary = "Attempts of the span before it is judged."},
    {.name = "open",
     .type = CONF_DURATION,
     CONF_IS(struct conf_breaker, open_ms),
     .preset = "10s",
     .min = 250,
     .max = 3600000,
     .summary = "How long nobody asks; doubles when probes fail, up to eightfold."},
    {.name = "probes",
     .type = CONF_INT,
     CONF_IS(struct conf_breaker, probes),
     .preset = "5",
     .min = 1,
     .max = 1000000,
     .summary = "Requests that are let through then, and decide."},
};

const struct conf_table conf_breaker_table = {
    .name = "breaker",
    .summary = "When a version that fails or is slow as a whole is left alone for a while.",
    .fields = breaker_fields,
    .field_count = COUNT_OF(breaker_fields),
    .bytes = sizeof(struct conf_breaker),
    .pos_at = CONF_AT(struct conf_breaker, pos)};
