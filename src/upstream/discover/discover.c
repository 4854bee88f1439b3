/* discover.c - what every source of instances has in common; see discover.h. */
#include "upstream/discover/discover.h"

#include "base/check.h"
#include "base/heap.h"
#include "base/log.h"
#include "config/target_list.h"

#include <stdarg.h>
#include <stdio.h>

enum { LIST_BYTES_MAX = 16 << 20, SOURCE_BYTES_MAX = 1 << 20, LIST_FIRST = 16, RETRY_MS_MIN = 500 };

static const struct discover_type *const types[] = {
    [CONF_DISCOVER_SRV] = &discover_srv,   [CONF_DISCOVER_FILE] = &discover_file,
    [CONF_DISCOVER_HTTP] = &discover_http, [CONF_DISCOVER_CONSUL] = &discover_consul,
    [CONF_DISCOVER_ETCD] = &discover_etcd,
};

const char *discover_state_text(enum discover_state state)
{
    static const char *const texts[] = {[DISCOVER_NEW] = "new",
                                        [DISCOVER_OK] = "ok",
                                        [DISCOVER_EMPTY] = "empty",
                                        [DISCOVER_FAILED] = "failed"};
    return texts[state];
}

void discover_list_init(struct discover_list *list)
{
    *list = (struct discover_list){0};
    arena_init_heap(&list->arena, LIST_BYTES_MAX);
}

void discover_list_drop(struct discover_list *list)
{
    if (list->arena.limit_bytes > 0) {
        arena_reset(&list->arena);
    }
    *list = (struct discover_list){0};
}

static enum err make_room(struct discover_list *list)
{
    if (list->count < list->cap) {
        return OK;
    }
    uint32_t cap = list->cap == 0 ? LIST_FIRST : list->cap * 2;
    struct roster_target *larger = ARENA_ARRAY(&list->arena, cap, struct roster_target);
    if (larger == NULL) {
        return ERR_MEMORY;
    }
    if (list->count > 0) {
        memcpy(larger, list->targets, list->count * sizeof *larger);
    }
    list->targets = larger;
    list->cap = cap;
    return OK;
}

enum err discover_list_add(struct discover_list *list, const struct roster_target *target)
{
    struct roster_target kept;
    if (list->count == LIMIT_VALUE(discovery_targets)) {
        return ERR_RANGE;
    }
    TRY(make_room(list));
    TRY(roster_target_keep(&list->arena, target, &kept));
    list->targets[list->count++] = kept;
    return OK;
}

void discover_list_leave_out(struct discover_list *list, const char *format, ...)
{
    va_list args;
    if (list->left_out_count++ == 0) {
        va_start(args, format);
        (void)vsnprintf(list->why, sizeof list->why, format, args);
        va_end(args);
    }
}

/* The first diagnostic, on one line. */
static void say_diag(const struct diags *diags, char why[DISCOVER_WHY_BYTES])
{
    const struct diag *diag = &diags->errors.at[0];
    if (diags->errors.kept == 0) {
        (void)snprintf(why, DISCOVER_WHY_BYTES, "no memory for the list");
        return;
    }
    (void)snprintf(why, DISCOVER_WHY_BYTES, "%.*s:%u:%u: %.*s", STR_FMT(diag->file), diag->line,
                   diag->column, STR_FMT(diag->message));
}

enum err discover_list_read(struct discover_list *list, const char *name, struct str text,
                            char why[DISCOVER_WHY_BYTES])
{
    struct diags diags;
    struct conf_targets targets;
    diags_init(&diags);
    enum err e = config_read_targets(&list->arena, name, text, &diags, &targets);
    if (e != OK) {
        say_diag(&diags, why);
    }
    diags_drop(&diags);
    for (uint32_t i = 0; e == OK && i < targets.count; i++) {
        struct roster_target target = roster_target_from(&targets.at[i]);
        e = discover_list_add(list, &target);
        if (e != OK) {
            (void)snprintf(why, DISCOVER_WHY_BYTES, "%s", err_text(e));
        }
    }
    return e;
}

static bool is_same_list(const struct discover_list *left, const struct discover_list *right)
{
    bool is_same = left->count == right->count;
    for (uint32_t i = 0; is_same && i < left->count; i++) {
        is_same = roster_target_is_same(&left->targets[i], &right->targets[i]);
    }
    return is_same;
}

static void set_state(struct discover *source, enum discover_state state)
{
    enum discover_state before = source->state;
    source->state = state;
    if (state == before) {
        return;
    }
    struct str from = source->conf.from;
    switch (state) {
    case DISCOVER_OK:
        log_line(LOG_INFO, "upstream", "%.*s lists %u instances", STR_FMT(from),
                 source->list.count);
        break;
    case DISCOVER_EMPTY:
        log_line(LOG_WARN, "upstream", "%.*s lists no instance; %u known ones stay in use",
                 STR_FMT(from), source->list.count);
        break;
    case DISCOVER_FAILED:
        log_line(LOG_WARN, "upstream", "%.*s: %s; %u known instances stay in use", STR_FMT(from),
                 source->why, source->list.count);
        break;
    case DISCOVER_NEW: break;
    }
}

static void note_left_out(struct discover *source, const struct discover_list *list)
{
    if (list->left_out_count != source->left_out_count && list->left_out_count > 0) {
        log_line(LOG_WARN, "upstream", "%.*s: %u entries are no instances, the first: %s",
                 STR_FMT(source->conf.from), list->left_out_count, list->why);
    }
    source->left_out_count = list->left_out_count;
}

void discover_answered(struct discover *source, struct discover_list *list)
{
    if (list->count == 0 && list->left_out_count > 0) {
        char why[DISCOVER_WHY_BYTES];
        memcpy(why, list->why, sizeof why);
        discover_list_drop(list);
        discover_failed(source, "%s", why);
        return;
    }
    note_left_out(source, list);
    bool is_kept = list->count == 0 && source->conf.empty == CONF_EMPTY_KEEP;
    bool is_first = source->answers_total == 0;
    source->answers_total++;
    source->failures = 0;
    source->answered_at_ms = source->env.loop->now_ms;
    if (is_kept || (is_same_list(&source->list, list) && !is_first)) {
        discover_list_drop(list);
        set_state(source, is_kept ? DISCOVER_EMPTY : DISCOVER_OK);
        return;
    }
    discover_list_drop(&source->list);
    source->list = *list;
    *list = (struct discover_list){0};
    source->changes_total++;
    set_state(source, DISCOVER_OK);
    source->on_change(source);
}

/* Doubles from RETRY_MS_MIN to what `every` says. */
static int64_t retry_ms(const struct discover *source)
{
    int64_t ms = RETRY_MS_MIN;
    for (uint32_t i = 1; i < source->failures && ms < source->conf.every_ms; i++) {
        ms *= 2;
    }
    return ms < source->conf.every_ms ? ms : source->conf.every_ms;
}

void discover_failed(struct discover *source, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(source->why, sizeof source->why, format, args);
    va_end(args);
    source->failures++;
    source->failures_total++;
    set_state(source, DISCOVER_FAILED);
    discover_again(source, retry_ms(source));
}

void discover_again(struct discover *source, int64_t after_ms)
{
    timer_set(source->env.loop, &source->timer, source->env.loop->now_ms + after_ms);
}

char *discover_text(struct discover *source, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_alloc(&source->arena, (size_t)len + 1);
    if (text != NULL) {
        va_start(args, format);
        (void)vsnprintf(text, (size_t)len + 1, format, args);
        va_end(args);
    }
    return text;
}

static void on_timer(struct loop *loop, struct timer *timer)
{
    struct discover *source = CONTAINER_OF(timer, struct discover, timer);
    (void)loop;
    source->type->again(source);
}

bool discover_is_same(const struct discover *source, const struct conf_discover *conf)
{
    const struct conf_discover *own = &source->conf;
    return str_eq(own->from, conf->from) && own->every_ms == conf->every_ms &&
           own->empty == conf->empty && str_eq(own->token, conf->token) &&
           str_eq(own->tag, conf->tag) && str_eq(own->datacenter, conf->datacenter);
}

static enum err keep_conf(struct discover *source, const struct conf_discover *conf)
{
    struct str *texts[] = {&source->conf.from,  &source->conf.url, &source->conf.key,
                           &source->conf.token, &source->conf.tag, &source->conf.datacenter};
    source->conf = *conf;
    source->conf.pos = (struct source_pos){0};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        TRY(arena_keep(&source->arena, *texts[i], texts[i]));
    }
    return OK;
}

struct discover *discover_open(const struct discover_env *env, const struct conf_discover *conf,
                               void (*on_change)(struct discover *source), void *owner)
{
    CHECK(conf->kind != CONF_DISCOVER_NONE && conf->kind < COUNT_OF(types));
    struct discover *source = heap_new(sizeof *source);
    if (source == NULL) {
        return NULL;
    }
    source->type = types[conf->kind];
    source->env = *env;
    source->timer.fire = on_timer;
    source->on_change = on_change;
    source->owner = owner;
    arena_init_heap(&source->arena, SOURCE_BYTES_MAX);
    source->impl = heap_new(source->type->bytes);
    if (source->impl == NULL || keep_conf(source, conf) != OK ||
        source->type->start(source) != OK) {
        discover_close(source);
        return NULL;
    }
    return source;
}

void discover_close(struct discover *source)
{
    if (source == NULL) {
        return;
    }
    if (source->impl != NULL) {
        source->type->stop(source);
    }
    timer_stop(&source->timer);
    discover_list_drop(&source->list);
    arena_reset(&source->arena);
    heap_free(source->impl);
    heap_free(source);
}
