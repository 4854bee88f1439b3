/* files.c - the file that was named and those that it includes, as one map of nodes.
 * Every file is sized before it is read and the sizes count together, so a huge file costs nothing.
 * Maps of names merge, lists of tests are joined, and anything else may stand in one file only:
 * what one file says is never silently replaced by another. */
#include "base/limits.h"
#include "config/internals.h"
#include "text/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = LIMIT_VALUE_config_includes + 1, SECTIONS_MAX = 64, PATH_LEN_MAX = 4096 };

struct file {
    struct source source;
    struct str asked; /* the path or include that led to it */
    dev_t device;
    ino_t inode;
    bool is_memory;
    struct source_pos included_at;
};

/* A key of the merged root and where its next entry goes. */
struct section {
    struct node *key;
    struct node **tail;
    uint32_t files;
};

struct files {
    struct conf_reader *reader;
    struct arena *nodes;
    struct file **at; /* also the queue: those before `done` are merged */
    uint32_t count, done;
    int64_t bytes_left;
    uint32_t nodes_left;
    struct section sections[SECTIONS_MAX];
    uint32_t section_count;
    struct node *root;
};

/* False: said. */
static bool refuse_file(struct files *files, const struct file *file, enum diag_code code,
                        const char *what)
{
    diag_add(files->reader->diags, code, file->included_at, "%.*s %s", STR_FMT(file->source.name),
             what);
    return false;
}

static bool read_all(struct files *files, struct file *file, int fd, const struct stat *info)
{
    bool is_regular = S_ISREG(info->st_mode);
    if (S_ISDIR(info->st_mode)) {
        return refuse_file(files, file, DIAG_E0001, "is a directory");
    }
    if (is_regular && info->st_size > files->bytes_left) {
        return refuse_file(files, file, DIAG_E0002,
                           "is too large: all files of a configuration "
                           "together may have 64 MiB");
    }
    struct sink out;
    sink_to_memory(&out, files->reader->arena);
    char block[16384];
    for (;;) {
        ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return refuse_file(files, file, DIAG_E0001, "cannot be read");
        }
        if (got == 0) {
            break;
        }
        files->bytes_left -= got;
        if (files->bytes_left < 0) {
            return refuse_file(files, file, DIAG_E0002,
                               "is too large: all files of a "
                               "configuration together may have 64 MiB");
        }
        sink_add(&out, str_of(block, (size_t)got));
    }
    file->source.text = sink_str(&out);
    return !out.has_failed || refuse_file(files, file, DIAG_E0014, "needs too much memory");
}

/* Whether the same file was read before, which would give each of its names twice. */
static bool is_new(struct files *files, const struct file *file)
{
    for (uint32_t i = 0; i < files->count; i++) {
        const struct file *other = files->at[i];
        if (other != file && !other->is_memory && other->device == file->device &&
            other->inode == file->inode) {
            return refuse_file(files, file, DIAG_E0011, "is part of this configuration already");
        }
    }
    return true;
}

static bool read_disk(struct files *files, struct file *file)
{
    char *name = arena_keep_c(files->nodes, file->source.name);
    int fd = name == NULL ? -1 : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        const char *what = errno == ENOENT   ? "does not exist"
                           : errno == EACCES ? "may not be read by this user"
                                             : "cannot be opened";
        if (fd >= 0) {
            close(fd);
        }
        return refuse_file(files, file, DIAG_E0001, what);
    }
    file->device = info.st_dev;
    file->inode = info.st_ino;
    bool is_read = is_new(files, file) && read_all(files, file, fd, &info);
    close(fd);
    return is_read;
}

static bool keep_text(struct files *files, struct file *file, struct str text)
{
    if (text.len > (size_t)files->bytes_left) {
        return refuse_file(files, file, DIAG_E0002, "is too large");
    }
    files->bytes_left -= (int64_t)text.len;
    return arena_keep(files->reader->arena, text, &file->source.text) == OK ||
           refuse_file(files, file, DIAG_E0014, "needs too much memory");
}

static bool read_saved(struct files *files, struct file *file)
{
    const struct config_files *saved = files->reader->opts->saved;
    for (uint32_t i = 0; i < saved->count; i++) {
        if (str_eq(saved->at[i].asked, file->asked) &&
            str_eq(saved->at[i].name, file->source.name)) {
            return keep_text(files, file, saved->at[i].text);
        }
    }
    return refuse_file(files, file, DIAG_E0001, "was not part of the saved configuration");
}

static bool load_file(struct files *files, struct file *file, struct str asked)
{
    if (arena_keep(files->reader->arena, asked, &file->asked) != OK) {
        return refuse_file(files, file, DIAG_E0014, "needs too much memory");
    }
    bool is_read = files->reader->opts->saved != NULL ? read_saved(files, file)
                                                      : read_disk(files, file);
    const struct config_file note = {file->asked, file->source.name, file->source.text};
    return is_read && conf_note_file(files->reader, &note);
}

static struct file *file_add(struct files *files, struct str name, struct source_pos included_at)
{
    if (files->count == FILES_MAX) {
        diag_add(files->reader->diags, DIAG_E0013, included_at, "more than %d files are included",
                 FILES_MAX - 1);
        return NULL;
    }
    struct file *file = ARENA_NEW(files->reader->arena, struct file);
    if (file == NULL || arena_keep(files->reader->arena, name, &file->source.name) != OK) {
        diag_add(files->reader->diags, DIAG_E0014, included_at, "out of memory");
        return NULL;
    }
    file->included_at = included_at;
    file->source.rank = files->count;
    files->at[files->count++] = file;
    return file;
}

static bool report_yaml(struct files *files, const struct yaml_error *error)
{
    static const enum diag_code codes[] = {
        [YAML_FINE] = DIAG_E0004,          [YAML_NOT_TEXT] = DIAG_E0003,
        [YAML_SYNTAX] = DIAG_E0004,        [YAML_DUPLICATE_KEY] = DIAG_E0005,
        [YAML_TOO_DEEP] = DIAG_E0006,      [YAML_TOO_LARGE] = DIAG_E0002,
        [YAML_BAD_ALIAS] = DIAG_E0007,     [YAML_BAD_KEY] = DIAG_E0008,
        [YAML_TWO_DOCUMENTS] = DIAG_E0009, [YAML_BAD_TAG] = DIAG_E0010,
        [YAML_NO_MEMORY] = DIAG_E0014};
    struct diags *diags = files->reader->diags;
    if (error->hint[0] != '\0') {
        diag_hint(diags, "%s", error->hint);
    }
    if (source_pos_is_set(&error->other)) {
        diag_add(diags, codes[error->problem], error->pos, "%s, first in line %u", error->message,
                 error->other.line);
    } else {
        diag_add(diags, codes[error->problem], error->pos, "%s", error->message);
    }
    return false;
}

/* The pattern as it is seen from the directory of the file that names it. */
static bool pattern_from(const struct file *file, struct str pattern, char *out, size_t bytes)
{
    struct strbuf text = strbuf_over(out, bytes);
    struct str_pair cut = str_cut_last(file->source.name, '/');
    if (cut.is_cut && pattern.at[0] != '/' && !file->is_memory) {
        for (size_t i = 0; i < cut.head.len; i++) {
            if (memchr("*?[]\\", cut.head.at[i], 5) != NULL) {
                strbuf_add_char(&text, '\\');
            }
            strbuf_add_char(&text, cut.head.at[i]);
        }
        strbuf_add_char(&text, '/');
    }
    strbuf_add(&text, pattern);
    strbuf_add_char(&text, '\0');
    return !strbuf_overflowed(&text) && memchr(pattern.at, '\0', pattern.len) == NULL;
}

/* What the same include found when the files were saved, in the same order; nothing at all is right
 * too, as with a pattern. */
static bool include_saved(struct files *files, const struct node *node, struct str pattern)
{
    const struct config_files *saved = files->reader->opts->saved;
    for (uint32_t i = 0; i < saved->count; i++) {
        if (str_eq(saved->at[i].asked, pattern)) {
            struct file *next = file_add(files, saved->at[i].name, node->pos);
            if (next == NULL || !load_file(files, next, pattern)) {
                return false;
            }
        }
    }
    return true;
}

static bool include_one(struct files *files, const struct file *file, struct node *node)
{
    struct str text;
    char pattern[PATH_LEN_MAX];
    glob_t found = {0};
    if (!conf_scalar(files->reader, node, &text)) {
        return false;
    }
    if (node->type != NODE_STRING || text.len == 0 ||
        !pattern_from(file, text, pattern, sizeof pattern)) {
        return conf_refuse(files->reader, node, DIAG_E0101, "this is not the name of a file");
    }
    if (files->reader->opts->saved != NULL) {
        return include_saved(files, node, str_from_c(pattern));
    }
    bool is_pattern = strpbrk(pattern, "*?[") != NULL;
    int result = glob(pattern, 0, NULL, &found);
    bool is_right = result == 0 || (result == GLOB_NOMATCH && is_pattern);
    if (!is_right) {
        conf_refuse(files->reader, node, DIAG_E0001, "%s does not exist or cannot be read",
                    pattern);
    }
    for (size_t i = 0; result == 0 && is_right && i < found.gl_pathc; i++) {
        struct file *next = file_add(files, str_from_c(found.gl_pathv[i]), node->pos);
        is_right = next != NULL && load_file(files, next, str_from_c(pattern));
    }
    globfree(&found);
    return is_right;
}

static bool include_all(struct files *files, const struct file *file, struct node *node)
{
    bool is_right = true;
    if (node->type != NODE_LIST) {
        return include_one(files, file, node);
    }
    for (struct node *item = node->first; item != NULL; item = item->next) {
        is_right = include_one(files, file, item) && is_right;
    }
    return is_right;
}

static struct section *section_find(struct files *files, struct str name)
{
    for (uint32_t i = 0; i < files->section_count; i++) {
        if (str_eq(files->sections[i].key->text, name)) {
            return &files->sections[i];
        }
    }
    return NULL;
}

static bool is_joined(const struct node *key)
{
    static const struct str names[] = {
        {"listeners", 9}, {"services", 8}, {"policies", 8}, {"routes", 6}, {"tests", 5}};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq(names[i], key->text)) {
            return key->value->type == NODE_MAP || key->value->type == NODE_LIST;
        }
    }
    return false;
}

/* Appends copies of the entries of `from`, whose own list may be shared by aliases. */
static bool section_append(struct files *files, struct section *section, const struct node *from)
{
    for (const struct node *entry = from->first; entry != NULL; entry = entry->next) {
        struct node *copy = ARENA_NEW(files->nodes, struct node);
        if (copy == NULL) {
            return conf_refuse(files->reader, from, DIAG_E0014, "out of memory");
        }
        *copy = *entry;
        copy->next = NULL;
        *section->tail = copy;
        section->tail = &copy->next;
        section->key->value->count++;
    }
    section->files++;
    return true;
}

static bool section_join(struct files *files, struct section *section, const struct node *from)
{
    if (section->files == 1) {
        const struct node *first = section->key->value;
        struct node *joined = ARENA_NEW(files->nodes, struct node);
        if (joined == NULL) {
            return conf_refuse(files->reader, from, DIAG_E0014, "out of memory");
        }
        *joined = *first;
        joined->first = NULL;
        joined->count = 0;
        section->key->value = joined;
        section->tail = &joined->first;
        section->files = 0;
        if (!section_append(files, section, first)) {
            return false;
        }
    }
    return section_append(files, section, from);
}

/* Adds one key of a file to the merged root. */
static bool merge_key(struct files *files, struct node *key)
{
    struct section *section = section_find(files, key->text);
    if (section == NULL && files->section_count == SECTIONS_MAX) {
        return conf_refuse(files->reader, key, DIAG_E0107, "unknown key \"%.*s\"",
                           STR_FMT(str_sub(key->text, 0, 80)));
    }
    if (section == NULL) {
        struct node **tail = &files->root->first;
        if (files->section_count > 0) {
            tail = &files->sections[files->section_count - 1].key->next;
        }
        *tail = key;
        files->root->count++;
        section = &files->sections[files->section_count++];
        *section = (struct section){.key = key, .files = 1};
        return true;
    }
    if (is_joined(key) && section->key->value->type == key->value->type) {
        return section_join(files, section, key->value);
    }
    if (str_eq(key->text, STR("version")) && str_eq(key->value->text, section->key->value->text)) {
        return true;
    }
    conf_hint(files->reader, "first in %.*s:%u", STR_FMT(section->key->pos.source->name),
              section->key->pos.line);
    return conf_refuse(files->reader, key, DIAG_E0012, "\"%.*s\" may stand in one file only",
                       STR_FMT(key->text));
}

static bool merge_file(struct files *files, struct file *file)
{
    struct yaml_conf conf = {.nodes = files->nodes,
                             .texts = files->reader->arena,
                             .depth_max = LIMIT_VALUE_config_depth,
                             .nodes_left = &files->nodes_left};
    struct yaml_error error;
    struct node *root;
    if (yaml_read(&conf, &file->source, &root, &error) != OK) {
        return report_yaml(files, &error);
    }
    if (root->type == NODE_NULL && file->source.rank > 0) {
        return true;
    }
    if (root->type != NODE_MAP) {
        conf_hint(files->reader, "the shortest one is  routes: { \"/*\": http://localhost:3000 }");
        return conf_refuse(files->reader, root, DIAG_E0101, "a configuration is a map, not %s",
                           node_type_name((enum node_type)root->type));
    }
    if (file->source.rank == 0) {
        files->root->pos = root->pos;
    }
    bool is_right = true;
    for (struct node *key = root->first, *next; key != NULL; key = next) {
        next = key->next;
        key->next = NULL;
        is_right = (str_eq(key->text, STR("include")) ? include_all(files, file, key->value)
                                                      : merge_key(files, key)) &&
                   is_right;
    }
    return is_right;
}

/* Within one file the YAML reader has seen to it; this is about names in two files. */
static bool check_names(struct files *files, const struct section *section)
{
    struct map known;
    bool is_right = true;
    if (section->files < 2 || section->key->value->type != NODE_MAP) {
        return true;
    }
    map_init(&known, files->nodes);
    for (struct node *key = section->key->value->first; key != NULL; key = key->next) {
        const struct node *first = map_find(&known, key->text);
        if (first != NULL) {
            conf_hint(files->reader, "first in %.*s:%u", STR_FMT(first->pos.source->name),
                      first->pos.line);
            is_right = conf_refuse(files->reader, key, DIAG_E0012,
                                   "\"%.*s\" in %.*s is defined in two files", STR_FMT(key->text),
                                   STR_FMT(section->key->text));
        } else if (map_add(&known, key->text, key) != OK) {
            return conf_refuse(files->reader, key, DIAG_E0014, "out of memory");
        }
    }
    return is_right;
}

struct node *conf_read_files(struct conf_reader *reader, struct str path, const struct str *text,
                             struct arena *nodes)
{
    struct files files = {.reader = reader,
                          .nodes = nodes,
                          .bytes_left = LIMIT_VALUE_config_bytes,
                          .nodes_left = LIMIT_VALUE_config_nodes};
    files.root = ARENA_NEW(nodes, struct node);
    files.at = ARENA_ARRAY(nodes, FILES_MAX, struct file *);
    if (files.root == NULL || files.at == NULL) {
        diag_add(reader->diags, DIAG_E0014, (struct source_pos){0}, "out of memory");
        return NULL;
    }
    files.root->type = NODE_MAP;
    struct file *first = file_add(&files, path, (struct source_pos){0});
    bool is_right = first != NULL;
    if (is_right && text != NULL) {
        first->is_memory = true;
        is_right = keep_text(&files, first, *text);
    } else if (is_right) {
        is_right = load_file(&files, first, path);
    }
    while (is_right && files.done < files.count) {
        is_right = merge_file(&files, files.at[files.done++]);
    }
    for (uint32_t i = 0; is_right && i < files.section_count; i++) {
        is_right = check_names(&files, &files.sections[i]);
    }
    return is_right ? files.root : NULL;
}
