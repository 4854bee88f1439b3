/* table_fallback.c - `fallback` of a service: what is done instead when it cannot be asked. What
 * counts as that is in proxy/fallback.c. */
#include "config/internals.h"

static const struct conf_field fallback_fields[] = {
    {.name = "to",
     .type = CONF_TEXT,
     CONF_IS(struct conf_fallback, to),
     .flags = CONF_NOT_EMPTY,
     .summary = "Another service, by name, that is asked instead; it has no such fallback itself."},
    {.name = "status",
     .type = CONF_INT,
     CONF_IS(struct conf_fallback, status),
     .preset = "503",
     .min = 200,
     .max = 599,
     .summary = "The status of a fixed answer."},
    {.name = "body",
     .type = CONF_STRING,
     CONF_IS(struct conf_fallback, body),
     .max = 1 << 20,
     .summary = "Its body, as it is."},
    {.name = "headers",
     .type = CONF_PAIRS,
     CONF_IS(struct conf_fallback, headers),
     .flags = CONF_TOKEN | CONF_FIELD_VALUE,
     .summary = "Its header fields."},
};

static bool check_fallback(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_fallback *fallback = place;
    bool has_answer =
        fallback->status != 503 || fallback->body.len > 0 || fallback->headers.count > 0;
    if (fallback->to.text.len > 0 && has_answer) {
        conf_hint(reader, "the other service answers: leave status, body and headers out");
        return conf_refuse(reader, node, DIAG_E0113, "to and a fixed answer exclude each other");
    }
    return true;
}

const struct conf_table conf_fallback_table = {
    .name = "fallback",
    .summary = "What is done when the service cannot be asked: its breaker is open, it has no "
               "instance, none can be reached, or its line is full or too slow.",
    .fields = fallback_fields,
    .field_count = COUNT_OF(fallback_fields),
    .bytes = sizeof(struct conf_fallback),
    .pos_at = CONF_AT(struct conf_fallback, pos),
    .check = check_fallback};
