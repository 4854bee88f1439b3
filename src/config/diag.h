/* diag.h - what an operator did wrong, with place, line, caret and a way out.
 * Diagnostics are collected and printed together, ordered by file and line. At most
 * LIMIT config_errors of each severity are kept; the rest is counted. They copy what they show, so
 * they outlive the configuration that they speak of. Codes are stable: diag_codes.def. */
#pragma once

#include "base/arena.h"
#include "base/limits.h"
#include "text/source.h"

struct sink;

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

enum diag_code {
#define DIAG(code, severity, title, help) DIAG_##code,
#include "config/diag_codes.def"
#undef DIAG
    DIAG_CODE_COUNT
};

struct diag {
    enum diag_code code;
    struct str file, message, hint;
    struct str shown;  /* the line, or the part of a long one around the place */
    uint32_t shown_at; /* characters of `shown` before the place */
    uint32_t rank;     /* of the file: files in the order in which they were read */
    uint32_t line, column, width;
};

struct diag_list {
    struct diag at[LIMIT_VALUE_config_errors]; /* sorted */
    uint32_t kept, count;
};

struct diags {
    struct diag_list errors, warnings;
    struct arena arena;
    char hint[200]; /* of the next one */
    uint32_t hint_len;
};

/* Empty; diags_drop releases the texts. */
void diags_init(struct diags *diags);
void diags_drop(struct diags *diags);
static inline bool diags_have_errors(const struct diags *diags)
{
    return diags->errors.count > 0;
}

/* The way out of the diagnostic that is added next, shown behind its caret. */
void diag_hint(struct diags *diags, const char *format, ...) PRINTF_LIKE(2, 3);
/* Adds one about the value at `pos` (all zero: about no place in particular). */
void diag_add(struct diags *diags, enum diag_code code, struct source_pos pos, const char *format,
              ...) PRINTF_LIKE(4, 5);

/* All of them as text for people, errors and warnings together by place. */
void diags_write(const struct diags *diags, struct sink *out);
/* The same as one JSON array of {code, severity, file, line, column, message, hint}. */
void diags_write_json(const struct diags *diags, struct sink *out);

struct diag_row {
    const char *code; /* "E0107" */
    uint8_t severity; /* enum diag_severity */
    const char *title;
    const char *help; /* some lines, for `sluice help E0107` */
};

extern const struct diag_row diag_rows[DIAG_CODE_COUNT];
/* The row of "E0107", or NULL. */
const struct diag_row *diag_find(struct str code);
