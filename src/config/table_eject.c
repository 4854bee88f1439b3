/* table_eject.c - `eject` of a service: passive detection, on unless it is switched off.
 * Who is woken by it finds a state, a reason and a log line; see upstream/outlier.h. */
#include "config/internals.h"

enum { HOUR_MS = 3600000 };

static const struct conf_field eject_fields[] = {
    {.name = "enabled",
     .type = CONF_BOOL,
     CONF_IS(struct conf_eject, is_enabled),
     .preset = "true",
     .summary = "Whether instances are taken out at all; `eject: off` is the short form."},
    {.name = "after",
     .type = CONF_CUSTOM,
     .grammar = &conf_errors_grammar,
     CONF_IS(struct conf_eject, after),
     .preset = "5 errors in 10s",
     .summary = "Errors in a row (5xx but 501 and 505, no answer) after which an instance is out "
                "at once, while others work. The span is also how far back rates and times go."},
    {.name = "for",
     .type = CONF_DURATION,
     CONF_IS(struct conf_eject, for_ms),
     .preset = "30s",
     .min = 1000,
     .max = HOUR_MS,
     .summary = "How long it is out the first time; the second time twice as long, and so on."},
    {.name = "for_max",
     .type = CONF_DURATION,
     CONF_IS(struct conf_eject, for_max_ms),
     .preset = "5m",
     .min = 1000,
     .max = 24 * HOUR_MS,
     .summary = "The longest time out."},
    {.name = "error_rate",
     .type = CONF_CUSTOM,
     .grammar = &conf_percent_grammar,
     CONF_IS(struct conf_eject, error_percent),
     .preset = "5%",
     .summary = "An error rate above this, and provably above that of the others, halves the share "
                "of an instance each second and takes it out below 1 %; 0%: rates do not matter."},
    {.name = "latency",
     .type = CONF_DURATION,
     CONF_IS(struct conf_eject, latency_ms),
     .preset = "50ms",
     .max = HOUR_MS,
     .summary = "The same for an instance that is about three times slower than the others, and by "
                "at least this; 0s: times do not matter."},
    {.name = "max_share",
     .type = CONF_CUSTOM,
     .grammar = &conf_percent_grammar,
     CONF_IS(struct conf_eject, max_percent),
     .preset = "33%",
     .summary = "Of the instances of a priority at most this part is out; one may always be."},
    {.name = "min_healthy",
     .type = CONF_INT,
     CONF_IS(struct conf_eject, min_healthy),
     .preset = "1",
     .min = 1,
     .max = 1000000,
     .summary = "So many instances of a priority are never taken out."},
};

static bool read_eject(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_eject *out = place;
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    if (str_eq(text, STR("off"))) {
        out->is_enabled = false;
        return true;
    }
    if (conf_parse_errors_for(text, &out->after, &out->for_ms)) {
        return true;
    }
    conf_hint(reader, "write off, 5 errors in 10s, or 5 errors in 10s for 30s");
    return conf_refuse(reader, node, DIAG_E0155, "%s does not say when an instance is taken out",
                       conf_show(reader, node));
}

static const struct conf_grammar eject_grammar = {
    .form = "off, \"5 errors in 10s\" or \"5 errors in 10s for 30s\"",
    .example = "5 errors in 10s for 30s",
    .pattern = "^(off|[0-9]+ errors in [0-9hms]+( for [0-9hms]+)?)$",
    .bytes = sizeof(struct conf_eject),
    .read = read_eject};

static bool check_eject(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_eject *eject = place;
    if (eject->for_max_ms >= eject->for_ms) {
        return true;
    }
    conf_hint(reader, "write a longer for_max, or a shorter for");
    return conf_refuse(reader, node, DIAG_E0104, "for is longer than for_max");
}

const struct conf_table conf_eject_table = {
    .name = "eject",
    .summary = "When an instance that fails or is slow, and the others are not, is taken out.",
    .fields = eject_fields,
    .field_count = COUNT_OF(eject_fields),
    .bytes = sizeof(struct conf_eject),
    .shorthand = &eject_grammar,
    .check = check_eject};
