/* pattern.h - regular expressions over PCRE2 with a budget.
 * Patterns come from the operator, subjects from strangers. A match therefore has limits on steps,
 * depth and memory, and running into one is an error, never "no match": whoever asks must fail
 * closed. Bytes, not characters: no UTF mode. A pattern must match the whole subject. */
#pragma once

#include "base/arena.h"

enum { PATTERN_BYTES_MAX = 4096, PATTERN_GROUPS_MAX = 32 };

struct pattern {
    void *code; /* PCRE2's compiled form, owned */
    struct str text;
    uint32_t group_count;
    bool has_jit;
};

struct pattern_options {
    bool is_caseless;
    bool is_search; /* may match anywhere in the subject instead of all of it */
};

/* Where and why a pattern does not compile. */
struct pattern_error {
    size_t offset; /* bytes into the pattern */
    char text[128];
};

/* One thread's working memory for matches, made once and used for every pattern. */
struct pattern_scratch {
    void *match_data, *match_context, *jit_stack;
    uint64_t limited_total; /* matches that ran into a limit */
};

/* Compiles `text` (kept by reference) with the machine code compiler where there is one; for the
 * control plane. ERR_SYNTAX with *error filled: not a pattern, too long or too many groups. */
MUST_USE enum err pattern_init(struct pattern *pattern, struct str text,
                               const struct pattern_options *options, struct pattern_error *error);
void pattern_drop(struct pattern *pattern);
/* ERR_MEMORY. */
MUST_USE enum err pattern_scratch_init(struct pattern_scratch *scratch);
void pattern_scratch_drop(struct pattern_scratch *scratch);

/* OK: it matches. ERR_NOT_FOUND: it does not. ERR_LIMIT: that could not be said within the budget
 * (limits pattern_steps, pattern_heap_bytes): refuse the subject. Machine code never allocates. */
MUST_USE enum err pattern_match(const struct pattern *pattern, struct str subject,
                                struct pattern_scratch *scratch);
/* The part that group `group` (0: everything) took in the last match on this scratch; empty with a
 * NULL pointer when it took no part. `subject` is the one that was matched. */
struct str pattern_group(const struct pattern_scratch *scratch, struct str subject, uint32_t group);
/* The name of group `group`, or the empty slice. Points into the pattern. */
struct str pattern_group_name(const struct pattern *pattern, uint32_t group);
