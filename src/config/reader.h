/* reader.h - what grammars and checks of tables may use while a file is being read.
 * Everything here reports for itself: false means refused and said. Reading goes on after an error
 * so that one run shows them all; nothing that was read is used then. */
#pragma once

#include "config/config.h"
#include "config/table.h"
#include "text/yaml.h"

struct conf_reader {
    struct arena *arena;   /* of the configuration */
    struct arena *scratch; /* gone when loading is done */
    struct diags *diags;
    const struct config_opts *opts;
    struct conf_internals *internals;
    bool is_foreign;              /* not written by the operator: no references to files */
    const struct conf_path *path; /* the key being read and those above it, for messages */
};

/* The text of a scalar with ${env:} and ${file:} resolved; says so when `node` is no scalar. */
MUST_USE bool conf_scalar(struct conf_reader *reader, struct node *node, struct str *out);
/* Reads the map (or short form) `node` into the zeroed struct `out`, defaults first. */
MUST_USE bool conf_read_struct(struct conf_reader *reader, const struct conf_table *table,
                               struct node *node, void *out);
/* Reads any node into a field of the struct `out`. */
MUST_USE bool conf_read_field(struct conf_reader *reader, const struct conf_field *field,
                              struct node *node, void *out);
/* Sets every field to its preset. */
void conf_presets(struct conf_reader *reader, const struct conf_table *table, void *out);
/* A zeroed array; says so when memory is at its limit. */
void *conf_array(struct conf_reader *reader, struct node *node, size_t count, size_t bytes);
/* Reports about a node. Returns false, for `return conf_refuse(...)`. */
bool conf_refuse(struct conf_reader *reader, const struct node *node, enum diag_code code,
                 const char *format, ...) PRINTF_LIKE(4, 5);
/* The way out that the next conf_refuse shows. */
#define conf_hint(reader, ...) diag_hint((reader)->diags, __VA_ARGS__)
/* How a node is shown in a message: in quotes, shortened, a secret as it is written in the file. */
const char *conf_show(struct conf_reader *reader, const struct node *node);
