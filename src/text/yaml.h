/* yaml.h - YAML 1.2 text (and so JSON) to a tree of nodes that know their place.
 * libyaml gives the events; this adds what an operator's file needs and the library leaves out: the
 * core schema of YAML 1.2 (yes, no, on and off are strings), duplicate keys refused with both
 * places, aliases and merge keys with a ceiling on the expanded tree, limits on bytes and depth. */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "text/source.h"

enum node_type { NODE_NULL, NODE_BOOL, NODE_INT, NODE_FLOAT, NODE_STRING, NODE_LIST, NODE_MAP };

struct node {
    struct str text;       /* of a scalar, without quotes and escapes */
    struct node *first;    /* of a list: its items; of a map: its keys */
    struct node *value;    /* of a key */
    struct node *next;     /* the next item or key */
    struct source_pos pos; /* of a list or map: its first character */
    uint32_t count;        /* items or keys */
    uint8_t type;          /* enum node_type */
    bool is_quoted;
    bool is_resolved, is_secret; /* for the room that resolves references in `text` */
};

enum yaml_problem {
    YAML_FINE,
    YAML_NOT_TEXT,
    YAML_SYNTAX,
    YAML_DUPLICATE_KEY,
    YAML_TOO_DEEP,
    YAML_TOO_LARGE,
    YAML_BAD_ALIAS,
    YAML_BAD_KEY,
    YAML_TWO_DOCUMENTS,
    YAML_BAD_TAG,
    YAML_NO_MEMORY
};

struct yaml_error {
    enum yaml_problem problem;
    struct source_pos pos, other; /* other: the first of two equal keys */
    char message[160], hint[120];
};

struct yaml_conf {
    struct arena *nodes; /* of the tree */
    struct arena *texts; /* of the scalars, which may outlive it; may be the same */
    uint32_t depth_max;
    uint32_t *nodes_left; /* counts down over several files; aliases count with all below them */
};

/* Reads one document; an empty one is a NODE_NULL. The source must live as long as the tree. Stops
 * at the first problem: *error says what and where. ERR_SYNTAX, ERR_MEMORY. */
MUST_USE enum err yaml_read(const struct yaml_conf *conf, const struct source *source,
                            struct node **root, struct yaml_error *error);
/* The value of a key of a map, or NULL. */
struct node *node_find(const struct node *map, struct str key);
/* The type that plain text has as a scalar (YAML 1.2.2 10.3.2). */
enum node_type yaml_core_type(struct str text);
/* "a string", "a list" and so on, for messages. */
const char *node_type_name(enum node_type type);
