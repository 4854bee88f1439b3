/* ops.c - what operators watch: the access log, the metrics listener and its gauges.
 * Opened before a configuration is published, so that a reload which cannot log or be observed is
 * refused as a whole; what the new configuration leaves as it is stays open. */
#define _GNU_SOURCE
#include "control/process_inner.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/socket.h"
#include "observe/process.h"

enum { LOG_END_MS = 1000, LOG_CLOSE_MS = 2000 };

static bool is_same_log(const struct conf_observe *left, const struct conf_observe *right)
{
    return left->access_log.to == right->access_log.to &&
           str_eq(left->access_log.path, right->access_log.path);
}

static enum err log_open(struct process *process, const struct config *config,
                         struct observe_change *change)
{
    static const uint8_t targets[] = {[CONF_LOG_STDOUT] = ACCESS_STDOUT,
                                      [CONF_LOG_STDERR] = ACCESS_STDERR,
                                      [CONF_LOG_FILE] = ACCESS_FILE,
                                      [CONF_LOG_OFF] = ACCESS_OFF};
    const struct conf_observe *wanted = &config->observe;
    if (process->current != NULL && is_same_log(&process->observed, wanted)) {
        return OK;
    }
    const char *path = arena_keep_c(&process->arena, wanted->access_log.path);
    if (path == NULL) {
        return ERR_MEMORY;
    }
    const struct access_conf conf = {
        .target = (enum access_target)targets[wanted->access_log.to],
        .path = path,
        .core_count = process->core_count,
        .block = &process->stats.blocks[process->core_count + 1]};
    enum err e = conf.target == ACCESS_OFF ? OK : access_log_open(&conf, &change->log);
    if (e != OK) {
        log_line(LOG_ERROR, "control", "access log: cannot open %s: %s", path, err_text(e));
        return e;
    }
    change->observed.access_log.to = wanted->access_log.to;
    change->observed.access_log.path = str_from_c(path);
    change->has_log = true;
    return OK;
}

static bool is_healthy(void *owner, const char **why)
{
    (void)owner;
    (void)why;
    return true;
}

static bool is_ready(void *owner, const char **why)
{
    const struct process *process = owner;
    *why = process->is_draining ? "draining" : "starting";
    return process->is_ready && !process->is_draining;
}

static void collect_origins(struct process *process)
{
    const struct config *config = process->current->config;
    int64_t now_ns = process->loop.now_ns;
    for (uint32_t i = 0; i < config->services.count; i++) {
        const struct plan_service *service = &process->current->services[i];
        for (uint32_t j = 0; j < service->version_count; j++) {
            const struct balance_set *set =
                roster_set_of(&process->roster, service->versions[j].cluster);
            for (uint32_t k = 0; set != NULL && k < set->count; k++) {
                const struct origin *origin = origin_of(set->endpoints[k]);
                stats_set(process->stats_block, origin->cell_in_flight,
                          endpoint_in_flight(&origin->endpoint));
                stats_set(process->stats_block, origin->cell_latency,
                          (uint64_t)(balance_cost_ns(&origin->endpoint, now_ns) / 1000));
            }
        }
    }
}

static void collect(void *owner)
{
    struct process *process = owner;
    struct stats_block *block = process->stats_block;
    process_collect(block);
    if (process->current != NULL) {
        stats_set(block, CELL_config_generation, process->generation);
        collect_origins(process);
    }
}

static enum err ops_start(struct process *process, const struct addr *addr,
                          struct ops_server **out)
{
    int fd;
    TRY(handover_listen(&process->handover, addr, 0, &fd));
    const struct ops_conf conf = {.loop = &process->loop,
                                  .registry = &process->registry,
                                  .listen_fd = fd,
                                  .collect = collect,
                                  .is_healthy = is_healthy,
                                  .is_ready = is_ready,
                                  .owner = process};
    enum err e = ops_server_open(&conf, out);
    if (e != OK) {
        socket_close(&fd);
        handover_release(&process->handover, addr, 0);
    }
    return e;
}

static enum err ops_open(struct process *process, const struct config *config,
                         struct observe_change *change)
{
    const struct addr addr = publish_bind_addr(&config->observe.metrics.addr);
    bool is_wanted = addr.port != 0, is_open = process->ops != NULL;
    if (is_open ? is_wanted && addr_eq(&process->ops_addr, &addr) : !is_wanted) {
        return OK;
    }
    enum err e = is_wanted ? ops_start(process, &addr, &change->ops) : OK;
    if (e != OK) {
        char text[ADDR_TEXT_BYTES_MAX];
        struct strbuf out = strbuf_over(text, sizeof text);
        addr_add(&out, &addr);
        log_line(LOG_ERROR, "control", "observe.metrics: cannot listen on %.*s: %s",
                 STR_FMT(strbuf_str(&out)), err_text(e));
        return e;
    }
    change->ops_addr = addr;
    change->has_ops = true;
    return OK;
}

enum err observe_open(struct process *process, const struct config *config,
                      struct observe_change *change)
{
    TRY(log_open(process, config, change));
    TRY(ops_open(process, config, change));
    return admin_api_open(process, config, change);
}

static void ops_close(struct process *process, struct ops_server **ops, const struct addr *addr)
{
    if (*ops != NULL) {
        ops_server_close(ops);
        handover_release(&process->handover, addr, 0);
    }
}

void observe_use(struct process *process, struct observe_change *change)
{
    if (change->has_log) {
        process->log = change->log;
        process->observed = change->observed;
    }
    if (change->has_ops) {
        ops_close(process, &process->ops, &process->ops_addr);
        process->ops = change->ops;
        process->ops_addr = change->ops_addr;
    }
    if (change->has_admin) {
        admin_close(&process->admin);
        process->admin = change->admin;
    }
    *change = (struct observe_change){0};
}

void observe_discard(struct process *process, struct observe_change *change)
{
    observe_retire(process, change->log);
    ops_close(process, &change->ops, &change->ops_addr);
    admin_close(&change->admin);
    *change = (struct observe_change){0};
}

void observe_retire(struct process *process, struct access_log *log)
{
    if (log == NULL) {
        return;
    }
    access_log_end(log, LOG_END_MS);
    observe_sweep(process);
    for (size_t i = 0; i < LOGS_ENDING_MAX; i++) {
        if (process->ending[i] == NULL) {
            process->ending[i] = log;
            return;
        }
    }
    /* So many hang: the one that has had the longest time is given up. */
    (void)access_log_close(&process->ending[0], 0);
    process->ending[0] = log;
}

void observe_sweep(struct process *process)
{
    for (size_t i = 0; i < LOGS_ENDING_MAX; i++) {
        if (process->ending[i] != NULL && access_log_has_ended(process->ending[i])) {
            (void)access_log_close(&process->ending[i], 0);
        }
    }
}

void observe_close(struct process *process)
{
    if (process->log != NULL) {
        (void)access_log_close(&process->log, LOG_CLOSE_MS);
    }
    for (size_t i = 0; i < LOGS_ENDING_MAX; i++) {
        if (process->ending[i] != NULL) {
            (void)access_log_close(&process->ending[i], 0);
        }
    }
    if (process->ops != NULL) {
        ops_server_close(&process->ops);
    }
    admin_close(&process->admin);
}
