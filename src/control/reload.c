/* reload.c - the file is read again; see reload.h. The way to the cores stands in publish.c. */
#include "control/reload.h"

#include "base/limits.h"
#include "base/log.h"
#include "control/process_inner.h"
#include "text/sink.h"

#include <stdio.h>

static struct config *read_with(const char *path, const struct config_files *saved,
                                struct diags *diags)
{
    struct config_opts opts = process_config_opts();
    struct config *config = NULL;
    struct sink sink;
    opts.saved = saved;
    enum err e = config_load(path, &opts, diags, &config);
    sink_to_file(&sink, stderr);
    diags_write(diags, &sink);
    (void)fflush(stderr);
    return e == OK ? config : NULL;
}

struct config *reload_read(const char *path, struct diags *diags)
{
    return read_with(path, NULL, diags);
}

struct config *reload_read_saved(const char *path, const struct lastgood *lastgood,
                                 uint64_t *then)
{
    struct arena arena;
    struct config_files files;
    struct config *config = NULL;
    arena_init_heap(&arena, LIMIT_VALUE(config_memory_bytes));
    enum err e = lastgood_load(lastgood, &arena, &files, then);
    if (e == OK) {
        struct diags diags;
        diags_init(&diags);
        config = read_with(path, &files, &diags);
        diags_drop(&diags);
    } else if (e != ERR_NOT_FOUND) {
        log_line(LOG_ERROR, "control", "the last good configuration cannot be read: %s",
                 err_text(e));
    }
    arena_reset(&arena);
    return config;
}

static enum reload_result read_and_publish(struct process *process, struct diags *diags,
                                           enum err *why)
{
    *why = ERR_CONFIG;
    struct config *config = reload_read(process->path, diags);
    if (config == NULL) {
        return RELOAD_WRONG;
    }
    if (config_hash(config) == process->current->hash) {
        config_free(config);
        return RELOAD_SAME;
    }
    *why = publish_config(process, config);
    return *why == OK ? RELOAD_USED : RELOAD_REFUSED;
}

enum reload_result reload_run(struct process *process, struct diags *diags, enum err *why)
{
    struct stats_block *block = process->stats_block;
    unsigned long before = process->generation;
    if (process->is_draining) {
        *why = ERR_DRAINING;
        return RELOAD_DRAINING;
    }
    enum reload_result result = read_and_publish(process, diags, why);
    bool is_good = result == RELOAD_USED || result == RELOAD_SAME;
    stats_add(block, is_good ? CELL_reloads : CELL_reload_failures, 1);
    stats_set(block, CELL_reload_is_successful, is_good);
    if (result == RELOAD_USED) {
        stats_set(block, CELL_reload_time, (uint64_t)process->loop.wall_us);
        log_line(LOG_INFO, "control", "reload: generation %lu is in use", process->generation);
    } else if (result == RELOAD_SAME) {
        log_line(LOG_INFO, "control", "reload: nothing has changed, generation %lu stays", before);
    } else {
        log_line(LOG_ERROR, "control", "reload: refused, generation %lu stays", before);
    }
    return result;
}
