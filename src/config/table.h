/* table.h - field tables: one row says everything about one key of the file.
 * From the same rows come reading, checking, defaults, JSON Schema, reference pages, the printed
 * long form and the diff. A room that brings its own configuration (every policy) writes a plain
 * struct and a table of its fields, and nothing else.
 *
 *   struct cors { struct conf_strs origins; int64_t max_age_ms; };
 *   static const struct conf_field fields[] = {
 *       {.name = "origins", .type = CONF_LIST, .item = CONF_STRING, CONF_IS(struct cors, origins),
 *        .flags = CONF_REQUIRED, .summary = "Origins that may read responses."},
 *       {.name = "max_age", .type = CONF_DURATION, CONF_IS(struct cors, max_age_ms),
 *        .preset = "10m", .max = 86400000, .summary = "How long a browser may keep the answer."},
 *   };
 *   const struct conf_table cors_table = CONF_TABLE("cors", struct cors, fields, "...");
 */
#pragma once

#include "config/values.h"
#include "text/sink.h"

struct conf_reader;
struct node;

/* The kind of value, with the C type that a field of it has. */
enum conf_type {
    CONF_BOOL,     /* bool */
    CONF_INT,      /* int64_t */
    CONF_STRING,   /* struct str */
    CONF_TEXT,     /* struct conf_text: a string with its place, for names of other things */
    CONF_ENUM,     /* uint8_t, the place in `names` */
    CONF_DURATION, /* int64_t milliseconds: 250ms, 10s, 1h30m (GEP-2257) */
    CONF_SIZE,     /* int64_t bytes: 512, 64KiB, 10MiB */
    CONF_LIMIT,    /* struct conf_limit: a size that may be "off" */
    CONF_RATE,     /* struct conf_rate: 100/min per consumer */
    CONF_ADDR,     /* struct addr: 127.0.0.1:80, [::1]:80, or :80 */
    CONF_PREFIX,   /* struct addr_prefix: 10.0.0.0/8 */
    CONF_STRUCT,   /* a struct with `table` */
    CONF_LIST,     /* struct conf_list of `item`; one value alone is a list of one */
    CONF_MAP,      /* struct conf_list of structs with `table`, which keeps the name */
    CONF_PAIRS,    /* struct conf_pairs: name to string */
    CONF_CUSTOM,   /* what `grammar` says */
    CONF_LATER,    /* a key of the language that this version does not support: always an error */
    CONF_TYPE_COUNT
};

enum conf_flag {
    CONF_REQUIRED = 1,
    CONF_NOT_EMPTY = 2,    /* of strings, lists and maps */
    CONF_SECRET = 4,       /* never printed, wherever the value comes from */
    CONF_TOKEN = 8,        /* a string, or the names of a map of pairs: RFC 9110 5.6.2 token */
    CONF_FIELD_VALUE = 16, /* a string, or the values of pairs: RFC 9110 5.5, so no line ends */
    CONF_ONLY_TEXT = 64,   /* a key that is dealt with before fields are read */
    CONF_OPTIONAL = 32 /* left out of the long form when it was not written: its pos is not set */
};

/* Every list and map is a pointer and a count, in this order. */
struct conf_list {
    void *at;
    uint32_t count;
};

/* A micro-grammar or a short form: text (or any other node) to a value and back. */
struct conf_grammar {
    const char *form;    /* for messages: "host:port, http://host:port or dns://host:port" */
    const char *example; /* "10.0.0.1:8080" */
    const char *pattern; /* for the schema: the text as an ECMA 262 regular expression; NULL: any */
    bool writes_yaml;    /* `write` gives YAML, not a text that may need quotes */
    bool takes_list;     /* a list of such texts too */
    bool takes_int, takes_bool;     /* a whole number, true or false too */
    const struct conf_table *map;   /* a map of this table too */
    const struct conf_table *items; /* a list of things of this table too */
    uint32_t bytes;                 /* of the value, for lists of it */
    /* False: refused, and the reader has been told why. */
    bool (*read)(struct conf_reader *reader, struct node *node, void *out);
    /* The written form; needed for CONF_CUSTOM, not for short forms. Nothing written: left out. */
    void (*write)(const void *value, struct sink *out);
};

struct conf_field {
    const char *name;
    const char *summary; /* one sentence */
    uint8_t type, item;  /* enum conf_type; item: of a list */
    uint8_t flags;
    uint8_t group;                  /* at most one key of the same non-zero group may be written */
    uint32_t offset, bytes, pos_at; /* CONF_IS, CONF_POS */
    const char *preset;             /* the default as one would write it; NULL: zero */
    int64_t min, max;         /* numbers, ms, bytes; length of strings and lists; max 0: none */
    const char *const *names; /* CONF_ENUM, ends with NULL */
    const struct conf_table *table;
    const struct conf_grammar *grammar;
};

struct conf_table {
    const char *name;    /* one thing of it: "service"; also its name in the schema */
    const char *summary; /* one sentence */
    const struct conf_field *fields;
    uint32_t field_count, bytes;
    uint32_t name_at, pos_at; /* CONF_AT of a struct str and a struct source_pos, or 0 */
    uint32_t policies_at;     /* CONF_AT of struct conf_policies: names of kinds are keys too */
    uint32_t written_at;      /* CONF_AT of a uint64_t: bit n for a written field at offset n * 8 */
    /* How a thing is written without a map; out has its name and pos. NULL: only the long form. */
    const struct conf_grammar *shorthand;
    /* What a table cannot say, checked after the fields. */
    bool (*check)(struct conf_reader *reader, struct node *node, void *out);
    /* Whether a thing of a map was made by reading and is not printed. NULL: none is. */
    bool (*is_hidden)(const void *value);
};

/* Offsets that may be absent are kept as offset + 1. */
#define CONF_AT(type, member) ((uint32_t)offsetof(type, member) + 1)
#define CONF_IS(type, member)                                                                      \
    .offset = (uint32_t)offsetof(type, member), .bytes = (uint32_t)sizeof(((type *)0)->member)
#define CONF_TABLE(noun, type, rows, sentence)                                                     \
    {                                                                                              \
        .name = (noun), .summary = (sentence), .fields = (rows),                                   \
        .field_count = (uint32_t)COUNT_OF(rows), .bytes = (uint32_t)sizeof(type)                   \
    }
