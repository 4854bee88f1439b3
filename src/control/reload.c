/* reload.c - the file is read again; see reload.h. The way to the cores stands in publish.c. */
#include "control/reload.h"

#include "base/log.h"
#include "control/process_inner.h"
#include "text/sink.h"

#include <stdio.h>

struct config *reload_read(const char *path, struct diags *diags)
{
    const struct config_opts opts = process_config_opts();
    struct config *config = NULL;
    struct sink sink;
    enum err e = config_load(path, &opts, diags, &config);
    sink_to_file(&sink, stderr);
    diags_write(diags, &sink);
    (void)fflush(stderr);
    return e == OK ? config : NULL;
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
