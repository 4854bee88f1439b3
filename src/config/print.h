/* print.h - one value of the model as text, by its row: what the printed long form, the hash and
 * the diff have in common. Whoever prints decides whether secrets may be seen; only the hash sees
 * them, and it does not show them. */
#pragma once

#include "config/internals.h"

struct conf_printer {
    const struct conf_internals *internals; /* for what is secret; NULL: nothing is */
    struct sink *out;
    struct arena *scratch; /* heap; emptied now and then */
    bool sees_secrets;
    bool is_raw; /* texts with their length instead of quotes: for the hash */
};

/* Whether the long form leaves this field out: it was not written and says nothing. */
bool conf_is_left_out(const struct conf_printer *printer, const struct conf_table *table,
                      const struct conf_field *field, const void *object);
/* Whether there is nothing at all to print of a struct. */
bool conf_is_blank(const struct conf_printer *printer, const struct conf_table *table,
                   const void *object);
/* A text, in quotes where YAML would read something else. */
void conf_print_text(const struct conf_printer *printer, struct str text);
/* A scalar of `type` at `value`. */
void conf_print_scalar(const struct conf_printer *printer, const struct conf_field *field,
                       enum conf_type type, const void *value);
/* Any field, in flow form: on one line. */
void conf_print_field(const struct conf_printer *printer, const struct conf_field *field,
                      const void *object);
/* A struct in flow form. */
void conf_print_struct(const struct conf_printer *printer, const struct conf_table *table,
                       const void *object);
/* Whether fields of this row are lists or maps of structs, printed as blocks. */
bool conf_is_block(const struct conf_field *field);

static inline const void *conf_at(const void *object, uint32_t offset)
{
    return (const char *)object + offset;
}

/* The list of a field, or of the policies of a struct. */
static inline struct conf_list conf_list_at(const void *object, uint32_t offset)
{
    struct conf_list list;
    memcpy(&list, conf_at(object, offset), sizeof list);
    return list;
}

static inline struct str conf_name_of(const struct conf_table *table, const void *object)
{
    struct str name;
    memcpy(&name, conf_at(object, table->name_at - 1), sizeof name);
    return name;
}
