/* diag.c - diagnostics: kept in order, printed with line and caret; see diag.h. */
#include "config/diag.h"

#include "base/strbuf.h"
#include "text/sink.h"
#include "text/utf8.h"

#include <stdarg.h>
#include <stdio.h>

const struct diag_row diag_rows[DIAG_CODE_COUNT] = {
#define DIAG(code, severity, title, help) {#code, DIAG_##severity, title, help},
#include "config/diag_codes.def"
#undef DIAG
};

enum {
    DIAG_ARENA_BYTES = 1024 * 1024,
    MESSAGE_BYTES_MAX = 512,
    SHOWN_CHARS_MAX = 110, /* of a line; longer ones are cut around the place */
    SHOWN_BEFORE = 60,
    DOCS_COLUMN = 53 /* where "docs: ..." stands behind caret and hint */
};

const struct diag_row *diag_find(struct str code)
{
    for (size_t i = 0; i < DIAG_CODE_COUNT; i++) {
        if (str_eq_nocase(str_from_c(diag_rows[i].code), code)) {
            return &diag_rows[i];
        }
    }
    return NULL;
}

void diags_init(struct diags *diags)
{
    *diags = (struct diags){0};
    arena_init_heap(&diags->arena, DIAG_ARENA_BYTES);
}

void diags_drop(struct diags *diags)
{
    arena_reset(&diags->arena);
    diags_init(diags);
}

static size_t format_into(char *text, size_t bytes, const char *format, va_list args)
    PRINTF_LIKE(3, 0);

/* Formats into `text`; returns the length kept. Controls of a quoted value must not reach a
 * terminal. */
static size_t format_into(char *text, size_t bytes, const char *format, va_list args)
{
    int len = vsnprintf(text, bytes, format, args);
    size_t kept = len < 0 ? 0 : (size_t)len < bytes ? (size_t)len : bytes - 1;
    for (size_t i = 0; i < kept; i++) {
        text[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    }
    return kept;
}

static struct str keep(struct diags *diags, const char *text, size_t len)
{
    struct str out;
    return arena_keep(&diags->arena, str_of(text, len), &out) == OK ? out : STR("(out of memory)");
}

/* The bytes of the first `count` characters. */
static size_t chars_to_bytes(struct str s, size_t count)
{
    size_t at = 0;
    while (at < s.len && count > 0) {
        at++;
        while (at < s.len && ((unsigned char)s.at[at] & 0xc0) == 0x80) {
            at++;
        }
        count--;
    }
    return at;
}

/* Copies the line, or what fits of it around the place, with a space for each tab and
 * a question mark for what is not text. */
static void keep_line(struct diags *diags, struct diag *diag, const struct source_pos *pos)
{
    struct str line = source_line(pos);
    uint32_t before = pos->column - 1, cut = 0;
    if (before > SHOWN_CHARS_MAX - 10) {
        cut = before - SHOWN_BEFORE;
        line = str_skip(line, chars_to_bytes(line, cut));
    }
    line = str_sub(line, 0, chars_to_bytes(line, SHOWN_CHARS_MAX));
    diag->shown_at = before - cut;
    char *copy = arena_alloc(&diags->arena, line.len);
    for (size_t i = 0; copy != NULL && i < line.len;) {
        uint32_t code;
        size_t bytes = utf8_character(str_skip(line, i), &code);
        bool is_shown = bytes > 0 && code >= 0x20 && (code < 0x7f || code >= 0xa0);
        for (size_t end = i + (bytes > 0 ? bytes : 1); i < end; i++) {
            copy[i] = is_shown ? line.at[i] : line.at[i] == '\t' ? ' ' : '?';
        }
    }
    diag->shown = copy == NULL ? STR("") : str_of(copy, line.len);
}

static bool is_before(const struct diag *left, const struct diag *right)
{
    if (left->rank != right->rank) {
        return left->rank < right->rank;
    }
    if (left->line != right->line) {
        return left->line < right->line;
    }
    return left->column < right->column;
}

/* Where a new one belongs, after equal ones; kept == the end. */
static uint32_t place_of(const struct diag_list *list, const struct diag *diag)
{
    uint32_t at = list->kept;
    while (at > 0 && is_before(diag, &list->at[at - 1])) {
        at--;
    }
    return at;
}

void diag_hint(struct diags *diags, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diags->hint_len = (uint32_t)format_into(diags->hint, sizeof diags->hint, format, args);
    va_end(args);
}

void diag_add(struct diags *diags, enum diag_code code, struct source_pos pos, const char *format,
              ...)
{
    bool is_error = diag_rows[code].severity == DIAG_ERROR;
    struct diag_list *list = is_error ? &diags->errors : &diags->warnings;
    struct diag diag = {.code = code, .line = pos.line, .column = pos.column, .width = pos.width};
    diag.rank = pos.source == NULL ? 0 : pos.source->rank;
    uint32_t hint_len = diags->hint_len;
    diags->hint_len = 0;
    list->count++;
    uint32_t at = place_of(list, &diag);
    if (at == COUNT_OF(list->at)) {
        return; /* counted; those before it are shown */
    }
    char text[MESSAGE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    diag.message = keep(diags, text, format_into(text, sizeof text, format, args));
    va_end(args);
    diag.hint = keep(diags, diags->hint, hint_len);
    if (pos.source != NULL && arena_keep(&diags->arena, pos.source->name, &diag.file) == OK) {
        keep_line(diags, &diag, &pos);
    }
    uint32_t moved = list->kept - at - (list->kept == COUNT_OF(list->at));
    memmove(&list->at[at + 1], &list->at[at], moved * sizeof diag);
    list->at[at] = diag;
    list->kept += list->kept < COUNT_OF(list->at);
}

static const char *severity_name(const struct diag *diag)
{
    return diag_rows[diag->code].severity == DIAG_ERROR ? "error" : "warning";
}

static void write_line(const struct diag *diag, struct sink *out)
{
    size_t width = diag->width == 0 ? 1 : diag->width;
    size_t chars = 0, column;
    for (size_t i = 0; i < diag->shown.len; i++) {
        chars += ((unsigned char)diag->shown.at[i] & 0xc0) != 0x80;
    }
    size_t room = chars > diag->shown_at ? chars - diag->shown_at : 1;
    width = width < room ? width : room;
    sink_add_fmt(out, "%5u | ", diag->line);
    sink_add(out, diag->shown);
    sink_add_c(out, "\n      | ");
    sink_pad(out, ' ', diag->shown_at);
    sink_pad(out, '^', width);
    column = 8 + diag->shown_at + width;
    if (diag->hint.len > 0) {
        sink_add_c(out, " ");
        sink_add(out, diag->hint);
        column += 1 + diag->hint.len;
    }
    sink_pad(out, ' ', column + 2 < DOCS_COLUMN ? DOCS_COLUMN - column : 2);
    sink_add_fmt(out, "docs: sluice help %s\n", diag_rows[diag->code].code);
}

static void write_one(const struct diag *diag, struct sink *out)
{
    if (diag->file.len > 0) {
        sink_add(out, diag->file);
        sink_add_fmt(out, ":%u:%u: ", diag->line, diag->column);
    }
    sink_add_fmt(out, "%s[%s]: ", severity_name(diag), diag_rows[diag->code].code);
    sink_add(out, diag->message);
    if (diag->file.len == 0 && diag->hint.len > 0) {
        sink_add_c(out, "; ");
        sink_add(out, diag->hint);
    }
    sink_add_c(out, "\n");
    if (diag->file.len > 0) {
        write_line(diag, out);
    }
}

/* The next of both lists in the order of places, or NULL. */
static const struct diag *next_of(const struct diags *diags, uint32_t *errors, uint32_t *warnings)
{
    bool has_error = *errors < diags->errors.kept, has_warning = *warnings < diags->warnings.kept;
    if (!has_error && !has_warning) {
        return NULL;
    }
    const struct diag *error = &diags->errors.at[has_error ? *errors : 0];
    const struct diag *warning = &diags->warnings.at[has_warning ? *warnings : 0];
    if (has_error && (!has_warning || !is_before(warning, error))) {
        ++*errors;
        return error;
    }
    ++*warnings;
    return warning;
}

void diags_write(const struct diags *diags, struct sink *out)
{
    uint32_t errors = 0, warnings = 0;
    for (const struct diag *diag; (diag = next_of(diags, &errors, &warnings)) != NULL;) {
        write_one(diag, out);
    }
    if (diags->errors.count > diags->errors.kept) {
        sink_add_fmt(out, "and %u more errors\n", diags->errors.count - diags->errors.kept);
    }
    if (diags->warnings.count > diags->warnings.kept) {
        sink_add_fmt(out, "and %u more warnings\n", diags->warnings.count - diags->warnings.kept);
    }
}

static void write_json_text(struct sink *out, const char *name, struct str value)
{
    sink_add_fmt(out, ",\"%s\":\"", name);
    sink_add_json(out, value);
    sink_add_c(out, "\"");
}

void diags_write_json(const struct diags *diags, struct sink *out)
{
    uint32_t errors = 0, warnings = 0;
    const char *separator = "[";
    for (const struct diag *diag; (diag = next_of(diags, &errors, &warnings)) != NULL;) {
        sink_add_fmt(out, "%s{\"code\":\"%s\",\"severity\":\"%s\"", separator,
                     diag_rows[diag->code].code, severity_name(diag));
        write_json_text(out, "file", diag->file);
        sink_add_fmt(out, ",\"line\":%u,\"column\":%u", diag->line, diag->column);
        write_json_text(out, "message", diag->message);
        write_json_text(out, "hint", diag->hint);
        sink_add_c(out, "}");
        separator = ",\n ";
    }
    sink_add_c(out, *separator == '[' ? "[]\n" : "]\n");
}
