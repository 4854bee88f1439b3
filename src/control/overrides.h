/* overrides.h - what operators have said about instances, above what the file says.
 * Each is kept by the names of service, version and instance, with its owner, reason and end; one
 * whose instance is gone is kept, and shown as such, until it ends or is cleared. They outlive
 * reloads, a crash of the data process (in a memory file that the supervisor holds) and, with
 * `state_dir`, a restart of the whole program. Control thread only. */
#pragma once

#include "control/lastgood.h"
#include "text/sink.h"
#include "upstream/roster.h"

enum override_verb {
    OVERRIDE_NONE,
    OVERRIDE_READY, /* ends drain or maint; a weight stays */
    OVERRIDE_DRAIN,
    OVERRIDE_MAINT,
    OVERRIDE_CLEAR /* ends all of it */
};

/* What is asked for, or kept. Empty texts: not said. Instants are microseconds since 1970. */
struct override_ask {
    struct str service, version, instance, owner, reason;
    uint8_t verb; /* enum override_verb */
    bool has_version, has_weight;
    uint32_t weight;
    int64_t since_us, until_us, keep_until_us; /* 0: none */
};

struct override {
    struct list node;
    struct arena arena; /* of the texts */
    struct override_ask says;
    bool is_keep_over;    /* bound clients have had their time */
};

struct overrides {
    struct list all;
    uint32_t count;
    struct loop *loop;
    struct roster *roster;
    struct timer timer; /* for the next one that ends */
    struct lastgood memory;
    struct arena arena; /* of dir */
    struct str dir;     /* empty: nothing is written to disk */
};

/* Without overrides; `memory` was opened before (lastgood_open), or has fd -1. */
void overrides_init(struct overrides *overrides, struct roster *roster);
void overrides_drop(struct overrides *overrides);
/* Takes up what a process before kept, in memory or else in `dir` (may be empty). What cannot be
 * read is said in the log. */
void overrides_load(struct overrides *overrides, struct str dir);
/* Brings every instance to what is said of it; after instances came. */
void overrides_apply(struct overrides *overrides);
/* Does what is asked. ERR_NOT_FOUND: there is no such instance, nor anything said of it.
 * ERR_LIMIT: LIMIT overrides are kept. ERR_MEMORY. */
MUST_USE enum err overrides_change(struct overrides *overrides, const struct override_ask *ask);
/* How many instances it is about just now. */
uint32_t overrides_count(const struct overrides *overrides, const struct override_ask *says);
/* What is said of this instance, or NULL. */
const struct override *overrides_find(const struct overrides *overrides,
                                      const struct origin *origin);

/* Reads one JSON object; texts are in `arena`. Strict: ERR_SYNTAX with *fault, a sentence. Spans
 * (`for`, `keep`) count from now_us. ERR_MEMORY. */
MUST_USE enum err override_read(struct str text, struct arena *arena, int64_t now_us,
                                struct override_ask *out, struct str *fault);
/* One JSON object that override_read takes. */
void override_write(const struct override *override, struct sink *out);
/* "drain", "maint" or "". */
const char *override_verb_text(const struct override_ask *says);
