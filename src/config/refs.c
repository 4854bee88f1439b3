/* refs.c - ${env:NAME}, ${env:NAME:-text} and ${file:/path} in values.
 * They are resolved once for each load, in values only, never in keys or structure, and what they
 * give is a secret from then on: it is compared and used but never printed. */
#include "base/limits.h"
#include "config/internals.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { REFERENCE_FILE_BYTES_MAX = 65536, REFERENCE_NAME_BYTES_MAX = 255, SECRETS_FIRST = 16 };

static bool refuse(struct conf_reader *reader, const struct node *node, const char *what)
{
    return conf_refuse(reader, node, DIAG_E0119, "%s", what);
}

static bool read_env(struct conf_reader *reader, struct node *node, struct str body,
                     struct str *out)
{
    size_t cut = str_find_str(body, STR(":-"));
    struct str name = str_sub(body, 0, cut);
    bool has_default = cut < body.len;
    char text[REFERENCE_NAME_BYTES_MAX + 1];
    if (name.len == 0 || name.len > REFERENCE_NAME_BYTES_MAX ||
        memchr(name.at, '\0', name.len) != NULL) {
        return refuse(reader, node, "this is not the name of an environment variable");
    }
    memcpy(text, name.at, name.len);
    text[name.len] = '\0';
    const struct config_opts *opts = reader->opts;
    const char *value = opts->env == NULL ? getenv(text) : opts->env(opts->ctx, text);
    if (value == NULL && !has_default) {
        conf_hint(reader, "set it, or write ${env:%s:-default}", text);
        return conf_refuse(reader, node, DIAG_E0119, "the environment has no %s", text);
    }
    *out = value == NULL ? str_skip(body, cut + 2) : str_from_c(value);
    return true;
}

/* At most REFERENCE_FILE_BYTES_MAX and one more, which tells that it is too large. */
static bool read_disk(const char *name, char *bytes, size_t *len)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd < 0 ? -1 : 1;
    *len = 0;
    while (got > 0 && *len <= REFERENCE_FILE_BYTES_MAX) {
        got = read(fd, bytes + *len, REFERENCE_FILE_BYTES_MAX + 1 - *len);
        *len += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    return got >= 0;
}

/* The same from what was saved. */
static bool read_saved(const struct config_files *saved, struct str name, char *bytes, size_t *len)
{
    const struct config_file *file = conf_saved_value(saved, name);
    if (file == NULL || file->text.len > REFERENCE_FILE_BYTES_MAX) {
        return false;
    }
    *len = file->text.len;
    if (*len > 0) {
        memcpy(bytes, file->text.at, *len);
    }
    return true;
}

static bool note_value(struct conf_reader *reader, struct str name, struct str text)
{
    const struct conf_internals *internals = reader->internals;
    const struct config_files known = {internals->files, internals->file_count};
    const struct config_file file = {.name = name, .text = text};
    return conf_saved_value(&known, name) != NULL || conf_note_file(reader, &file);
}

static bool read_file(struct conf_reader *reader, struct node *node, struct str path,
                      struct str *out)
{
    const struct config_files *saved = reader->opts->saved;
    char *name = arena_keep_c(reader->arena, path);
    char *bytes = arena_alloc(reader->arena, REFERENCE_FILE_BYTES_MAX + 1);
    size_t len = 0;
    if (name == NULL || bytes == NULL) {
        return conf_array(reader, node, SIZE_MAX, SIZE_MAX) != NULL;
    }
    if (path.len == 0 || path.at[0] != '/') {
        conf_hint(reader, "write ${file:/run/secrets/name}");
        return refuse(reader, node, "the path of a file must be absolute");
    }
    if (!(saved != NULL ? read_saved(saved, path, bytes, &len) : read_disk(name, bytes, &len))) {
        return conf_refuse(reader, node, DIAG_E0119, "%s cannot be read", name);
    }
    if (len > REFERENCE_FILE_BYTES_MAX) {
        return conf_refuse(reader, node, DIAG_E0119, "%s has more than 64 KiB", name);
    }
    if (!note_value(reader, str_of(name, path.len), str_of(bytes, len))) {
        return false;
    }
    /* Editors and `echo` end a file with a line end that is no part of the secret. */
    len -= len > 0 && bytes[len - 1] == '\n';
    len -= len > 0 && bytes[len - 1] == '\r';
    *out = str_of(bytes, len);
    return true;
}

static bool read_one(struct conf_reader *reader, struct node *node, struct str inside,
                     struct str *out)
{
    if (str_starts(inside, STR("env:"))) {
        return read_env(reader, node, str_skip(inside, 4), out);
    }
    if (str_starts(inside, STR("file:"))) {
        return read_file(reader, node, str_skip(inside, 5), out);
    }
    conf_hint(reader, "write ${env:NAME} or ${file:/path}; $${ is a plain ${");
    return refuse(reader, node, "this reference is neither env nor file");
}

/* Appends the text up to the next reference and the reference itself; false: refused and said. */
static bool expand_next(struct conf_reader *reader, struct node *node, struct str *rest,
                        struct sink *out)
{
    size_t at = str_find_str(*rest, STR("${"));
    if (at > 0 && at < rest->len && rest->at[at - 1] == '$') {
        sink_add(out, str_sub(*rest, 0, at - 1));
        sink_add(out, STR("${"));
        *rest = str_skip(*rest, at + 2);
        return true;
    }
    sink_add(out, str_sub(*rest, 0, at));
    if (at == rest->len) {
        *rest = str_skip(*rest, at);
        return true;
    }
    struct str_pair cut = str_cut(str_skip(*rest, at + 2), '}');
    struct str value = {0};
    if (!cut.is_cut) {
        return refuse(reader, node, "this reference has no closing brace");
    }
    if (!read_one(reader, node, cut.head, &value)) {
        return false;
    }
    node->is_secret = true;
    sink_add(out, value);
    *rest = cut.tail;
    return true;
}

bool conf_resolve(struct conf_reader *reader, struct node *node)
{
    struct str rest = node->text;
    if (node->is_resolved || node->type != NODE_STRING ||
        str_find_str(rest, STR("${")) == rest.len) {
        return true;
    }
    if (reader->is_foreign) {
        return refuse(reader, node, "references are for the configuration alone");
    }
    struct sink out;
    sink_to_memory(&out, reader->arena);
    while (rest.len > 0) {
        if (!expand_next(reader, node, &rest, &out)) {
            return false;
        }
    }
    if (out.has_failed) {
        return conf_refuse(reader, node, DIAG_E0014, "the text is larger than allowed");
    }
    node->text = sink_str(&out);
    node->is_resolved = true;
    if (memchr(node->text.at == NULL ? "" : node->text.at, '\0', node->text.len) != NULL) {
        return refuse(reader, node, "the value has a NUL byte");
    }
    return true;
}

void conf_mark_secret(struct conf_reader *reader, const void *field)
{
    struct conf_internals *internals = reader->internals;
    if (internals->secret_count == internals->secret_cap) {
        uint32_t cap = internals->secret_cap == 0 ? SECRETS_FIRST : internals->secret_cap * 2;
        struct conf_secret *larger = ARENA_ARRAY(reader->arena, cap, struct conf_secret);
        if (larger == NULL) {
            diag_add(reader->diags, DIAG_E0014, (struct source_pos){0}, "out of memory");
            return;
        }
        if (internals->secret_count > 0) {
            memcpy(larger, internals->secrets, internals->secret_count * sizeof *larger);
        }
        internals->secrets = larger;
        internals->secret_cap = cap;
    }
    internals->secrets[internals->secret_count++].field = field;
}

static int by_address(const void *left_at, const void *right_at)
{
    const struct conf_secret *left = left_at, *right = right_at;
    uintptr_t a = (uintptr_t)left->field, b = (uintptr_t)right->field;
    return a < b ? -1 : a > b;
}

void conf_sort_secrets(struct conf_internals *internals)
{
    internals->sorted_count = internals->secret_count;
    if (internals->secret_count > 0) {
        qsort(internals->secrets, internals->secret_count, sizeof *internals->secrets, by_address);
    }
}

void conf_move_secrets(struct conf_internals *internals, const void *from, size_t bytes,
                       const void *to)
{
    for (uint32_t i = 0; i < internals->secret_count; i++) {
        uintptr_t at = (uintptr_t)internals->secrets[i].field - (uintptr_t)from;
        if (at < bytes) {
            internals->secrets[i].field = (const char *)to + at;
        }
    }
}

bool conf_is_secret(const struct conf_internals *internals, const void *field)
{
    const struct conf_secret wanted = {field};
    return internals->sorted_count > 0 &&
           bsearch(&wanted, internals->secrets, internals->sorted_count, sizeof wanted,
                   by_address) != NULL;
}

struct str conf_show_text(struct conf_reader *reader, const void *field, struct str text)
{
    if (conf_is_secret(reader->internals, field)) {
        return STR("of this reference");
    }
    return arena_fmt(reader->arena, "\"%.*s\"", STR_FMT(str_sub(text, 0, 80)));
}
