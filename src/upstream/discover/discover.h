/* discover.h - who lists the instances of a version: SRV records, a watched file, an HTTP resource,
 * Consul, etcd. One face for all, one file each.
 * A source gives whole lists. Its failure is not an answer: the last good list stays in use, the
 * failure is logged once each time the state changes, and asking goes on with back-off. A document
 * that is malformed is a failure, whatever of it could be read; of the entries of a registry, which
 * each instance writes for itself, those that make no sense are left out and said. On the control
 * thread; nothing here waits, and changes that come close together are put together (LIMIT
 * discovery_merge_ms). */
#pragma once

#include "net/fetch.h"
#include "net/resolver.h"
#include "upstream/target.h"

struct discover;

enum discover_state { DISCOVER_NEW, DISCOVER_OK, DISCOVER_EMPTY, DISCOVER_FAILED };
enum { DISCOVER_WHY_BYTES = 240 };

/* A list as a source gives it, with the memory that it stands in. */
struct discover_list {
    struct arena arena;
    struct roster_target *targets;
    uint32_t count, cap;
    uint32_t left_out_count;      /* entries of a registry that name no instance */
    char why[DISCOVER_WHY_BYTES]; /* of the first of them */
};

struct discover_type {
    const char *name;
    uint32_t bytes; /* of what it keeps at discover->impl, zeroed */
    /* Begins asking; ERR_MEMORY or a fault that asking again does not heal. */
    enum err (*start)(struct discover *source);
    void (*stop)(struct discover *source);
    /* The timer set by discover_again or discover_failed has rung. */
    void (*again)(struct discover *source);
};

extern const struct discover_type discover_srv, discover_file, discover_http, discover_consul,
    discover_etcd;

struct discover_env {
    struct loop *loop;
    struct resolver *resolver;
    struct fetcher *fetcher;
};

/* One source. It is known by what was configured, so a reload that says the same keeps it. */
struct discover {
    const struct discover_type *type;
    struct discover_env env;
    struct conf_discover conf; /* texts in `arena` */
    struct arena arena;
    void *impl;
    struct discover_list list; /* the last good one */
    enum discover_state state;
    char why[DISCOVER_WHY_BYTES]; /* of the last failure */
    uint32_t failures;            /* since the last answer */
    uint32_t left_out_count;      /* as in the last answer */
    uint64_t answers_total, failures_total, changes_total;
    int64_t answered_at_ms; /* loop time; 0: never */
    struct timer timer;
    void (*on_change)(struct discover *source);
    void *owner;
};

/* Whether the source is what `conf` asks for. */
bool discover_is_same(const struct discover *source, const struct conf_discover *conf);
/* Starts a source; on_change comes when the list is another one. NULL: no memory. */
struct discover *discover_open(const struct discover_env *env, const struct conf_discover *conf,
                               void (*on_change)(struct discover *source), void *owner);
/* Ends it and frees it; not from on_change. NULL is fine. */
void discover_close(struct discover *source);
const char *discover_state_text(enum discover_state state);

/* For the types. */

/* An empty list. */
void discover_list_init(struct discover_list *list);
void discover_list_drop(struct discover_list *list);
/* Adds one, copying its texts. ERR_RANGE: LIMIT discovery_targets. ERR_MEMORY. */
MUST_USE enum err discover_list_add(struct discover_list *list, const struct roster_target *target);
/* Reads text in the grammar of `targets` into a list; ERR_CONFIG: `why` says what is wrong. */
MUST_USE enum err discover_list_read(struct discover_list *list, const char *name, struct str text,
                                     char why[DISCOVER_WHY_BYTES]);
/* An entry of a registry names no instance: noted, the others stand. */
void discover_list_leave_out(struct discover_list *list, const char *format, ...) PRINTF_LIKE(2, 3);
/* The source has answered; the list is taken, and on_change called when it is another. */
void discover_answered(struct discover *source, struct discover_list *list);
/* It has not; asked again after a while that grows. */
void discover_failed(struct discover *source, const char *format, ...) PRINTF_LIKE(2, 3);
/* Calls type->again after that time. */
void discover_again(struct discover *source, int64_t after_ms);
/* A text of the configuration as a C string in the source's arena; NULL: no memory. */
char *discover_text(struct discover *source, const char *format, ...) PRINTF_LIKE(2, 3);
