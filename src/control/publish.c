/* publish.c - from a checked configuration to every core: compile aside, bind what is new, publish
 * one pointer a core, and free the old when the last exchange has let go of it. */
#include "control/process_inner.h"

#include "base/check.h"
#include "base/heap.h"
#include "base/log.h"
#include "control/checks.h"
#include "net/socket.h"
#include "policy/policies.h"

/* What a reload changes in listeners; sockets are open before anything is published. */
struct listener_plan {
    uint32_t slots[WORKER_SLOTS_MAX]; /* of config->listeners */
    uint32_t added[WORKER_SLOTS_MAX], removed[WORKER_SLOTS_MAX];
    uint32_t added_count, removed_count, slot_count;
    int fds[WORKER_SLOTS_MAX][CORES_MAX]; /* of added */
};

static uint32_t slot_find(const struct process *process, const struct addr *addr)
{
    for (uint32_t i = 0; i < WORKER_SLOTS_MAX; i++) {
        if (process->slots[i].is_used && addr_eq(&process->slots[i].addr, addr)) {
            return i;
        }
    }
    return WORKER_SLOTS_MAX;
}

static uint32_t slot_new(struct process *process, const struct addr *addr)
{
    for (uint32_t i = 0; i < WORKER_SLOTS_MAX; i++) {
        if (!process->slots[i].is_used) {
            process->slots[i] = (struct process_slot){*addr, true};
            return i;
        }
    }
    return WORKER_SLOTS_MAX;
}

static void unbind(struct process *process, struct listener_plan *plan)
{
    for (uint32_t i = 0; i < plan->added_count; i++) {
        for (uint32_t core = 0; core < process->core_count; core++) {
            if (plan->fds[i][core] >= 0) {
                socket_close(&plan->fds[i][core]);
                handover_release(&process->handover, &process->slots[plan->added[i]].addr,
                                 (uint16_t)core);
            }
        }
        process->slots[plan->added[i]].is_used = false;
    }
    plan->added_count = 0;
}

struct addr publish_bind_addr(const struct addr *addr)
{
    /* The address of all zeroes is [::], which net/socket.h also opens for IPv4. */
    return addr->family != ADDR_NONE ? *addr : (struct addr){.family = ADDR_V6, .port = addr->port};
}

static enum err bind_new(struct process *process, struct listener_plan *plan,
                         const struct conf_listener *listener, uint32_t slot)
{
    const struct addr addr = publish_bind_addr(&listener->addr);
    uint32_t at = plan->added_count++;
    plan->added[at] = slot;
    for (uint32_t core = 0; core < process->core_count; core++) {
        plan->fds[at][core] = -1;
    }
    for (uint32_t core = 0; core < process->core_count; core++) {
        enum err e =
            handover_listen(&process->handover, &addr, (uint16_t)core, &plan->fds[at][core]);
        if (e != OK) {
            char text[ADDR_TEXT_BYTES_MAX];
            struct strbuf out = strbuf_over(text, sizeof text);
            addr_add(&out, &addr);
            log_line(LOG_ERROR, "control", "listener %.*s: cannot listen on %.*s: %s",
                     STR_FMT(listener->name), STR_FMT(strbuf_str(&out)), err_text(e));
            return e;
        }
    }
    return OK;
}

/* Which listeners stay, come and go; new ones are bound here. */
static enum err plan_listeners(struct process *process, const struct config *config,
                               struct listener_plan *plan)
{
    bool is_kept[WORKER_SLOTS_MAX] = {false};
    for (uint32_t i = 0; i < config->listeners.count; i++) {
        const struct conf_listener *listener = &config->listeners.at[i];
        const struct addr addr = publish_bind_addr(&listener->addr);
        uint32_t slot = i < WORKER_SLOTS_MAX ? slot_find(process, &addr) : WORKER_SLOTS_MAX;
        if (slot == WORKER_SLOTS_MAX) {
            slot = i < WORKER_SLOTS_MAX ? slot_new(process, &addr) : WORKER_SLOTS_MAX;
            if (slot == WORKER_SLOTS_MAX) {
                log_line(LOG_ERROR, "control", "more than %d listeners", (int)WORKER_SLOTS_MAX);
                return ERR_LIMIT;
            }
            TRY(bind_new(process, plan, listener, slot));
        }
        plan->slots[i] = slot;
        is_kept[slot] = true;
    }
    for (uint32_t i = 0; i < WORKER_SLOTS_MAX; i++) {
        if (process->slots[i].is_used) {
            plan->slot_count = i + 1;
            if (!is_kept[i]) {
                plan->removed[plan->removed_count++] = i;
            }
        }
    }
    return OK;
}

static void on_generation_done(struct loop *loop, struct mail *mail)
{
    struct core_generation *held = CONTAINER_OF(mail, struct core_generation, mail);
    struct process *process = held->owner;
    struct snapshot *snapshot;
    uint64_t oldest = UINT64_MAX;
    (void)loop;
    const struct snapshot *borrowed = held->generation.snapshot;
    memcpy(&snapshot, &borrowed, sizeof snapshot); /* ours: cores only read it */
    heap_free(held);
    if (--snapshot->core_count > 0) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(process->snapshots); i++) {
        if (process->snapshots[i] == snapshot) {
            process->snapshots[i] = NULL;
        } else if (process->snapshots[i] != NULL && process->snapshots[i]->number < oldest) {
            oldest = process->snapshots[i]->number;
        }
    }
    world_free(snapshot);
    if (oldest != UINT64_MAX) {
        registry_release(&process->registry, oldest);
        roster_forget(&process->roster, oldest);
    }
}

static void on_published(struct loop *loop, struct mail *mail)
{
    struct publication_group *group = CONTAINER_OF(mail, struct publication_group, ack);
    struct process *process = group->owner;
    (void)loop;
    roster_release(&process->roster, group->updates);
    if (group->has_log && group->old_log != NULL) {
        observe_retire(process, group->old_log);
    }
    heap_free(group);
}

static struct publication_group *group_new(struct process *process)
{
    size_t bytes =
        sizeof(struct publication_group) + sizeof(struct publication) * process->core_count;
    struct publication_group *group = heap_new(bytes);
    if (group == NULL) {
        return NULL;
    }
    group->ack.deliver = on_published;
    group->owner = process;
    group->count = process->core_count;
    atomic_store_explicit(&group->left, process->core_count, memory_order_relaxed);
    for (uint32_t i = 0; i < process->core_count; i++) {
        group->at[i].worker = process->workers[i];
        group->at[i].group = group;
    }
    return group;
}

static void group_post(struct publication_group *group)
{
    /* The group may be gone as soon as the last core has been told. */
    uint32_t count = group->count;
    for (uint32_t i = 0; i < count; i++) {
        worker_post(&group->at[i]);
    }
}

void publish_updates(struct roster *roster)
{
    struct process *process = roster->owner;
    struct publication_group *group = group_new(process);
    if (group == NULL) {
        log_line(LOG_ERROR, "control", "no memory to publish changed instances; trying later");
        return;
    }
    group->updates = roster_take_updates(roster);
    overrides_apply(&process->overrides);
    checks_tell(&process->health, roster, process->current);
    group_post(group);
}

static enum err add_generations(struct process *process, struct publication_group *group,
                                struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < process->core_count; i++) {
        struct core_generation *held = heap_new(sizeof *held);
        if (held == NULL) {
            return ERR_MEMORY;
        }
        held->generation = (struct generation){.number = snapshot->number,
                                               .snapshot = snapshot,
                                               .listeners = snapshot->listeners,
                                               .listener_count = snapshot->listener_count};
        list_init(&held->generation.node);
        held->mail.deliver = on_generation_done;
        held->control = &process->loop;
        held->owner = process;
        group->at[i].generation = &held->generation;
    }
    snapshot->core_count = process->core_count;
    return OK;
}

static void add_listener_changes(struct process *process, struct publication_group *group,
                                 const struct listener_plan *plan)
{
    for (uint32_t core = 0; core < process->core_count; core++) {
        struct publication *publication = &group->at[core];
        for (uint32_t i = 0; i < plan->added_count; i++) {
            uint32_t at = publication->change_count++;
            publication->changes[at].slot = plan->added[i];
            publication->changes[at].fd = plan->fds[i][core];
            publication->changes[at].addr = process->slots[plan->added[i]].addr;
        }
        for (uint32_t i = 0; i < plan->removed_count; i++) {
            uint32_t at = publication->change_count++;
            publication->changes[at].slot = plan->removed[i];
            publication->changes[at].fd = -1;
        }
    }
}

static void release_removed(struct process *process, const struct listener_plan *plan)
{
    for (uint32_t i = 0; i < plan->removed_count; i++) {
        struct process_slot *slot = &process->slots[plan->removed[i]];
        for (uint32_t core = 0; core < process->core_count; core++) {
            handover_release(&process->handover, &slot->addr, (uint16_t)core);
        }
        slot->is_used = false;
    }
}

/* Where a snapshot is remembered while it lives; NULL: as many as there may be are in use. */
static struct snapshot **free_place(struct process *process)
{
    for (size_t i = 0; i < COUNT_OF(process->snapshots); i++) {
        if (process->snapshots[i] == NULL) {
            return &process->snapshots[i];
        }
    }
    log_line(LOG_ERROR, "control", "%zu older configurations are still in use by exchanges",
             COUNT_OF(process->snapshots));
    return NULL;
}

static void group_drop(struct process *process, struct publication_group *group)
{
    for (uint32_t i = 0; group != NULL && i < process->core_count; i++) {
        if (group->at[i].generation != NULL) {
            heap_free(CONTAINER_OF(group->at[i].generation, struct core_generation, generation));
        }
    }
    heap_free(group);
}

static enum err compile(struct process *process, struct config *config,
                        const struct listener_plan *plan, struct snapshot **out)
{
    const struct world_conf conf = {.config = config,
                                    .policy_types = policy_types,
                                    .policy_count = POLICY_COUNT,
                                    .roster = &process->roster,
                                    .registry = &process->registry,
                                    .slots = plan->slots,
                                    .slot_count = plan->slot_count,
                                    .number = process->generation + 1};
    return world_compile(&conf, out);
}

/* Everything that can fail, then the posting, which cannot. What the roster was told by compiling
 * takes effect with roster_take_updates. */
static enum err prepare_and_post(struct process *process, struct config *config,
                                 struct listener_plan *plan)
{
    struct snapshot *snapshot = NULL, **place = free_place(process);
    struct observe_change change = {0};
    if (place == NULL) {
        return ERR_LIMIT;
    }
    TRY(plan_listeners(process, config, plan));
    struct publication_group *group = group_new(process);
    enum err e = group == NULL ? ERR_MEMORY : observe_open(process, config, &change);
    e = e == OK ? compile(process, config, plan, &snapshot) : e;
    e = e == OK ? add_generations(process, group, snapshot) : e;
    if (e != OK) {
        roster_discard(&process->roster);
        group_drop(process, group);
        observe_discard(process, &change);
        if (snapshot != NULL) {
            snapshot->config = NULL; /* still the caller's */
            world_free(snapshot);
        }
        return e;
    }
    group->updates = roster_take_updates(&process->roster);
    overrides_apply(&process->overrides);
    group->has_log = change.has_log;
    group->log = change.log;
    group->old_log = process->log;
    observe_use(process, &change);
    add_listener_changes(process, group, plan);
    process->current = *place = snapshot;
    process->generation = snapshot->number;
    checks_tell(&process->health, &process->roster, snapshot);
    group_post(group);
    release_removed(process, plan);
    return OK;
}

/* So that a crash loses nothing of what is in use now. */
static void save(struct process *process)
{
    const struct config_files files = config_files(process->current->config);
    enum err e = lastgood_save(&process->lastgood, &files, process->generation);
    if (e != OK && e != ERR_NOT_FOUND) {
        log_line(LOG_WARN, "control", "generation %lu would not survive a crash: %s",
                 process->generation, err_text(e));
    }
}

enum err publish_config(struct process *process, struct config *config)
{
    struct listener_plan *plan = heap_new(sizeof *plan);
    enum err e = plan == NULL ? ERR_MEMORY : prepare_and_post(process, config, plan);
    if (e == OK) {
        save(process);
    } else {
        log_line(LOG_ERROR, "control", "the configuration was not put to use: %s", err_text(e));
        if (plan != NULL) {
            unbind(process, plan);
        }
        config_free(config);
    }
    heap_free(plan);
    return e;
}
