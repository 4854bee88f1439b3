/* config.h - from files to one checked, immutable configuration, or to a list of diagnostics.
 * Nothing is half read: config_load gives a whole configuration or none. Policies are unknown to
 * this room: their kinds, with the field tables of their structs, are handed in from above. */
#pragma once

#include "config/diag.h"
#include "config/routes.h"

struct conf_table;
struct sink;

/* One kind of policy that a file may use by its name. */
struct conf_kind {
    const char *name;    /* the key in the file */
    const char *summary; /* one sentence for schema and reference */
    const struct conf_table *table;
    /* Whether `inner` allows no more than `outer` does, for kinds under `enforce`.
     * NULL: what is enforced may not be replaced at all. */
    bool (*is_tighter)(const void *outer, const void *inner);
};

struct conf_level_values { /* `defaults` and `enforce` */
    struct source_pos pos;
    struct conf_timeout timeout; /* as written */
    struct conf_limit body_limit;
    struct conf_balance balance;
    struct conf_retry retry;
    struct source_pos balance_pos;
    struct conf_policies policies;
};

struct conf_bundle {
    struct str name;
    struct source_pos pos;
    struct conf_policies policies;
};

struct conf_expect { /* empty: not asked */
    int64_t status;
    struct str route, service, version;
    struct conf_pairs header; /* of the response that the gateway itself would make */
    struct source_pos pos;
};

struct conf_test {
    struct source_pos pos;
    struct str method, url; /* from "GET https://host/path" */
    struct str request;     /* as written */
    struct conf_pairs headers;
    struct addr from; /* the client; family ADDR_NONE: 127.0.0.1 */
    struct conf_expect expect;
};

struct config {
    int64_t version;
    int64_t cores; /* 0: one for each CPU */
    struct {
        struct conf_listener *at;
        uint32_t count;
    } listeners;
    struct {
        struct conf_service *at;
        uint32_t count;
    } services; /* then the anonymous ones */
    struct {
        struct conf_bundle *at;
        uint32_t count;
    } policies;
    struct {
        struct conf_route *at;
        uint32_t count;
    } routes;
    struct {
        struct conf_test *at;
        uint32_t count;
    } tests;
    struct conf_level_values defaults, enforce;
    struct conf_observe observe;
    struct {
        struct str path; /* of the Unix socket; empty: no admin socket */
    } admin;
    int64_t drain_timeout_ms;
    struct str state_dir; /* what must outlive the program is kept there; empty: nothing is */
    struct str zone; /* where this process runs; empty: not said */
    struct source_pos zone_pos;
    struct conf_internals *internals; /* arena, secrets; for this room */
};

/* A file that a configuration was made from. */
struct config_file {
    struct str asked; /* the path or include that led to it; empty for the file of a ${file:} */
    struct str name, text;
};

struct config_files {
    const struct config_file *at;
    uint32_t count;
};

struct config_opts {
    const struct conf_kind *kinds; /* in running order; borrowed as long as the config lives */
    uint32_t kind_count;
    /* The value of an environment variable, or NULL. NULL here: getenv. */
    const char *(*env)(void *ctx, const char *name);
    /* Called when everything else is right: floors above add what only they can see (patterns that
     * do not compile, routes that can never match). Errors added here refuse the file too. */
    void (*verify)(void *ctx, const struct config *config, struct diags *diags);
    void *ctx;
    /* Read instead of the disk, which is not touched then: what config_files gave. NULL: the disk.
     * Environment variables are asked for in any case. */
    const struct config_files *saved;
    size_t memory_bytes_max; /* 0: LIMIT config_memory_bytes */
};

/* Reads the file and what it includes. The caller owns *out (config_free).
 * ERR_CONFIG: `diags` says why, *out is NULL. Warnings alone are OK. */
MUST_USE enum err config_load(const char *path, const struct config_opts *opts, struct diags *diags,
                              struct config **out);
/* The same from memory; `name` stands for the file in messages. `text` is copied. */
MUST_USE enum err config_load_text(const char *name, struct str text,
                                   const struct config_opts *opts, struct diags *diags,
                                   struct config **out);
void config_free(struct config *config);
/* Every file that was read for it, in order; belongs to `config`. With config_opts.saved and the
 * same path they give the same configuration again. */
struct config_files config_files(const struct config *config);

/* Equal for files that mean the same: order of keys, comments and short forms do not count. */
uint64_t config_hash(const struct config *config);
/* Writes one line for each difference in meaning, "service orders: version v2: weight 5 -> 20";
 * returns how many there are. Secrets are compared but never shown. */
uint32_t config_diff(const struct config *from, const struct config *to, struct sink *out);
/* The whole configuration in long form, secrets redacted; reads back to the same meaning. */
void config_write_yaml(const struct config *config, struct sink *out);
/* JSON Schema draft-07 of the language with these policy kinds. */
void config_write_schema(const struct conf_kind *kinds, uint32_t kind_count, struct sink *out);
/* Reference page in Markdown. */
void config_write_reference(const struct conf_kind *kinds, uint32_t kind_count, struct sink *out);
