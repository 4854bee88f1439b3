/* worker.c - one core's thread; see worker.h. */
#define _GNU_SOURCE
#include "proxy/worker.h"

#include "base/check.h"
#include "base/heap.h"
#include "base/limits.h"
#include "base/log.h"
#include "edge/preface.h"
#include "edge/session.h"
#include "observe/access_log.h"
#include "proxy/life.h"
#include "route/router.h"
#include "stats/stats.h"
#include "upstream/conn.h"

#include <stdio.h>

enum {
    UPKEEP_MS = 100,
    UPKEEP_IDLE_MS = 1000,
    TRIM_BATCH = 1024,
    FREE_KEPT = 64,
    SCRATCH_ARENA_BYTES = 16 << 20,
    DRAIN_FRESH_MS = 1000
};

void world_on_generation_idle(struct core *core, struct generation *generation)
{
    struct core_generation *held = CONTAINER_OF(generation, struct core_generation, generation);
    (void)core;
    loop_post(held->control, &held->mail);
}

static void switch_generation(struct core *core, struct generation *next)
{
    struct generation *last = core->current;
    core->current = next;
    if (last != NULL) {
        last->is_retired = true;
        if (last->in_flight == 0) {
            world_on_generation_idle(core, last);
        }
    }
}

static void retire_sessions(struct core *core, const struct listener *listener)
{
    LIST_EACH_SAFE(node, &core->session_list) {
        struct session *session = CONTAINER_OF(node, struct session, node);
        if (listener == NULL || session->listener == listener) {
            session_retire(session);
        }
    }
}

static void change_listener(struct worker *worker, uint32_t slot, int fd, const struct addr *addr)
{
    struct listener *listener = &worker->listeners[slot];
    if (worker->is_listening[slot]) {
        listener_close(listener);
        worker->is_listening[slot] = false;
        retire_sessions(&worker->core, listener);
        tunnels_retire(&worker->core, slot);
    }
    if (fd < 0) {
        return;
    }
    worker->is_listening[slot] = listener_open(listener, &worker->core, addr, slot, fd) == OK;
    if (!worker->is_listening[slot]) {
        log_line(LOG_ERROR, "proxy", "core %u cannot watch a listening socket: its share of the "
                 "connections waits", worker->core.index);
    }
}

static void on_publication(struct loop *loop, struct mail *mail)
{
    struct publication *publication = CONTAINER_OF(mail, struct publication, mail);
    struct publication_group *group = publication->group;
    struct worker *worker = publication->worker;
    struct core *core = &worker->core;
    (void)loop;
    roster_apply(group->updates, core);
    if (group->has_log) {
        core->log_ring = access_log_ring(group->log, core->index);
    }
    if (publication->generation != NULL) {
        switch_generation(core, publication->generation);
    }
    for (uint32_t i = 0; i < publication->change_count; i++) {
        change_listener(worker, publication->changes[i].slot, publication->changes[i].fd,
                        &publication->changes[i].addr);
    }
    if (atomic_fetch_sub_explicit(&group->left, 1, memory_order_acq_rel) == 1) {
        loop_post(worker->control, &group->ack);
    }
}

void worker_post(struct publication *publication)
{
    publication->mail.deliver = on_publication;
    loop_post(&publication->worker->core.loop, &publication->mail);
}

static void tell_gauges(struct worker *worker)
{
    struct core *core = &worker->core;
    const struct slab *slabs[WORKER_SLABS] = {&core->exchanges, &core->sessions,
                                              &core->conns,     &core->blocks,
                                              &core->large_chunks, &worker->tunnels.slab};
    for (size_t i = 0; i < COUNT_OF(slabs); i++) {
        stats_set(core->stats, worker->slab_cells[i].used, slabs[i]->used_count);
        stats_set(core->stats, worker->slab_cells[i].ceiling, slabs[i]->count_max);
        stats_set(core->stats, worker->slab_cells[i].refusals, slabs[i]->refused_total);
    }
    int64_t busy_us = core->loop.busy_ns_total / 1000;
    stats_add(core->stats, worker->cell_busy, (uint64_t)(busy_us - worker->busy_us_told));
    stats_add(core->stats, CELL_loop_turns, core->loop.turns_total - worker->turns_told);
    worker->busy_us_told = busy_us;
    worker->turns_told = core->loop.turns_total;
}

/* Gives memory of a peak back to the kernel, a little at a time; `peak` falls by a quarter each
 * time, so that a load which comes in waves keeps what it will need again. */
static uint32_t trim(struct slab *slab, uint32_t *peak)
{
    uint32_t wanted = *peak > slab->used_count ? *peak - slab->used_count : 0;
    uint32_t done = slab_trim(slab, wanted > FREE_KEPT ? wanted : FREE_KEPT, TRIM_BATCH);
    *peak -= (*peak + 3) / 4;
    *peak = *peak > slab->used_count ? *peak : slab->used_count;
    return done;
}

static void check_drained(struct worker *worker)
{
    struct core *core = &worker->core;
    if (!core->is_draining || worker->is_drained_told) {
        return;
    }
    if (core->loop.now_ms - worker->drain_from_ms >= DRAIN_FRESH_MS) {
        retire_sessions(core, NULL);
    }
    if (list_is_empty(&core->session_list) && list_is_empty(&core->preface_list) &&
        core->tunnel_count == 0) {
        worker->is_drained_told = true;
        loop_post(worker->control, &worker->drained_mail);
    }
}

static void on_upkeep(struct loop *loop, struct timer *timer)
{
    struct worker *worker = CONTAINER_OF(timer, struct worker, upkeep);
    uint32_t trimmed = trim(&worker->core.exchanges, &worker->exchanges_peak) +
                       trim(&worker->core.blocks, &worker->blocks_peak);
    bool is_busy = trimmed > 0 || worker->exchanges_peak > FREE_KEPT || worker->core.is_draining;
    tell_gauges(worker);
    check_drained(worker);
    timer_set(loop, timer, loop->now_ms + (is_busy ? UPKEEP_MS : UPKEEP_IDLE_MS));
}

static void after_turn(struct loop *loop)
{
    struct core *core = loop->owner;
    struct worker *worker = CONTAINER_OF(core, struct worker, core);
    if (core->exchanges.used_count > worker->exchanges_peak) {
        worker->exchanges_peak = core->exchanges.used_count;
    }
    if (core->blocks.used_count > worker->blocks_peak) {
        worker->blocks_peak = core->blocks.used_count;
    }
    if (core->is_draining) {
        check_drained(worker);
    }
}

/* The process goes down: who waits in the accept queue is still served, listeners close, idle
 * clients are let go. A connection that has not asked for anything yet gets a moment to do so. */
static void on_drain(struct loop *loop, struct mail *mail)
{
    struct worker *worker = CONTAINER_OF(mail, struct worker, drain_mail);
    struct core *core = &worker->core;
    for (uint32_t slot = 0; slot < WORKER_SLOTS_MAX; slot++) {
        struct listener *listener = &worker->listeners[slot];
        if (worker->is_listening[slot]) {
            listener->io.on_ready(loop, &listener->io, READY_READ);
            listener_close(listener);
            listener->is_removed = false; /* its clients may finish what they begin now */
            worker->is_listening[slot] = false;
        }
    }
    core->is_draining = true;
    worker->drain_from_ms = loop->now_ms;
    LIST_EACH_SAFE(node, &core->session_list) {
        struct session *session = CONTAINER_OF(node, struct session, node);
        if (session->request_count > 0) {
            session_retire(session);
        }
    }
}

void worker_drain(struct worker *worker, mail_fn *told)
{
    worker->drain_mail.deliver = on_drain;
    worker->drained_mail.deliver = told;
    loop_post(&worker->core.loop, &worker->drain_mail);
}

static void on_stop(struct loop *loop, struct mail *mail)
{
    struct worker *worker = CONTAINER_OF(mail, struct worker, stop_mail);
    LIST_EACH_SAFE(node, &worker->core.session_list) {
        struct session *session = CONTAINER_OF(node, struct session, node);
        if (session->state == SESSION_BUSY) {
            life_fail(session->ex, ERR_DRAINING);
        }
        if (session->state != SESSION_DEAD) {
            session_abort(session, false);
        }
    }
    tunnels_end_all(&worker->core);
    preface_end_all(&worker->core);
    loop_stop(loop);
}

enum err worker_init(struct worker *worker, uint32_t index, uint32_t count, struct loop *control)
{
    memset(worker, 0, sizeof *worker);
    TRY(core_init(&worker->core, index, count));
    worker->control = control;
    worker->core.conductor = &life_conductor;
    worker->core.loop.after_turn = after_turn;
    worker->upkeep.fire = on_upkeep;
    worker->stop_mail.deliver = on_stop;
    pipe_pool_init(&worker->pipes, LIMIT_VALUE(pipes));
    worker->core.pipes = &worker->pipes;
    TRY(tunnels_init(&worker->tunnels));
    worker->core.tunnels = &worker->tunnels;
    arena_init_heap(&worker->arena, SCRATCH_ARENA_BYTES);
    return route_scratch_new(&worker->arena, &worker->core.route_scratch);
}

static void *run(void *context)
{
    struct worker *worker = context;
    char name[16];
    (void)snprintf(name, sizeof name, "core %u", worker->core.index);
    (void)pthread_setname_np(pthread_self(), name);
    this_core = &worker->core;
    timer_set(&worker->core.loop, &worker->upkeep, worker->core.loop.now_ms + UPKEEP_MS);
    loop_run(&worker->core.loop);
    return NULL;
}

enum err worker_start(struct worker *worker)
{
    worker->is_started = pthread_create(&worker->thread, NULL, run, worker) == 0;
    return worker->is_started ? OK : ERR_SYSTEM;
}

void worker_stop(struct worker *worker)
{
    loop_post(&worker->core.loop, &worker->stop_mail);
    int joined = pthread_join(worker->thread, NULL);
    CHECK(joined == 0);
    worker->is_started = false;
}

void worker_drop(struct worker *worker)
{
    route_scratch_drop(worker->core.route_scratch);
    arena_reset(&worker->arena);
    tunnels_drop(&worker->tunnels);
    pipe_pool_drop(&worker->pipes);
    core_drop(&worker->core);
}
