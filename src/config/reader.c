/* reader.c - nodes into structs, by field tables; see reader.h and table.h.
 * The walk knows nothing of what the configuration means: it finds the row of a key, reads the
 * value by the type of the row, and says what is wrong. One struct at its presets is made once for
 * each table and copied from then on. */
#include "config/reader.h"

#include "base/check.h"
#include "config/internals.h"

#include <stdarg.h>
#include <stdio.h>

enum { NAME_BYTES_MAX = 256, PATH_BYTES_MAX = 300, MESSAGE_BYTES_MAX = 400 };

static void path_add(const struct conf_path *path, struct strbuf *out)
{
    if (path == NULL) {
        return;
    }
    path_add(path->above, out);
    bool is_index = path->name.len > 0 && path->name.at[0] == '[';
    if (out->len > 0 && !is_index) {
        strbuf_add_char(out, '.');
    }
    strbuf_add(out, path->name);
}

bool conf_refuse(struct conf_reader *reader, const struct node *node, enum diag_code code,
                 const char *format, ...)
{
    char path[PATH_BYTES_MAX], message[MESSAGE_BYTES_MAX];
    struct strbuf out = strbuf_over(path, sizeof path);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    path_add(reader->path, &out);
    diag_add(reader->diags, code, node->pos, "%.*s%s%s", STR_FMT(strbuf_str(&out)),
             out.len > 0 ? ": " : "", message);
    return false;
}

const char *conf_show(struct conf_reader *reader, const struct node *node)
{
    struct str shown = node->text;
    if (node->type == NODE_LIST || node->type == NODE_MAP || node->type == NODE_NULL) {
        return node_type_name((enum node_type)node->type);
    }
    if (node->is_secret) {
        return "the value of this reference";
    }
    bool is_cut = shown.len > 60;
    const char *quote = node->type == NODE_STRING ? "\"" : "";
    shown = str_sub(shown, 0, 60);
    struct str text =
        arena_fmt(reader->arena, "%s%.*s%s%s", quote, STR_FMT(shown), is_cut ? "..." : "", quote);
    return text.at == NULL ? "\"...\"" : text.at;
}

void *conf_array(struct conf_reader *reader, struct node *node, size_t count, size_t bytes)
{
    void *at = arena_array(reader->arena, count, bytes);
    if (at == NULL) {
        conf_refuse(reader, node, DIAG_E0014, "the configuration needs more memory than allowed");
    }
    return at;
}

bool conf_scalar(struct conf_reader *reader, struct node *node, struct str *out)
{
    if (node->type == NODE_NULL) {
        return conf_refuse(reader, node, DIAG_E0114, "nothing is written here");
    }
    if (node->type == NODE_LIST || node->type == NODE_MAP) {
        return conf_refuse(reader, node, DIAG_E0101, "one value is wanted here, not %s",
                           node_type_name((enum node_type)node->type));
    }
    if (!conf_resolve(reader, node)) {
        return false;
    }
    *out = node->text;
    return true;
}

static void *field_at(const struct conf_field *field, void *out)
{
    return (char *)out + field->offset;
}

/* A preset is read with the same code as a file, so it can say nothing that a file could not. */
static void preset_one(struct conf_reader *reader, const struct conf_field *field, void *out)
{
    if (field->type == CONF_STRUCT) {
        conf_presets(reader, field->table, field_at(field, out));
    }
    if (field->preset == NULL) {
        return;
    }
    struct node node = {
        .text = str_from_c(field->preset), .type = NODE_STRING, .is_resolved = true};
    node.type = (uint8_t)(field->type == CONF_INT    ? NODE_INT
                          : field->type == CONF_BOOL ? NODE_BOOL
                                                     : NODE_STRING);
    bool is_read = conf_read_field(reader, field, &node, out);
    CHECK(is_read);
}

static const void *image_of(struct conf_reader *reader, const struct conf_table *table)
{
    struct conf_internals *internals = reader->internals;
    for (uint32_t i = 0; i < internals->image_count; i++) {
        if (internals->images[i].table == table) {
            return internals->images[i].bytes;
        }
    }
    void *bytes = arena_zalloc(reader->arena, table->bytes);
    if (bytes == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < table->field_count; i++) {
        preset_one(reader, &table->fields[i], bytes);
    }
    if (internals->image_count < CONF_IMAGES_MAX) {
        internals->images[internals->image_count++] = (struct conf_image){table, bytes};
    }
    return bytes;
}

void conf_presets(struct conf_reader *reader, const struct conf_table *table, void *out)
{
    const void *image = image_of(reader, table);
    if (image == NULL) {
        diag_add(reader->diags, DIAG_E0014, (struct source_pos){0}, "out of memory");
        return;
    }
    memcpy(out, image, table->bytes);
}

static const struct conf_kind *kind_find(const struct conf_reader *reader, struct str name)
{
    for (uint32_t i = 0; i < reader->internals->kind_count; i++) {
        if (str_eq(str_from_c(reader->internals->kinds[i].name), name)) {
            return &reader->internals->kinds[i];
        }
    }
    return NULL;
}

static const struct conf_field *field_find(const struct conf_table *table, struct str name)
{
    for (uint32_t i = 0; i < table->field_count; i++) {
        if (str_eq(str_from_c(table->fields[i].name), name)) {
            return &table->fields[i];
        }
    }
    return NULL;
}

static bool refuse_key(struct conf_reader *reader, const struct conf_table *table,
                       const struct node *key)
{
    char path[PATH_BYTES_MAX];
    struct strbuf out = strbuf_over(path, sizeof path);
    struct conf_nearest nearest = {.diags = reader->diags, .wanted = key->text};
    for (uint32_t i = 0; i < table->field_count; i++) {
        conf_nearest_try(&nearest, str_from_c(table->fields[i].name));
    }
    for (uint32_t i = 0; table->policies_at > 0 && i < reader->internals->kind_count; i++) {
        conf_nearest_try(&nearest, str_from_c(reader->internals->kinds[i].name));
    }
    struct str best = conf_nearest_name(&nearest);
    if (best.len > 0) {
        conf_hint(reader, "did you mean \"%.*s\"?", STR_FMT(best));
    }
    path_add(reader->path, &out);
    diag_add(reader->diags, DIAG_E0107, key->pos, "unknown key \"%.*s\"%s%.*s",
             STR_FMT(str_sub(key->text, 0, 80)), out.len > 0 ? " in " : "",
             STR_FMT(strbuf_str(&out)));
    return false;
}

/* Room for one more policy: the array doubles whenever its count is a power of two. */
static struct conf_policy *policy_add(struct conf_reader *reader, struct node *key,
                                      struct conf_policies *policies)
{
    uint32_t count = policies->count;
    if ((count & (count - 1)) == 0) {
        struct conf_policy *larger =
            conf_array(reader, key, count == 0 ? 1 : (size_t)count * 2, sizeof *larger);
        if (larger == NULL) {
            return NULL;
        }
        if (count > 0) {
            memcpy(larger, policies->at, count * sizeof *larger);
        }
        policies->at = larger;
    }
    return &policies->at[policies->count++];
}

static bool read_policy(struct conf_reader *reader, const struct conf_kind *kind, struct node *key,
                        struct conf_policies *policies)
{
    void *conf = conf_array(reader, key, 1, kind->table->bytes);
    struct conf_policy *policy = conf == NULL ? NULL : policy_add(reader, key, policies);
    if (policy == NULL) {
        return false;
    }
    uint32_t index = (uint32_t)(kind - reader->internals->kinds);
    *policy =
        (struct conf_policy){.kind = kind, .kind_index = index, .conf = conf, .pos = key->pos};
    return conf_read_struct(reader, kind->table, key->value, conf);
}

/* Reads the value of one key. `written` collects the rows seen. */
static bool read_key(struct conf_reader *reader, const struct conf_table *table, struct node *key,
                     void *out, uint64_t *written)
{
    const struct conf_field *field = field_find(table, key->text);
    const struct conf_kind *kind =
        field == NULL && table->policies_at > 0 ? kind_find(reader, key->text) : NULL;
    if (field == NULL && kind == NULL) {
        return refuse_key(reader, table, key);
    }
    struct conf_path path = {reader->path, key->text};
    struct conf_reader inner = *reader;
    inner.path = &path;
    if (kind != NULL) {
        void *policies = (char *)out + table->policies_at - 1;
        return read_policy(&inner, kind, key, policies);
    }
    if (field->type == CONF_LATER) {
        return conf_refuse(&inner, key, DIAG_E0301, "this version of Sluice does not do this");
    }
    *written |= (uint64_t)1 << (field - table->fields);
    return conf_read_field(&inner, field, key->value, out);
}

/* What the rows say about keys together: required ones, and groups of which one may be written. */
static bool check_keys(struct conf_reader *reader, const struct conf_table *table,
                       const struct node *node, uint64_t written)
{
    const char *first_of[256] = {0};
    bool is_right = true;
    for (uint32_t i = 0; i < table->field_count; i++) {
        const struct conf_field *field = &table->fields[i];
        if ((written >> i & 1) == 0) {
            if ((field->flags & CONF_REQUIRED) != 0) {
                is_right = conf_refuse(reader, node, DIAG_E0108, "\"%s\" is missing", field->name);
            }
            continue;
        }
        if (field->group != 0 && first_of[field->group] != NULL) {
            is_right = conf_refuse(reader, node, DIAG_E0113, "\"%s\" and \"%s\" exclude each other",
                                   first_of[field->group], field->name);
        }
        first_of[field->group] = field->name;
    }
    return is_right;
}

static void note_written(const struct conf_table *table, uint64_t written, void *out)
{
    uint64_t mask = 0;
    if (table->written_at == 0) {
        return;
    }
    for (uint32_t i = 0; i < table->field_count; i++) {
        if ((written >> i & 1) != 0) {
            mask |= (uint64_t)1 << (table->fields[i].offset / 8);
        }
    }
    memcpy((char *)out + table->written_at - 1, &mask, sizeof mask);
}

/* The first few keys that a map may have. */
static void hint_keys(struct conf_reader *reader, const struct conf_table *table)
{
    char text[120];
    struct strbuf keys = strbuf_over(text, sizeof text);
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->field_count && count < 4; i++) {
        if (table->fields[i].type != CONF_LATER) {
            strbuf_add_fmt(&keys, "%s%s", count++ > 0 ? ", " : "", table->fields[i].name);
        }
    }
    for (uint32_t i = 0; table->policies_at > 0 && i < reader->internals->kind_count && count < 4;
         i++) {
        strbuf_add_fmt(&keys, "%s%s", count++ > 0 ? ", " : "", reader->internals->kinds[i].name);
    }
    if (count > 0) {
        conf_hint(reader, "with keys such as %.*s", STR_FMT(strbuf_str(&keys)));
    }
}

/* Reads what is written into a struct that is at its presets. */
static bool fill_struct(struct conf_reader *reader, const struct conf_table *table,
                        struct node *node, void *out)
{
    uint64_t written = 0;
    bool is_right = true;
    CHECK(table->field_count <= 64);
    if (node->type != NODE_MAP && table->shorthand != NULL) {
        bool is_read = table->shorthand->read(reader, node, out);
        if (node->is_secret) {
            conf_mark_secret(reader, out);
        }
        return is_read && (table->check == NULL || table->check(reader, node, out));
    }
    if (node->type != NODE_MAP) {
        hint_keys(reader, table);
        return conf_refuse(reader, node, DIAG_E0101, "a map is wanted here, not %s",
                           node_type_name((enum node_type)node->type));
    }
    for (struct node *key = node->first; key != NULL; key = key->next) {
        is_right = read_key(reader, table, key, out, &written) && is_right;
    }
    note_written(table, written, out);
    is_right = check_keys(reader, table, node, written) && is_right;
    return is_right && (table->check == NULL || table->check(reader, node, out));
}

bool conf_read_struct(struct conf_reader *reader, const struct conf_table *table, struct node *node,
                      void *out)
{
    conf_presets(reader, table, out);
    if (table->pos_at > 0) {
        memcpy((char *)out + table->pos_at - 1, &node->pos, sizeof node->pos);
    }
    return fill_struct(reader, table, node, out);
}

static size_t item_bytes(const struct conf_field *field)
{
    if (field->type == CONF_MAP || field->item == CONF_STRUCT) {
        return field->table->bytes;
    }
    return field->item == CONF_CUSTOM ? field->grammar->bytes
                                      : conf_type_bytes((enum conf_type)field->item);
}

static bool read_item(struct conf_reader *reader, const struct conf_field *field, struct node *node,
                      void *out)
{
    if (field->item == CONF_STRUCT) {
        return conf_read_struct(reader, field->table, node, out);
    }
    return conf_read_scalar(reader, field, (enum conf_type)field->item, node, out);
}

static bool read_list(struct conf_reader *reader, const struct conf_field *field, struct node *node,
                      struct conf_list *list)
{
    bool is_list = node->type == NODE_LIST, is_right = true;
    uint32_t count = is_list ? node->count : 1;
    size_t bytes = item_bytes(field);
    if (count == 0 && (field->flags & CONF_NOT_EMPTY) != 0) {
        return conf_refuse(reader, node, DIAG_E0114, "the list must not be empty");
    }
    list->at = conf_array(reader, node, count, bytes);
    if (list->at == NULL) {
        return false;
    }
    struct node *item = is_list ? node->first : node;
    for (; list->count < count; item = item->next, list->count++) {
        char index[16];
        (void)snprintf(index, sizeof index, "[%u]", list->count);
        struct conf_path path = {reader->path, str_from_c(index)};
        struct conf_reader inner = *reader;
        inner.path = is_list ? &path : reader->path;
        is_right =
            read_item(&inner, field, item, (char *)list->at + list->count * bytes) && is_right;
    }
    return is_right;
}

/* Names come back in logs, metrics and answers. */
static bool check_name(struct conf_reader *reader, const struct node *key)
{
    if (key->text.len == 0) {
        return conf_refuse(reader, key, DIAG_E0114, "a name must not be empty");
    }
    if (key->text.len > NAME_BYTES_MAX) {
        return conf_refuse(reader, key, DIAG_E0104, "a name has at most %d bytes", NAME_BYTES_MAX);
    }
    for (size_t i = 0; i < key->text.len; i++) {
        if ((unsigned char)key->text.at[i] < 0x20) {
            return conf_refuse(reader, key, DIAG_E0117, "a name has no control characters");
        }
    }
    return true;
}

static bool read_entry(struct conf_reader *reader, const struct conf_field *field, struct node *key,
                       char *out)
{
    const struct conf_table *table = field->table;
    struct conf_path path = {reader->path, key->text};
    struct conf_reader inner = *reader;
    if (!check_name(reader, key)) {
        return false;
    }
    if ((field->flags & CONF_TOKEN) != 0 && !conf_is_token(key->text)) {
        return conf_refuse(reader, key, DIAG_E0117, "%s is not a field name",
                           conf_show(reader, key));
    }
    inner.path = &path;
    conf_presets(reader, table, out);
    CHECK(table->name_at > 0);
    memcpy(out + table->name_at - 1, &key->text, sizeof key->text);
    if (table->pos_at > 0) {
        memcpy(out + table->pos_at - 1, &key->pos, sizeof key->pos);
    }
    return fill_struct(&inner, table, key->value, out);
}

static bool read_map(struct conf_reader *reader, const struct conf_field *field, struct node *node,
                     struct conf_list *list)
{
    bool is_right = true;
    if (node->type != NODE_MAP) {
        conf_hint(reader, "write name: {...}");
        return conf_refuse(reader, node, DIAG_E0101, "a map of names is wanted here, not %s",
                           node_type_name((enum node_type)node->type));
    }
    if (node->count == 0 && (field->flags & CONF_NOT_EMPTY) != 0) {
        return conf_refuse(reader, node, DIAG_E0114, "the map must not be empty");
    }
    char *at = conf_array(reader, node, node->count, field->table->bytes);
    if (at == NULL) {
        return false;
    }
    *list = (struct conf_list){at, node->count};
    for (struct node *key = node->first; key != NULL; key = key->next) {
        is_right = read_entry(reader, field, key, at) && is_right;
        at += field->table->bytes;
    }
    return is_right;
}

static bool read_pairs(struct conf_reader *reader, const struct conf_field *field,
                       struct node *node, struct conf_pairs *pairs)
{
    const struct conf_field value = {.flags = field->flags & (CONF_SECRET | CONF_FIELD_VALUE)};
    bool is_right = true;
    if (node->type != NODE_MAP) {
        conf_hint(reader, "write name: text");
        return conf_refuse(reader, node, DIAG_E0101,
                           "a map of names to texts is wanted here, not %s",
                           node_type_name((enum node_type)node->type));
    }
    pairs->at = conf_array(reader, node, node->count, sizeof *pairs->at);
    if (pairs->at == NULL) {
        return false;
    }
    for (struct node *key = node->first; key != NULL; key = key->next) {
        struct conf_pair *pair = &pairs->at[pairs->count++];
        struct conf_path path = {reader->path, key->text};
        struct conf_reader inner = *reader;
        inner.path = &path;
        *pair = (struct conf_pair){.name = key->text, .pos = key->pos};
        bool is_fit = check_name(reader, key);
        if (is_fit && (field->flags & CONF_TOKEN) != 0 && !conf_is_token(key->text)) {
            is_fit = conf_refuse(reader, key, DIAG_E0117, "%s is not a field name",
                                 conf_show(reader, key));
        }
        is_right = conf_read_scalar(&inner, &value, CONF_STRING, key->value, &pair->value) &&
                   is_fit && is_right;
    }
    return is_right;
}

bool conf_read_field(struct conf_reader *reader, const struct conf_field *field, struct node *node,
                     void *out)
{
    void *place = field_at(field, out);
    if (field->pos_at > 0) {
        memcpy((char *)out + field->pos_at - 1, &node->pos, sizeof node->pos);
    }
    switch ((enum conf_type)field->type) {
    case CONF_STRUCT: return conf_read_struct(reader, field->table, node, place);
    case CONF_LIST:
        memset(place, 0, sizeof(struct conf_list));
        return read_list(reader, field, node, place);
    case CONF_MAP: return read_map(reader, field, node, place);
    case CONF_PAIRS:
        memset(place, 0, sizeof(struct conf_pairs));
        return read_pairs(reader, field, node, place);
    case CONF_BOOL:
    case CONF_INT:
    case CONF_STRING:
    case CONF_TEXT:
    case CONF_ENUM:
    case CONF_DURATION:
    case CONF_SIZE:
    case CONF_LIMIT:
    case CONF_RATE:
    case CONF_ADDR:
    case CONF_PREFIX:
    case CONF_CUSTOM:
        return conf_read_scalar(reader, field, (enum conf_type)field->type, node, place);
    case CONF_LATER:
    case CONF_TYPE_COUNT: break;
    }
    return false;
}
