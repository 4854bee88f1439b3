/* yaml_inner.h - what yaml.c (events to nodes), yaml_map.c (whole maps) and yaml_scalar.c (bytes
 * and plain scalars) share: the state of one reading, and how it ends with an error.
 * Nobody else includes it. */
#pragma once

#include "text/yaml.h"

struct yaml_builder {
    const struct yaml_conf *conf;
    struct arena *scratch; /* gone when the tree is built */
    const struct source *source;
    struct yaml_error *error;
};

/* Fills builder->error; returns the error to leave with. `hint` may be NULL. */
MUST_USE enum err yaml_refuse(struct yaml_builder *builder, enum yaml_problem problem,
                              struct source_pos pos, const char *hint, const char *message);

static inline enum err yaml_out_of_memory(struct yaml_builder *builder, struct source_pos pos)
{
    return yaml_refuse(builder, YAML_NO_MEMORY, pos, NULL,
                       "the configuration needs more memory than allowed");
}

/* yaml_scalar.c: refuses what is not UTF-8 text, before libyaml sees it. */
MUST_USE enum err yaml_check_text(struct yaml_builder *builder);
/* Whether an explicit tag agrees with the node; "!" and !!str make a scalar a string. */
bool yaml_tag_fits(struct str tag, struct node *node);
/* A way out for one of libyaml's sentences, or NULL. */
const char *yaml_syntax_hint(struct str problem, const struct source_pos *pos);

/* yaml_map.c: merge keys, then equal keys. *added: key nodes that merging made. */
MUST_USE enum err yaml_map_finish(struct yaml_builder *builder, struct node *map, uint32_t *added);
