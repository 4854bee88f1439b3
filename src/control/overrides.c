/* overrides.c - what operators have said about instances: kept, applied, ended; see overrides.h.
 * JSON stands in override_json.c. */
#include "control/overrides.h"

#include "base/heap.h"
#include "base/limits.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEXT_BYTES_MAX = 16384, KEPT_BYTES_MAX = 32 << 20, PATH_BYTES = 4096 };

static const char kept_name[] = "overrides.json";

static bool is_about(const struct override_ask *says, const struct origin *origin)
{
    const struct cluster *cluster = origin->cluster;
    return str_eq(says->instance, origin->endpoint.name) &&
           str_eq(says->service, cluster->service->name) &&
           (!says->has_version || str_eq(says->version, cluster->name));
}

static bool is_same(const struct override_ask *a, const struct override_ask *b)
{
    return str_eq(a->instance, b->instance) && str_eq(a->service, b->service) &&
           a->has_version == b->has_version && str_eq(a->version, b->version);
}

const struct override *overrides_find(const struct overrides *overrides,
                                      const struct origin *origin)
{
    const struct override *found = NULL;
    LIST_EACH(node, &overrides->all) {
        const struct override *override = CONTAINER_OF(node, struct override, node);
        bool is_nearer = found == NULL || override->says.has_version;
        found = is_about(&override->says, origin) && is_nearer ? override : found;
    }
    return found;
}

static struct instance_order order_of(const struct override *override, struct strbuf *room)
{
    const struct override_ask *says = &override->says;
    struct instance_order order = {.has_weight = says->has_weight, .weight = says->weight};
    if (says->verb == OVERRIDE_MAINT || (says->verb == OVERRIDE_DRAIN && override->is_keep_over)) {
        order.admin = INSTANCE_ADMIN_MAINT;
    } else if (says->verb == OVERRIDE_DRAIN) {
        order.admin = INSTANCE_ADMIN_DRAIN;
    }
    strbuf_add(room, says->owner);
    strbuf_add_c(room, says->owner.len > 0 && says->reason.len > 0 ? ": " : "");
    strbuf_add(room, says->reason);
    strbuf_add_c(room, room->len == 0 ? "no reason was given" : "");
    order.reason = strbuf_str(room);
    return order;
}

static void apply_one(void *context, struct origin *origin)
{
    struct overrides *overrides = context;
    char text[INSTANCE_REASON_BYTES];
    struct strbuf room = strbuf_over(text, sizeof text);
    const struct override *override = overrides_find(overrides, origin);
    struct instance_order order = {.reason = STR("as the file says")};
    if (override != NULL) {
        order = order_of(override, &room);
    }
    const struct instance *instance = &origin->instance;
    bool is_news = instance->admin != order.admin ||
                   instance->has_admin_weight != order.has_weight ||
                   (order.has_weight && instance->admin_weight != order.weight);
    if (is_news) {
        instance_set_admin(origin, &order);
    }
    if (is_news && order.admin == INSTANCE_ADMIN_MAINT &&
        roster_purge(overrides->roster, origin) != OK) {
        log_line(LOG_WARN, "control", "no memory to close idle connections of %.*s now",
                 STR_FMT(origin->endpoint.name));
    }
}

struct counting {
    const struct override_ask *says;
    uint32_t count;
};

static void count_one(void *context, struct origin *origin)
{
    struct counting *counting = context;
    counting->count += origin->instance.is_listed && is_about(counting->says, origin);
}

uint32_t overrides_count(const struct overrides *overrides, const struct override_ask *says)
{
    struct counting counting = {.says = says};
    roster_each(overrides->roster, count_one, &counting);
    return counting.count;
}

void overrides_apply(struct overrides *overrides)
{
    if (overrides->count > 0) {
        roster_each(overrides->roster, apply_one, overrides);
    }
}

/* All of it as one text, a line each. */
static enum err write_all(const struct overrides *overrides, struct arena *arena, struct str *out)
{
    struct sink sink;
    sink_to_memory(&sink, arena);
    LIST_EACH(node, &overrides->all) {
        override_write(CONTAINER_OF(node, struct override, node), &sink);
        sink_add(&sink, STR("\n"));
    }
    *out = sink_str(&sink);
    return sink.has_failed ? ERR_MEMORY : OK;
}

static bool make_path(const struct overrides *overrides, const char *end, char *room)
{
    struct strbuf path = strbuf_over(room, PATH_BYTES - 1);
    strbuf_add(&path, overrides->dir);
    strbuf_add_c(&path, "/");
    strbuf_add_c(&path, kept_name);
    strbuf_add_c(&path, end);
    room[path.len] = '\0';
    return !strbuf_overflowed(&path);
}

static bool write_file(const char *path, struct str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_good = fd >= 0;
    while (is_good && text.len > 0) {
        ssize_t put = write(fd, text.at, text.len);
        is_good = put > 0 || (put < 0 && errno == EINTR);
        text = str_skip(text, put > 0 ? (size_t)put : 0);
    }
    is_good = is_good && fsync(fd) == 0;
    return fd >= 0 && close(fd) == 0 && is_good;
}

/* The old text stays whole until the new one is on the disk. */
static void save_to_disk(const struct overrides *overrides, struct str text)
{
    char path[PATH_BYTES], fresh[PATH_BYTES];
    bool is_good = make_path(overrides, "", path) && make_path(overrides, ".new", fresh) &&
                   write_file(fresh, text) && rename(fresh, path) == 0;
    if (!is_good) {
        log_line(LOG_ERROR, "control", "overrides cannot be written to %.*s: %s",
                 STR_FMT(overrides->dir), strerror(errno));
    }
}

static void save(struct overrides *overrides)
{
    struct arena arena;
    struct str text;
    arena_init_heap(&arena, KEPT_BYTES_MAX);
    enum err e = write_all(overrides, &arena, &text);
    if (e == OK) {
        const struct config_file file = {.name = STR("overrides"), .text = text};
        e = lastgood_save(&overrides->memory, &(struct config_files){&file, 1}, 0);
        e = e == ERR_NOT_FOUND ? OK : e;
    }
    if (e == OK && overrides->dir.len > 0) {
        save_to_disk(overrides, text);
    }
    if (e != OK) {
        log_line(LOG_WARN, "control", "overrides would not survive a crash: %s", err_text(e));
    }
    arena_reset(&arena);
}

static void forget(struct overrides *overrides, struct override *override)
{
    list_remove(&override->node);
    arena_reset(&override->arena);
    heap_free(override);
    overrides->count--;
}

/* A copy with texts of its own. */
static enum err keep(struct override *override, const struct override_ask *ask)
{
    struct override_ask says = *ask;
    struct arena arena;
    arena_init_heap(&arena, TEXT_BYTES_MAX);
    enum err e = arena_keep(&arena, ask->service, &says.service);
    e = e == OK ? arena_keep(&arena, ask->version, &says.version) : e;
    e = e == OK ? arena_keep(&arena, ask->instance, &says.instance) : e;
    e = e == OK ? arena_keep(&arena, ask->owner, &says.owner) : e;
    e = e == OK ? arena_keep(&arena, ask->reason, &says.reason) : e;
    if (e != OK) {
        arena_reset(&arena);
        return e;
    }
    arena_reset(&override->arena);
    override->arena = arena;
    override->says = says;
    override->is_keep_over = false;
    return OK;
}

static struct override *find_same(const struct overrides *overrides,
                                  const struct override_ask *ask)
{
    LIST_EACH(node, &overrides->all) {
        struct override *override = CONTAINER_OF(node, struct override, node);
        if (is_same(&override->says, ask)) {
            return override;
        }
    }
    return NULL;
}

/* What is said after `ask`: a new weight leaves the state, a new state leaves the weight. */
static struct override_ask merge(const struct override *before, const struct override_ask *ask)
{
    struct override_ask says = *ask;
    if (before != NULL && !ask->has_weight) {
        says.has_weight = before->says.has_weight;
        says.weight = before->says.weight;
    }
    if (before != NULL && ask->verb == OVERRIDE_NONE) {
        says.verb = before->says.verb;
        says.keep_until_us = before->says.keep_until_us;
    }
    if (says.verb == OVERRIDE_READY) {
        says.verb = OVERRIDE_NONE;
    }
    return says;
}

static enum err put(struct overrides *overrides, struct override *before,
                    const struct override_ask *says)
{
    if (before != NULL) {
        return keep(before, says);
    }
    if (overrides->count >= LIMIT_VALUE(overrides)) {
        return ERR_LIMIT;
    }
    struct override *override = heap_new(sizeof *override);
    enum err e = override == NULL ? ERR_MEMORY : keep(override, says);
    if (e != OK) {
        heap_free(override);
        return e;
    }
    list_push_back(&overrides->all, &override->node);
    overrides->count++;
    return OK;
}

static void log_change(const struct override_ask *ask, const char *what)
{
    log_line(LOG_INFO, "control", "override: %.*s/%.*s: %s%s%.*s%s%.*s", STR_FMT(ask->service),
             STR_FMT(ask->instance), what, ask->owner.len > 0 ? ", by " : "", STR_FMT(ask->owner),
             ask->reason.len > 0 ? ": " : "", STR_FMT(ask->reason));
}

/* What has ended is forgotten; the timer is set to what ends next. */
static bool end_some(struct overrides *overrides)
{
    int64_t now_us = overrides->loop->wall_us, next_us = INT64_MAX;
    bool has_changed = false;
    LIST_EACH_SAFE(node, &overrides->all) {
        struct override *override = CONTAINER_OF(node, struct override, node);
        const struct override_ask *says = &override->says;
        if (says->until_us != 0 && says->until_us <= now_us) {
            log_change(says, "its time is over");
            forget(overrides, override);
            has_changed = true;
            continue;
        }
        if (says->keep_until_us != 0 && says->keep_until_us <= now_us && !override->is_keep_over) {
            override->is_keep_over = true;
            has_changed = true;
        }
        int64_t keep_us = says->keep_until_us != 0 && !override->is_keep_over ? says->keep_until_us
                                                                             : INT64_MAX;
        int64_t until_us = says->until_us != 0 ? says->until_us : INT64_MAX;
        next_us = keep_us < next_us ? keep_us : next_us;
        next_us = until_us < next_us ? until_us : next_us;
    }
    if (next_us != INT64_MAX) {
        timer_set(overrides->loop, &overrides->timer,
                  overrides->loop->now_ms + (next_us - now_us) / 1000 + 1);
    }
    return has_changed;
}

/* Instances hear of it, and it is kept. */
static void take_effect(struct overrides *overrides)
{
    (void)end_some(overrides);
    if (overrides->count > 0) {
        overrides_apply(overrides);
    } else {
        roster_each(overrides->roster, apply_one, overrides);
    }
    if (overrides->roster->updates != NULL) {
        overrides->roster->on_change(overrides->roster);
    }
    save(overrides);
}

static void on_timer(struct loop *loop, struct timer *timer)
{
    struct overrides *overrides = CONTAINER_OF(timer, struct overrides, timer);
    (void)loop;
    if (end_some(overrides)) {
        take_effect(overrides);
    }
}

enum err overrides_change(struct overrides *overrides, const struct override_ask *ask)
{
    struct override *before = find_same(overrides, ask);
    if (before == NULL && overrides_count(overrides, ask) == 0) {
        return ERR_NOT_FOUND;
    }
    struct override_ask says = merge(before, ask);
    bool is_nothing =
        says.verb == OVERRIDE_CLEAR || (says.verb == OVERRIDE_NONE && !says.has_weight);
    log_change(ask, ask->verb != OVERRIDE_NONE ? override_verb_text(ask) : "weight");
    if (!is_nothing) {
        TRY(put(overrides, before, &says));
    } else if (before != NULL) {
        forget(overrides, before);
    }
    take_effect(overrides);
    return OK;
}

/* Lines as write_all made them. */
static void read_all(struct overrides *overrides, struct str text)
{
    while (text.len > 0) {
        struct str_pair cut = str_cut(text, '\n');
        struct override_ask ask;
        struct str fault;
        struct arena arena;
        arena_init_heap(&arena, TEXT_BYTES_MAX * 4);
        enum err e = override_read(cut.head, &arena, overrides->loop->wall_us, &ask, &fault);
        e = e == OK ? put(overrides, find_same(overrides, &ask), &ask) : e;
        if (e != OK) {
            log_line(LOG_ERROR, "control", "an override that was kept cannot be used: %s",
                     err_text(e));
        }
        arena_reset(&arena);
        text = cut.tail;
    }
}

static enum err read_disk(const struct overrides *overrides, struct arena *arena, struct str *out)
{
    char path[PATH_BYTES];
    char *room = arena_alloc(arena, KEPT_BYTES_MAX / 2);
    size_t len = 0;
    if (room == NULL || !make_path(overrides, "", path)) {
        return ERR_MEMORY;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    }
    ssize_t got = 1;
    while (got > 0 && len < KEPT_BYTES_MAX / 2) {
        got = read(fd, room + len, KEPT_BYTES_MAX / 2 - len);
        len += got > 0 ? (size_t)got : 0;
    }
    (void)close(fd);
    *out = str_of(room, len);
    return got < 0 ? ERR_IO : OK;
}

void overrides_load(struct overrides *overrides, struct str dir)
{
    struct arena arena;
    struct config_files files = {0};
    uint64_t ignored;
    struct str text = {0};
    arena_init_heap(&arena, KEPT_BYTES_MAX);
    arena_init_heap(&overrides->arena, PATH_BYTES);
    enum err e = arena_keep(&overrides->arena, dir, &overrides->dir);
    if (e == OK) {
        e = lastgood_load(&overrides->memory, &arena, &files, &ignored);
    }
    if (e == OK && files.count == 1) {
        text = files.at[0].text;
    } else if (e == ERR_NOT_FOUND && dir.len > 0) {
        e = read_disk(overrides, &arena, &text);
    }
    if (e != OK && e != ERR_NOT_FOUND) {
        log_line(LOG_ERROR, "control", "the overrides that were kept cannot be read: %s",
                 err_text(e));
    }
    read_all(overrides, text);
    arena_reset(&arena);
    if (overrides->count > 0) {
        take_effect(overrides);
        log_line(LOG_INFO, "control", "%u overrides go on", overrides->count);
    }
}

void overrides_init(struct overrides *overrides, struct roster *roster)
{
    struct lastgood memory = overrides->memory;
    *overrides = (struct overrides){.loop = roster->loop, .roster = roster, .memory = memory};
    overrides->timer.fire = on_timer;
    list_init(&overrides->all);
}

void overrides_drop(struct overrides *overrides)
{
    if (overrides->loop == NULL) {
        return; /* all zero: it was never made */
    }
    timer_stop(&overrides->timer);
    LIST_EACH_SAFE(node, &overrides->all) {
        forget(overrides, CONTAINER_OF(node, struct override, node));
    }
    arena_reset(&overrides->arena);
}
