/* lastgood.c - a memory file of one header and one body; see lastgood.h.
 * A body is written where the header does not point, then the header is written over in one call:
 * whoever reads sees the old one or the new one. Both carry a hash, so damage is noticed and never
 * loaded. The body is, for each file: the three lengths of struct config_file, then its texts. */
#define _GNU_SOURCE
#include "control/lastgood.h"

#include "base/hash.h"
#include "base/limits.h"
#include "text/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LASTGOOD_VERSION = 1, BODY_AT = 4096, TEXTS = 3, COUNT_MAX = 1 << 20 };

static const char magic[8] = {'S', 'l', 'u', 'i', 'c', 'e', 'L', 'G'};

struct header {
    char magic[8];
    uint32_t version, count; /* files */
    uint64_t generation;
    uint64_t at, bytes; /* of the body */
    uint64_t body_hash;
    uint64_t hash; /* of all above */
};
static_assert(sizeof(struct header) == 56, "the header has no holes");

/* Texts in the order of the body. */
static struct str *text_at(struct config_file *file, int which)
{
    struct str *const texts[TEXTS] = {&file->asked, &file->name, &file->text};
    return texts[which];
}

static uint64_t header_hash(const struct header *header)
{
    return hash_stable(str_of((const char *)header, offsetof(struct header, hash)),
                       LASTGOOD_VERSION);
}

int lastgood_create(void)
{
    return memfd_create("sluice-configuration", MFD_CLOEXEC);
}

/* Only memory files have seals to tell of. */
static bool is_memory_file(int fd)
{
    return fcntl(fd, F_GET_SEALS) >= 0;
}

void lastgood_open(struct lastgood *lastgood, const char *env)
{
    const char *text = getenv(env);
    uint64_t fd = 0;
    bool is_number = text != NULL && str_to_u64(str_from_c(text), &fd) && fd <= INT32_MAX;
    (void)unsetenv(env);
    lastgood->fd = -1;
    if (is_number && is_memory_file((int)fd)) {
        (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
        lastgood->fd = (int)fd;
    }
}

void lastgood_close(struct lastgood *lastgood)
{
    if (lastgood->fd >= 0) {
        (void)close(lastgood->fd);
        lastgood->fd = -1;
    }
}

static enum err write_at(int fd, struct str bytes, uint64_t at)
{
    while (bytes.len > 0) {
        ssize_t put = pwrite(fd, bytes.at, bytes.len, (off_t)at);
        if (put < 0 && errno != EINTR) {
            return errno == ENOSPC || errno == ENOMEM ? ERR_MEMORY : ERR_IO;
        }
        if (put > 0) {
            bytes = str_skip(bytes, (size_t)put);
            at += (uint64_t)put;
        }
    }
    return OK;
}

static enum err read_at(int fd, char *bytes, size_t len, uint64_t at)
{
    for (size_t done = 0; done < len;) {
        ssize_t got = pread(fd, bytes + done, len - done, (off_t)(at + done));
        if (got == 0) {
            return ERR_SYNTAX;
        }
        if (got < 0 && errno != EINTR) {
            return ERR_IO;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return OK;
}

static enum err header_read(int fd, struct header *header)
{
    struct stat info;
    if (fd < 0) {
        return ERR_NOT_FOUND;
    }
    if (fstat(fd, &info) != 0) {
        return ERR_IO;
    }
    if (info.st_size == 0) {
        return ERR_NOT_FOUND;
    }
    TRY(read_at(fd, (char *)header, sizeof *header, 0));
    bool is_right = memcmp(header->magic, magic, sizeof magic) == 0 &&
                    header->version == LASTGOOD_VERSION && header->hash == header_hash(header);
    return is_right ? OK : ERR_SYNTAX;
}

static enum err body_make(struct arena *arena, const struct config_files *files, struct str *out)
{
    struct sink sink;
    sink_to_memory(&sink, arena);
    for (uint32_t i = 0; i < files->count; i++) {
        struct config_file file = files->at[i];
        for (int which = 0; which < TEXTS; which++) {
            uint64_t len = text_at(&file, which)->len;
            sink_add(&sink, str_of((const char *)&len, sizeof len));
        }
        for (int which = 0; which < TEXTS; which++) {
            sink_add(&sink, *text_at(&file, which));
        }
    }
    *out = sink_str(&sink);
    return sink.has_failed ? ERR_MEMORY : OK;
}

/* Where a body of that size does not touch the one in use. */
static uint64_t place_for(const struct header *used, bool is_used, uint64_t bytes)
{
    bool fits_before = is_used && used->at >= BODY_AT && used->at - BODY_AT >= bytes;
    return !is_used || fits_before ? BODY_AT : used->at + used->bytes;
}

/* Memory of the body before, page by page; when the kernel does not take it, nothing is lost. */
static void give_back(int fd, const struct header *header)
{
    uint64_t hole_end = header->at & ~(uint64_t)(BODY_AT - 1);
    bool is_cut = ftruncate(fd, (off_t)(header->at + header->bytes)) == 0;
    if (is_cut && hole_end > BODY_AT) {
        (void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, BODY_AT,
                        (off_t)(hole_end - BODY_AT));
    }
}

static enum err save(int fd, const struct config_files *files, uint64_t generation,
                     struct arena *arena)
{
    struct header used, next = {.version = LASTGOOD_VERSION,
                                .count = files->count,
                                .generation = generation};
    struct str body;
    enum err e = header_read(fd, &used);
    if (e != OK && e != ERR_NOT_FOUND && e != ERR_SYNTAX) {
        return e;
    }
    TRY(body_make(arena, files, &body));
    memcpy(next.magic, magic, sizeof magic);
    next.at = place_for(&used, e == OK, body.len);
    next.bytes = body.len;
    next.body_hash = hash_stable(body, generation);
    next.hash = header_hash(&next);
    TRY(write_at(fd, body, next.at));
    TRY(write_at(fd, str_of((const char *)&next, sizeof next), 0));
    give_back(fd, &next);
    return OK;
}

enum err lastgood_save(const struct lastgood *lastgood, const struct config_files *files,
                       uint64_t generation)
{
    struct arena arena;
    if (lastgood->fd < 0) {
        return ERR_NOT_FOUND;
    }
    if (files->count > COUNT_MAX) {
        return ERR_LIMIT;
    }
    arena_init_heap(&arena, LIMIT_VALUE(config_memory_bytes));
    enum err e = save(lastgood->fd, files, generation, &arena);
    arena_reset(&arena);
    return e;
}

/* Takes one file off the front of *body. */
static enum err take_file(struct str *body, struct config_file *out)
{
    uint64_t lens[TEXTS];
    if (body->len < sizeof lens) {
        return ERR_SYNTAX;
    }
    memcpy(lens, body->at, sizeof lens);
    *body = str_skip(*body, sizeof lens);
    for (int which = 0; which < TEXTS; which++) {
        if (lens[which] > body->len) {
            return ERR_SYNTAX;
        }
        *text_at(out, which) = str_sub(*body, 0, (size_t)lens[which]);
        *body = str_skip(*body, (size_t)lens[which]);
    }
    return OK;
}

enum err lastgood_load(const struct lastgood *lastgood, struct arena *arena,
                       struct config_files *files, uint64_t *generation)
{
    struct header header;
    struct stat info;
    *files = (struct config_files){0};
    TRY(header_read(lastgood->fd, &header));
    if (fstat(lastgood->fd, &info) != 0) {
        return ERR_IO;
    }
    uint64_t size = (uint64_t)info.st_size;
    if (header.at > size || header.bytes > size - header.at || header.count > COUNT_MAX) {
        return ERR_SYNTAX;
    }
    char *bytes = arena_alloc(arena, (size_t)header.bytes);
    struct config_file *at = ARENA_ARRAY(arena, header.count, struct config_file);
    if (bytes == NULL || at == NULL) {
        return ERR_MEMORY;
    }
    TRY(read_at(lastgood->fd, bytes, (size_t)header.bytes, header.at));
    struct str body = str_of(bytes, (size_t)header.bytes);
    if (hash_stable(body, header.generation) != header.body_hash) {
        return ERR_SYNTAX;
    }
    for (uint32_t i = 0; i < header.count; i++) {
        TRY(take_file(&body, &at[i]));
    }
    *files = (struct config_files){at, header.count};
    *generation = header.generation;
    return body.len == 0 ? OK : ERR_SYNTAX;
}
