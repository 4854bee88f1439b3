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
    struct str file, line_text, message, hint;
    uint32_t rank; /* of the file: files in the order in which they were read */
    uint32_t line, column, width;
};

struct diag_list {
    struct diag at[LIMIT_VALUE_config_errors]; /* sorted */
    uint32_t kept, count;
};

struct diags {
    struct diag_list errors, warnings;
    struct arena arena;
};

/* Empty; diags_drop releases the texts. */
void diags_init(struct diags *diags);
void diags_drop(struct diags *diags);
static inline bool diags_have_errors(const struct diags *diags)
{
    return diags->errors.count > 0;
}

/* Adds one diagnostic about the value at `pos` (all zero: about no place in particular). `hint` is
 * the way out, shown behind the caret; may be NULL. */
void diag_add(struct diags *diags, enum diag_code code, struct source_pos pos, const char *hint,
              const char *format, ...) PRINTF_LIKE(5, 6);

/* All of them as text for people, errors and warnings together by place. */
void diags_write(const struct diags *diags, struct sink *out);
/* The same as one JSON array of {code, severity, file, line, column, message, hint}. */
void diags_write_json(const struct diags *diags, struct sink *out);

struct diag_row {
    const char *code; /* "E0107" */
    enum diag_severity severity;
    const char *title;
    const char *help; /* some lines, for `sluice help E0107` */
};

extern const struct diag_row diag_rows[DIAG_CODE_COUNT];
/* The row of "E0107", or NULL. */
const struct diag_row *diag_find(struct str code);
