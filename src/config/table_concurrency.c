/* table_concurrency.c - `concurrency` of a service: ceilings of its instances that are learned.
 * How is in upstream/gradient.h; there is none unless it is written. */
#include "config/internals.h"

static const struct conf_field concurrency_fields[] = {
    {.name = "min",
     .type = CONF_INT,
     CONF_IS(struct conf_concurrency, min),
     .preset = "5",
     .min = 1,
     .max = 1000000,
     .summary = "The ceiling of an instance is never below this."},
    {.name = "max",
     .type = CONF_INT,
     CONF_IS(struct conf_concurrency, max),
     .preset = "512",
     .min = 1,
     .max = 1000000,
     .summary = "Nor above this, nor above connections.max."},
};

static bool read_concurrency(struct conf_reader *reader, struct node *node, void *place)
{
    struct str text;
    (void)place;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    if (str_eq(text, STR("adaptive"))) {
        return true;
    }
    conf_hint(reader, "write adaptive, or a map with min and max");
    return conf_refuse(reader, node, DIAG_E0109, "%s is not adaptive", conf_show(reader, node));
}

static const struct conf_grammar concurrency_grammar = {.form = "adaptive",
                                                        .example = "adaptive",
                                                        .pattern = "^adaptive$",
                                                        .bytes = sizeof(struct conf_concurrency),
                                                        .read = read_concurrency};

static bool check_concurrency(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_concurrency *concurrency = place;
    if (concurrency->min <= concurrency->max) {
        return true;
    }
    conf_hint(reader, "write a larger max, or a smaller min");
    return conf_refuse(reader, node, DIAG_E0104, "min is above max");
}

const struct conf_table conf_concurrency_table = {
    .name = "concurrency",
    .summary = "How many requests an instance gets at a time, learned from how long they take.",
    .fields = concurrency_fields,
    .field_count = COUNT_OF(concurrency_fields),
    .bytes = sizeof(struct conf_concurrency),
    .pos_at = CONF_AT(struct conf_concurrency, pos),
    .shorthand = &concurrency_grammar,
    .check = check_concurrency};
