/* internals.h - what the files of this room share about one configuration: its memory, its
 * secrets, the tables and grammars by name, and the steps of loading.
 * Nobody outside of this room includes it. */
#pragma once

#include "base/map.h"
#include "config/config.h"
#include "config/reader.h"

/* A struct as it is when nothing was written: every field at its preset. */
struct conf_image {
    const struct conf_table *table;
    const void *bytes;
};

/* A value that came out of ${env:} or ${file:}: the field that holds it. */
struct conf_secret {
    const void *field;
};

enum { CONF_IMAGES_MAX = 128 };

struct conf_internals {
    struct arena arena; /* of everything, this struct too once it has moved in */
    const struct conf_kind *kinds;
    uint32_t kind_count;
    struct conf_image images[CONF_IMAGES_MAX];
    uint32_t image_count;
    struct config_file *files; /* what was read from the disk */
    uint32_t file_count, file_cap;
    struct conf_secret *secrets; /* sorted by address when loading is done */
    uint32_t secret_count, secret_cap, sorted_count;
};

/* The key that is being read and those above it, on the C stack. */
struct conf_path {
    const struct conf_path *above;
    struct str name;
};

extern const struct conf_table conf_root_table, conf_listener_table, conf_service_table,
    conf_route_table, conf_match_table, conf_target_table, conf_discover_table, conf_redirect_table,
    conf_listener_timeout_table, conf_timeout_table, conf_default_timeout_table,
    conf_defaults_table, conf_enforce_table, conf_health_table, conf_slow_start_table;
extern const struct conf_table conf_sticky_table;
extern const struct conf_table conf_eject_table, conf_breaker_table, conf_fallback_table;
extern const struct conf_table conf_concurrency_table;
extern const char *const conf_urgency_names[];
extern const struct conf_grammar conf_percent_grammar, conf_errors_grammar, conf_share_in_grammar,
    conf_share_over_grammar;
/* grammar_failure.c: "5 errors in 10s", perhaps with " for 30s"; else *for_ms stays. */
MUST_USE bool conf_parse_errors_for(struct str text, struct conf_failures *after, int64_t *for_ms);
extern const struct conf_table conf_retry_table;
extern const struct conf_table conf_tcp_table, conf_passthrough_table, conf_proxy_protocol_table;
extern const struct conf_grammar conf_target_grammar, conf_cohort_grammar, conf_host_rule_grammar,
    conf_rewrite_grammar, conf_request_grammar, conf_ip_grammar, conf_port_grammar,
    conf_log_to_grammar, conf_unix_grammar, conf_balance_grammar, conf_panic_grammar,
    conf_place_grammar;

/* Resolves ${...} in *text; marks the node. refs.c */
MUST_USE bool conf_resolve(struct conf_reader *reader, struct node *node);
/* Remembers that the field at `field` holds a secret. */
void conf_mark_secret(struct conf_reader *reader, const void *field);
void conf_sort_secrets(struct conf_internals *internals);
/* After the bytes at `from` moved to `to`. */
void conf_move_secrets(struct conf_internals *internals, const void *from, size_t bytes,
                       const void *to);
bool conf_is_secret(const struct conf_internals *internals, const void *field);
/* The text of a field for a message: in quotes, or that it is a secret. */
struct str conf_show_text(struct conf_reader *reader, const void *field, struct str text);
/* Sets the hint to 'did you mean "..."?' when one of the names is near; else leaves it. */
struct conf_nearest {
    const struct diags *diags; /* no more is looked for once no more is shown */
    struct str wanted, best;
    uint32_t distance;
};
void conf_nearest_try(struct conf_nearest *nearest, struct str name);
/* Empty when nothing is near enough. */
struct str conf_nearest_name(const struct conf_nearest *nearest);

/* scalars.c: reads a scalar of `type` for `field` into `out`. */
MUST_USE bool conf_read_scalar(struct conf_reader *reader, const struct conf_field *field,
                               enum conf_type type, struct node *node, void *out);
/* RFC 9110 5.6.2. */
bool conf_is_token(struct str s);
/* Bytes of a value of this type; 0 when the table or grammar says. */
size_t conf_type_bytes(enum conf_type type);
/* table_life.c: what a target's row cannot say; names within one version are different. */
MUST_USE bool conf_check_target(struct conf_reader *reader, struct node *node, void *place);
MUST_USE bool conf_check_targets(struct conf_reader *reader, struct node *node,
                                 const struct conf_targets *targets);
/* resolve.c: names to things, inheritance, and every check over several things. */
void conf_resolve_all(struct conf_reader *reader, struct config *config);
/* table_l4.c: the n-th service that a listener names itself; NULL: there are no more. Its text is
 * empty when it was not read. */
const struct conf_text *conf_listener_service(const struct conf_listener *listener, uint32_t n);
/* table_l4.c: whether a listener takes requests. */
bool conf_is_http(const struct conf_listener *listener);
/* inherit.c */
void conf_inherit(struct conf_reader *reader, struct config *config);
/* load.c: remembers a file that was read; its texts live as long as the configuration. False: no
 * memory, and said. */
MUST_USE bool conf_note_file(struct conf_reader *reader, const struct config_file *file);
/* load.c: the file saved under that name for a ${file:}; NULL: it is not among them. */
const struct config_file *conf_saved_value(const struct config_files *files, struct str name);
/* files.c: the file and its includes as one map. NULL: refused and said. */
struct node *conf_read_files(struct conf_reader *reader, struct str path, const struct str *text,
                             struct arena *nodes);
