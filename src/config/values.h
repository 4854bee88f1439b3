/* values.h - the small value types that configuration structs are built of.
 * Every list is a pointer and a count, in this order, so that the reader can fill it without
 * knowing what is in it; all zero is the empty value of each type. */
#pragma once

#include "base/addr.h"
#include "text/source.h"

/* A written string with its place. */
struct conf_text {
    struct str text;
    struct source_pos pos;
};

struct conf_strs {
    struct str *at;
    uint32_t count;
};

/* A list of names of bundles. */
struct conf_uses {
    struct conf_text *at;
    uint32_t count;
};

struct conf_prefixes {
    struct addr_prefix *at;
    uint32_t count;
};

/* A name and its value, from a map of text to text. */
struct conf_pair {
    struct str name;
    struct source_pos pos;
    struct str value;
};

struct conf_pairs {
    struct conf_pair *at;
    uint32_t count;
};

/* A bound that may be left out at any level: pos tells whether it was written. 0: no limit. */
struct conf_limit {
    int64_t bytes;
    struct source_pos pos;
};

/* "100/min per consumer": `count` in each `per_ms`, counted for each value of `key`. */
struct conf_rate {
    int64_t count, per_ms;
    struct str key; /* empty: one counter for all */
};

struct conf_kind;

/* One policy as written in one place. */
struct conf_policy {
    const struct conf_kind *kind;
    uint32_t kind_index;   /* in the array of kinds given to config_load: their running order */
    void *conf;            /* the struct that kind->table describes */
    struct source_pos pos; /* of its key */
    struct str bundle;     /* name under `policies`, empty when written in place */
    uint8_t level;         /* enum conf_level of the place that brought it to the route */
};

enum conf_level { CONF_DEFAULTS, CONF_ENFORCE, CONF_SERVICE, CONF_ROUTE };

struct conf_policies {
    struct conf_policy *at; /* at most one of a kind */
    uint32_t count;
};
