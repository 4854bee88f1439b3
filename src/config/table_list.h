/* table_list.h - every table of the language in the order in which a reader meets them: the root,
 * then what its rows name, then the policies. Schema and reference are written along this list.
 * Nobody outside of this room includes it. */
#pragma once

#include "config/internals.h"

enum { CONF_TABLES_MAX = 256 };

struct conf_tables {
    const struct conf_table *at[CONF_TABLES_MAX];
    uint32_t count;
};

/* All tables reachable from the root and from the kinds, each once. */
void conf_tables_collect(struct conf_tables *tables, const struct conf_kind *kinds,
                         uint32_t kind_count);
/* The name of a table where no spaces may be: "listener_timeout". */
void conf_table_id(const struct conf_table *table, struct sink *out);
