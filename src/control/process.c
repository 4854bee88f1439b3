/* process.c - the data process: start, reload, drain, end; see process.h. */
#define _GNU_SOURCE
#include "control/process.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/limits.h"
#include "base/log.h"
#include "control/process_inner.h"
#include "control/reload.h"
#include "control/supervisor.h"
#include "policy/policies.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SWEEP_MS = 5000, REGISTRY_ARENA_BYTES_MAX = 256 << 20,
       FILES_RESERVED_MIN = 32, FILES_RESERVED_MAX = 4096 };

static void verify(void *ctx, const struct config *config, struct diags *diags)
{
    struct world_policies policies = {policy_types, POLICY_COUNT};
    (void)ctx;
    world_verify(&policies, config, diags);
}

struct config_opts process_config_opts(void)
{
    return (struct config_opts){
        .kinds = policy_kinds, .kind_count = POLICY_COUNT, .verify = verify};
}

static uint32_t cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1;
    }
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count > CORES_MAX ? CORES_MAX : (uint32_t)count;
}

static void reload(struct process *process)
{
    struct diags diags;
    enum err why;
    diags_init(&diags);
    (void)reload_run(process, &diags, &why);
    diags_drop(&diags);
}

static void on_drained(struct loop *loop, struct mail *mail)
{
    struct worker *worker = CONTAINER_OF(mail, struct worker, drained_mail);
    struct process *process = loop->owner;
    (void)worker;
    if (++process->drained_count == process->core_count) {
        loop_stop(loop);
    }
}

static void on_drain_over(struct loop *loop, struct timer *timer)
{
    (void)timer;
    log_line(LOG_WARN, "control", "drain: the limit has passed, what is left is cut");
    loop_stop(loop);
}

static void drain(struct process *process)
{
    if (process->is_draining) {
        return;
    }
    process->is_draining = true; /* readiness fails from here on */
    log_line(LOG_INFO, "control", "draining");
    for (uint32_t i = 0; i < process->core_count; i++) {
        worker_drain(process->workers[i], on_drained);
    }
    /* The supervisor's copies too: a new connection is refused, not left in a queue that nobody
     * serves. Until a core has closed its own, it still takes what waits there. */
    for (uint32_t slot = 0; slot < WORKER_SLOTS_MAX; slot++) {
        for (uint32_t i = 0; process->slots[slot].is_used && i < process->core_count; i++) {
            handover_release(&process->handover, &process->slots[slot].addr, (uint16_t)i);
        }
    }
    timer_set(&process->loop, &process->drain,
              process->loop.now_ms + process->current->config->drain_timeout_ms);
}

static void on_signal(struct signals *signals, int number)
{
    struct process *process = CONTAINER_OF(signals, struct process, signals);
    switch (number) {
    case SIGHUP: reload(process); break;
    case SIGUSR1:
        if (process->log != NULL) {
            access_log_reopen(process->log);
        }
        break;
    case SIGTERM:
    case SIGINT: drain(process); break;
    default: break;
    }
}

static void on_sweep(struct loop *loop, struct timer *timer)
{
    struct process *process = CONTAINER_OF(timer, struct process, sweep);
    roster_sweep(&process->roster);
    observe_sweep(process);
    timer_set(loop, timer, loop->now_ms + SWEEP_MS);
}

/* As many descriptors as the system gives; returns how many. */
static uint64_t raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return 1024;
    }
    rlim_t had = files.rlim_cur;
    files.rlim_cur = files.rlim_max;
    if (had < files.rlim_max && setrlimit(RLIMIT_NOFILE, &files) != 0) {
        log_line(LOG_WARN, "control", "the limit on open files stays at %lu", (unsigned long)had);
        return had;
    }
    return files.rlim_max;
}

/* Clients may not take the last descriptors: connections to instances, health, metrics and the log
 * go on when accepting has to pause. */
static uint32_t session_max_for(uint64_t files, uint32_t core_count)
{
    uint64_t reserve = files / 8 < FILES_RESERVED_MAX ? files / 8 : FILES_RESERVED_MAX;
    reserve += FILES_RESERVED_MIN;
    uint64_t left = files > reserve ? (files - reserve) / core_count : 1;
    return left < 1 ? 1 : left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
}

static enum err name_worker_cells(struct process *process, struct worker *worker)
{
    static const char *const slabs[WORKER_SLABS] = {
        "exchanges", "sessions", "origin_connections", "blocks", "large_chunks", "tunnels"};
    for (size_t i = 0; i < COUNT_OF(slabs); i++) {
        const struct str label[1] = {str_from_c(slabs[i])};
        worker->slab_cells[i].used = registry_series(&process->registry, METRIC_slab_used, label);
        worker->slab_cells[i].ceiling =
            registry_series(&process->registry, METRIC_slab_ceiling, label);
        worker->slab_cells[i].refusals =
            registry_series(&process->registry, METRIC_slab_refusals, label);
    }
    struct str number = arena_fmt(&process->arena, "%u", worker->core.index);
    const struct str label[1] = {number};
    worker->cell_busy = registry_series(&process->registry, METRIC_loop_busy, label);
    return number.len > 0 ? OK : ERR_MEMORY;
}

static enum err open_workers(struct process *process)
{
    for (uint32_t i = 0; i < process->core_count; i++) {
        process->workers[i] = heap_new(sizeof *process->workers[i]);
        if (process->workers[i] == NULL) {
            return ERR_MEMORY;
        }
        TRY(worker_init(process->workers[i], i, process->core_count, &process->loop));
        process->workers[i]->core.session_max =
            session_max_for(process->files, process->core_count);
        process->workers[i]->core.stats = &process->stats.blocks[i];
        process->cores[i] = &process->workers[i]->core;
        TRY(name_worker_cells(process, process->workers[i]));
    }
    return OK;
}

static enum err open_rest(struct process *process)
{
    const struct resolver_conf resolver = {.seed = rng_seed_from_kernel()};
    arena_init_heap(&process->arena, REGISTRY_ARENA_BYTES_MAX);
    TRY(loop_init(&process->loop));
    process->loop.owner = process;
    /* One block for each core, one for this thread, one for the log's writer. */
    TRY(stats_init(&process->stats, process->core_count + 2));
    process->stats_block = &process->stats.blocks[process->core_count];
    TRY(registry_init(&process->registry, &process->stats, process->stats_block));
    TRY(resolver_init(&process->resolver, &process->loop, &resolver));
    fetcher_init(&process->fetcher, &process->loop);
    TRY(open_workers(process));
    const struct roster_conf roster = {.loop = &process->loop,
                                       .cores = process->cores,
                                       .core_count = process->core_count,
                                       .resolver = &process->resolver,
                                       .fetcher = &process->fetcher,
                                       .registry = &process->registry,
                                       .on_change = publish_updates,
                                       .owner = process};
    roster_init(&process->roster, &roster);
    overrides_init(&process->overrides, &process->roster);
    const struct health_conf health = {.loop = &process->loop,
                                       .registry = &process->registry,
                                       .block = process->stats_block,
                                       .seed = rng_seed_from_kernel()};
    health_init(&process->health, &health);
    TRY(signals_open(&process->signals, &process->loop, on_signal));
    return handover_watch(&process->handover, &process->loop, NULL);
}

static void note_start(struct process *process)
{
    const struct str version[1] = {STR("0.1.0")};
    uint32_t build = registry_series(&process->registry, METRIC_build_info, version);
    stats_set(process->stats_block, build, 1);
    stats_set(process->stats_block, CELL_process_start_time, (uint64_t)clock_wall_us());
    stats_set(process->stats_block, CELL_reload_time, (uint64_t)clock_wall_us());
    stats_set(process->stats_block, CELL_reload_is_successful, !process->is_from_saved);
    stats_set(process->stats_block, CELL_restarts, process->handover.restarts_total);
}

static enum err start(struct process *process, struct config *config)
{
    enum err e = open_rest(process);
    if (e != OK) {
        log_line(LOG_ERROR, "control", "cannot start: %s", err_text(e));
        config_free(config);
        return e;
    }
    note_start(process);
    TRY(publish_config(process, config));
    overrides_load(&process->overrides, process->current->config->state_dir);
    for (uint32_t i = 0; i < process->core_count; i++) {
        TRY(worker_start(process->workers[i]));
    }
    process->is_ready = true;
    handover_ready(&process->handover);
    process->sweep.fire = on_sweep;
    process->drain.fire = on_drain_over;
    timer_set(&process->loop, &process->sweep, process->loop.now_ms + SWEEP_MS);
    return OK;
}

/* Ends the threads, and delivers what is still under way between them and this one. */
static void stop_workers(struct process *process)
{
    for (uint32_t i = 0; i < process->core_count; i++) {
        struct worker *worker = process->workers[i];
        if (worker != NULL && worker->is_started) {
            worker_stop(worker);
        }
        if (worker != NULL && worker->core.loop.epoll_fd > 0) {
            loop_turn(&worker->core.loop, 0);
        }
    }
    if (process->loop.epoll_fd > 0) {
        loop_turn(&process->loop, 0);
    }
}

static void free_worlds(struct process *process)
{
    for (uint32_t i = 0; i < process->core_count; i++) {
        struct worker *worker = process->workers[i];
        if (worker != NULL && worker->core.current != NULL) {
            heap_free(CONTAINER_OF(worker->core.current, struct core_generation, generation));
        }
    }
    for (size_t i = 0; i < COUNT_OF(process->snapshots); i++) {
        world_free(process->snapshots[i]);
    }
}

/* Everything goes, so that a leak that is reported is a leak. */
static void process_free(struct process *process)
{
    free_worlds(process);
    health_drop(&process->health);
    overrides_drop(&process->overrides);
    roster_drop(&process->roster);
    fetcher_drop(&process->fetcher);
    resolver_drop(&process->resolver);
    registry_drop(&process->registry);
    signals_close(&process->signals, &process->loop);
    for (uint32_t i = 0; i < process->core_count; i++) {
        if (process->workers[i] != NULL) {
            worker_drop(process->workers[i]);
            heap_free(process->workers[i]);
        }
    }
    stats_drop(&process->stats);
    arena_reset(&process->arena);
    loop_drop(&process->loop);
    heap_free(process);
}

static void stop(struct process *process)
{
    stop_workers(process);
    observe_close(process);
    handover_close(&process->handover);
}

/* From the file or, when that is broken and an earlier process served, what that one served with:
 * a crash does not make a file take effect that a reload would have refused. */
static struct config *first_config(struct process *process)
{
    struct diags diags;
    uint64_t then;
    diags_init(&diags);
    struct config *config = reload_read(process->path, &diags);
    diags_drop(&diags);
    if (config != NULL || process->handover.restarts_total == 0) {
        return config;
    }
    config = reload_read_saved(process->path, &process->lastgood, &then);
    if (config != NULL) {
        process->is_from_saved = true;
        log_line(LOG_ERROR, "control",
                 "%s cannot be used: going on with the last good configuration (generation %lu of "
                 "the process before); a reload takes the file when it is right",
                 process->path, then);
    }
    return config;
}

static uint32_t core_count_of(const struct process_conf *conf, const struct config *config)
{
    uint32_t count = conf->core_count > 0 ? conf->core_count : (uint32_t)config->cores;
    count = count > 0 ? count : cpu_count();
    return count > CORES_MAX ? CORES_MAX : count;
}

static int run(struct process *process, const struct process_conf *conf, struct config *config)
{
    process->core_count = core_count_of(conf, config);
    list_init(&process->groups);
    process->files = raise_file_limit();
    signals_block();
    if (start(process, config) != OK) {
        return EXIT_FAILURE;
    }
    log_line(LOG_INFO, "control", "serving with %u cores, generation %lu", process->core_count,
             process->generation);
    loop_run(&process->loop);
    return EXIT_SUCCESS;
}

int process_run(const struct process_conf *conf)
{
    struct process *process = heap_new(sizeof *process);
    if (process == NULL) {
        return EXIT_FAILURE;
    }
    handover_open(&process->handover);
    lastgood_open(&process->lastgood, LASTGOOD_ENV_FD);
    lastgood_open(&process->overrides.memory, OVERRIDES_ENV_FD);
    process->path = conf->path;
    struct config *config = first_config(process);
    if (config == NULL) {
        handover_close(&process->handover);
        lastgood_close(&process->lastgood);
        lastgood_close(&process->overrides.memory);
        heap_free(process);
        return EXIT_CONFIG;
    }
    int code = run(process, conf, config);
    stop(process);
    lastgood_close(&process->lastgood);
    lastgood_close(&process->overrides.memory);
    process_free(process);
    if (code == EXIT_SUCCESS) {
        log_line(LOG_INFO, "control", "stopped");
    }
    return code;
}
