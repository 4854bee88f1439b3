/* file.c - instances listed in a file that another program writes. It is looked at twice a second,
 * by its identity, size and time of change: that sees a file replaced by renaming, and links that
 * are switched, on every file system. What was half written is malformed or short-lived: a list is
 * taken only when it reads well and the file has not changed while it was read. */
#include "upstream/discover/discover.h"

#include "base/clock.h"
#include "base/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 500 };

struct file_stamp {
    uint64_t device, inode;
    int64_t bytes, changed_ns, written_ns;
};

struct file_source {
    char *path;
    struct file_stamp stamp; /* of what was read last */
    bool has_stamp;
};

static struct file_stamp stamp_of(const struct stat *status)
{
    return (struct file_stamp){
        .device = (uint64_t)status->st_dev,
        .inode = (uint64_t)status->st_ino,
        .bytes = status->st_size,
        .changed_ns = status->st_ctim.tv_sec * NS_PER_SEC + status->st_ctim.tv_nsec,
        .written_ns = status->st_mtim.tv_sec * NS_PER_SEC + status->st_mtim.tv_nsec};
}

static bool is_same_stamp(const struct file_stamp *left, const struct file_stamp *right)
{
    return left->device == right->device && left->inode == right->inode &&
           left->bytes == right->bytes && left->changed_ns == right->changed_ns &&
           left->written_ns == right->written_ns;
}

/* All of an open file; *out is the caller's. ERR_RANGE: it is too long. */
static enum err read_all(int fd, int64_t bytes, char **out, size_t *len)
{
    *out = NULL;
    *len = 0;
    if (bytes > LIMIT_VALUE(discovery_bytes)) {
        return ERR_RANGE;
    }
    size_t cap = (size_t)bytes + 1;
    char *at = heap_new(cap);
    ssize_t got = at == NULL ? -1 : 1;
    while (got > 0 && *len < cap) {
        got = read(fd, at + *len, cap - *len);
        *len += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        heap_free(at);
        return at == NULL ? ERR_MEMORY : ERR_IO;
    }
    *out = at;
    return OK;
}

static void take(struct discover *source, const char *path, struct str text)
{
    char why[DISCOVER_WHY_BYTES];
    struct discover_list list;
    discover_list_init(&list);
    if (discover_list_read(&list, path, text, why) != OK) {
        discover_list_drop(&list);
        discover_failed(source, "%s", why);
        return;
    }
    discover_answered(source, &list);
}

static void read_open(struct discover *source, int fd)
{
    struct file_source *impl = source->impl;
    struct stat before, after;
    char *bytes = NULL;
    size_t len = 0;
    if (fstat(fd, &before) != 0 || !S_ISREG(before.st_mode)) {
        discover_failed(source, "%s is not a file", impl->path);
        return;
    }
    struct file_stamp stamp = stamp_of(&before);
    if (impl->has_stamp && is_same_stamp(&stamp, &impl->stamp)) {
        return;
    }
    enum err e = read_all(fd, before.st_size, &bytes, &len);
    if (e == OK && fstat(fd, &after) == 0) {
        struct file_stamp now = stamp_of(&after);
        if (!is_same_stamp(&stamp, &now)) {
            heap_free(bytes); /* it is being written: the next look takes it */
            return;
        }
    }
    impl->stamp = stamp;
    impl->has_stamp = true;
    if (e == OK) {
        take(source, impl->path, str_of(bytes, len));
    } else {
        discover_failed(source, "%s: %s", impl->path,
                        e == ERR_RANGE ? "the list is longer than allowed" : err_text(e));
    }
    heap_free(bytes);
}

static void look(struct discover *source)
{
    struct file_source *impl = source->impl;
    int fd = open(impl->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        impl->has_stamp = false;
        discover_failed(source, "%s: %s", impl->path, strerror(errno));
    } else {
        read_open(source, fd);
        close(fd);
    }
    discover_again(source, LOOK_MS);
}

static enum err start(struct discover *source)
{
    struct file_source *impl = source->impl;
    impl->path = discover_text(source, "%.*s", STR_FMT(source->conf.url));
    if (impl->path == NULL) {
        return ERR_MEMORY;
    }
    discover_again(source, 0);
    return OK;
}

static void stop(struct discover *source)
{
    (void)source;
}

const struct discover_type discover_file = {.name = "file",
                                            .bytes = sizeof(struct file_source),
                                            .start = start,
                                            .stop = stop,
                                            .again = look};
