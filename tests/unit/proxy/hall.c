/* hall.c - a whole gateway without threads: loops that a test turns by hand, clients over sockets,
 * origins that the test plays, and the check that everything comes back. It publishes the way the
 * control thread does (control/publish.c), without sockets to listen on. See hall.h. */
#define _GNU_SOURCE
#include "hall.h"

#include "base/clock.h"
#include "base/heap.h"
#include "config/table.h"
#include "edge/session.h"
#include "exchange/reply.h"
#include "net/socket.h"
#include "policy/policies.h"
#include "upstream/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 2000, YAML_BYTES_MAX = 1 << 18};

struct hall_pause hall_pause;

struct pause_conf {
    int64_t count;
};
struct pause_state {
    uint64_t guard;
};

static enum verdict pause_on_request(struct exchange *ex, const void *compiled, void *state)
{
    struct pause_state *own = state;
    (void)compiled;
    CHECK(own->guard == 0);
    own->guard = 1;
    hall_pause.requests++;
    if (hall_pause.replies) {
        reply_problem(ex, 429, "pause", STR("told to"));
    }
    if (hall_pause.waits) {
        hall_pause.held = ex;
        return VERDICT_WAIT;
    }
    return hall_pause.replies ? VERDICT_REPLIED : VERDICT_NEXT;
}

static enum err pause_on_response(struct exchange *ex, const void *compiled, void *state)
{
    (void)compiled;
    (void)state;
    hall_pause.responses++;
    return ex->is_own_reply ? OK : hall_pause.response_e;
}

static void pause_on_end(struct exchange *ex, const void *compiled, void *state)
{
    (void)compiled;
    (void)state;
    hall_pause.ends++;
    if (hall_pause.held == ex) {
        hall_pause.held = NULL;
    }
}

static const struct conf_field pause_fields[] = {
    {.name = "count",
     .type = CONF_INT,
     CONF_IS(struct pause_conf, count),
     .preset = "0",
     .summary = "Nothing."},
};
static const struct conf_table pause_table =
    CONF_TABLE("pause", struct pause_conf, pause_fields, "A policy of tests.");
static const struct policy_type pause_policy = {.name = "pause",
                                                .summary = "A policy of tests.",
                                                .table = &pause_table,
                                                .state_bytes = sizeof(struct pause_state),
                                                .on_request = pause_on_request,
                                                .on_response = pause_on_response,
                                                .on_end = pause_on_end};

/* All policies that there are, and the one of tests. */
struct hall_policies {
    struct conf_kind kinds[POLICY_COUNT + 1];
    const struct policy_type *types[POLICY_COUNT + 1];
};

static const struct hall_policies *all_policies(void)
{
    static struct hall_policies all;
    for (uint32_t i = 0; i < POLICY_COUNT; i++) {
        all.kinds[i] = policy_kinds[i];
        all.types[i] = policy_types[i];
    }
    all.kinds[POLICY_COUNT] = (struct conf_kind){
        .name = "pause", .summary = "A policy of tests.", .table = &pause_table};
    all.types[POLICY_COUNT] = &pause_policy;
    return &all;
}

static void listen_as_origin(struct hall *hall, unsigned at)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(bind(fd, (const struct sockaddr *)&name, bytes) == 0);
    CHECK(listen(fd, 64) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&name, &bytes) == 0);
    hall->origin_fds[at] = fd;
    hall->origin_ports[at] = ntohs(name.sin_port);
}

static void on_roster_change(struct roster *roster)
{
    (void)roster;
}

void hall_open(struct hall *hall, uint32_t core_count)
{
    memset(hall, 0, sizeof *hall);
    hall_pause = (struct hall_pause){0};
    hall->core_count = core_count;
    CHECK(core_count <= HALL_CORES_MAX);
    CHECK(loop_init(&hall->control) == OK);
    hall->control.owner = hall;
    CHECK(stats_init(&hall->stats, core_count + 1) == OK);
    CHECK(registry_init(&hall->registry, &hall->stats, &hall->stats.blocks[core_count]) == OK);
    for (uint32_t i = 0; i < core_count; i++) {
        hall->workers[i] = heap_new(sizeof *hall->workers[i]);
        CHECK(hall->workers[i] != NULL);
        CHECK(worker_init(hall->workers[i], i, core_count, &hall->control) == OK);
        hall->cores[i] = &hall->workers[i]->core;
        hall->cores[i]->stats = &hall->stats.blocks[i];
        hall->workers[i]->listeners[0] = (struct listener){.core = hall->cores[i], .io.fd = -1};
    }
    hall->core = hall->cores[0];
    hall->listener = &hall->workers[0]->listeners[0];
    const struct roster_conf roster = {.loop = &hall->control,
                                       .cores = hall->cores,
                                       .core_count = core_count,
                                       .registry = &hall->registry,
                                       .on_change = on_roster_change,
                                       .owner = hall};
    roster_init(&hall->roster, &roster);
    for (unsigned i = 0; i < HALL_ORIGINS; i++) {
        listen_as_origin(hall, i);
    }
}

PRINTF_LIKE(1, 0) static struct config *load(const char *format, va_list args)
{
    char *text = malloc(YAML_BYTES_MAX);
    CHECK(text != NULL);
    int len = vsnprintf(text, YAML_BYTES_MAX, format, args);
    CHECK(len > 0 && len < YAML_BYTES_MAX);
    const struct config_opts opts = {.kinds = all_policies()->kinds,
                                     .kind_count = POLICY_COUNT + 1};
    struct config *config = NULL;
    struct diags diags;
    diags_init(&diags);
    enum err e = config_load_text("hall.yaml", str_of(text, (size_t)len), &opts, &diags, &config);
    for (uint32_t i = 0; i < diags.errors.kept; i++) {
        printf("# %.*s\n", STR_FMT(diags.errors.at[i].message));
    }
    diags_drop(&diags);
    free(text);
    return e == OK ? config : NULL;
}

static void on_generation_done(struct loop *loop, struct mail *mail)
{
    struct core_generation *held = CONTAINER_OF(mail, struct core_generation, mail);
    struct hall *hall = held->owner;
    struct snapshot *snapshot;
    const struct snapshot *borrowed = held->generation.snapshot;
    (void)loop;
    memcpy(&snapshot, &borrowed, sizeof snapshot);
    heap_free(held);
    if (--snapshot->core_count == 0) {
        world_free(snapshot);
        hall->worlds--;
    }
}

static void on_published(struct loop *loop, struct mail *mail)
{
    struct publication_group *group = CONTAINER_OF(mail, struct publication_group, ack);
    struct hall *hall = group->owner;
    (void)loop;
    roster_release(&hall->roster, group->updates);
    heap_free(group);
}

static void publish(struct hall *hall, struct snapshot *snapshot)
{
    struct publication_group *group =
        heap_new(sizeof *group + sizeof(struct publication) * hall->core_count);
    CHECK(group != NULL);
    group->ack.deliver = on_published;
    group->owner = hall;
    group->count = hall->core_count;
    group->updates = roster_take_updates(&hall->roster);
    atomic_store_explicit(&group->left, hall->core_count, memory_order_relaxed);
    snapshot->core_count = hall->core_count;
    for (uint32_t i = 0; i < hall->core_count; i++) {
        struct core_generation *held = heap_new(sizeof *held);
        CHECK(held != NULL);
        held->generation = (struct generation){.number = snapshot->number,
                                               .snapshot = snapshot,
                                               .listeners = snapshot->listeners,
                                               .listener_count = snapshot->listener_count};
        list_init(&held->generation.node);
        held->mail.deliver = on_generation_done;
        held->control = &hall->control;
        held->owner = hall;
        group->at[i].worker = hall->workers[i];
        group->at[i].group = group;
        group->at[i].generation = &held->generation;
    }
    hall->snapshot = snapshot;
    hall->worlds++;
    for (uint32_t i = 0; i < hall->core_count; i++) {
        worker_post(&group->at[i]);
    }
    hall_turn(hall);
    hall_turn(hall);
}

bool hall_publish(struct hall *hall, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct config *config = load(format, args);
    va_end(args);
    static const uint32_t slots[1] = {0};
    if (config == NULL) {
        return false;
    }
    const struct world_conf conf = {.config = config,
                                    .policy_types = all_policies()->types,
                                    .policy_count = POLICY_COUNT + 1,
                                    .roster = &hall->roster,
                                    .registry = &hall->registry,
                                    .slots = slots,
                                    .slot_count = 1,
                                    .number = ++hall->generation};
    struct snapshot *snapshot;
    CHECK(config->listeners.count == 1);
    CHECK(world_compile(&conf, &snapshot) == OK);
    publish(hall, snapshot);
    return true;
}

static void nudge(struct loop *loop, struct stream *stream)
{
    if (stream->io.on_ready != NULL) {
        stream->io.on_ready(loop, &stream->io, READY_READ | READY_WRITE);
    }
}

static void nudge_all(struct core *core)
{
    LIST_EACH_SAFE(node, &core->session_list) {
        struct session *session = CONTAINER_OF(node, struct session, node);
        if (session->ex != NULL && session->ex->conn != NULL &&
            session->ex->conn->state == CONN_BUSY) {
            nudge(&core->loop, &session->ex->conn->stream);
        }
        if (session->state != SESSION_DEAD) {
            nudge(&core->loop, &session->stream);
        }
    }
}

struct session *hall_session(const struct hall *hall)
{
    CHECK(!list_is_empty(&hall->core->session_list));
    return CONTAINER_OF(hall->core->session_list.prev, struct session, node);
}

void hall_unclog(struct session *session)
{
    session->stream.io.on_ready(&session->core->loop, &session->stream.io, READY_WRITE);
}

void hall_turn(struct hall *hall)
{
    for (uint32_t i = 0; hall->nudges && i < hall->core_count; i++) {
        nudge_all(hall->cores[i]);
    }
    for (uint32_t i = 0; i < hall->core_count; i++) {
        loop_turn(&hall->cores[i]->loop, 0);
    }
    loop_turn(&hall->control, 0);
}

void hall_run_ms(struct hall *hall, int64_t ms)
{
    int64_t until_ms = clock_mono_ns() / NS_PER_MS + ms;
    do {
        loop_turn(&hall->cores[0]->loop, 1);
        hall_turn(hall);
    } while (clock_mono_ns() / NS_PER_MS < until_ms);
}

void hall_hang_up(struct hall *hall)
{
    for (uint32_t i = 0; i < hall->core_count; i++) {
        LIST_EACH_SAFE(node, &hall->cores[i]->session_list) {
            struct session *session = CONTAINER_OF(node, struct session, node);
            if (session->state == SESSION_BUSY) {
                hall->core->conductor->on_client_lost(session->ex, ERR_CLIENT_GONE);
            } else {
                session_abort(session, false);
            }
        }
    }
    const struct config *config = hall->snapshot->config;
    for (uint32_t i = 0; i < config->services.count; i++) {
        const struct plan_service *service = &hall->snapshot->services[i];
        for (uint32_t j = 0; j < service->version_count; j++) {
            const struct balance_set *set =
                roster_set_of(&hall->roster, service->versions[j].cluster);
            for (uint32_t k = 0; set != NULL && k < set->count * hall->core_count; k++) {
                pool_purge(origin_of(set->endpoints[k % set->count]), hall->cores[k / set->count]);
            }
        }
    }
    hall_turn(hall);
    hall_turn(hall);
}

static void want_service_idle(const struct hall *hall, const struct plan_service *service)
{
    const struct service_cells *cells = &service->service->cells;
    WANT_INT(stats_read(&hall->stats, cells->open), 0);
    WANT_INT(stats_read(&hall->stats, cells->idle), 0);
    WANT_INT(stats_read(&hall->stats, cells->queue_depth), 0);
    WANT_INT(atomic_load(&service->service->waiting_total), 0);
}

static void want_instances_idle(struct hall *hall)
{
    const struct config *config = hall->snapshot->config;
    for (uint32_t i = 0; i < config->services.count; i++) {
        const struct plan_service *service = &hall->snapshot->services[i];
        want_service_idle(hall, service);
        for (uint32_t j = 0; j < service->version_count; j++) {
            const struct balance_set *set =
                roster_set_of(&hall->roster, service->versions[j].cluster);
            for (uint32_t k = 0; set != NULL && k < set->count; k++) {
                const struct origin *origin = origin_of(set->endpoints[k]);
                WANT_INT(endpoint_in_flight(&origin->endpoint), 0);
                WANT_INT(atomic_load(&origin->open_count), 0);
            }
        }
    }
}

void hall_want_idle(struct hall *hall)
{
    for (uint32_t i = 0; i < hall->core_count; i++) {
        const struct core *core = hall->cores[i];
        WANT_INT(core->exchanges.used_count, 0);
        WANT_INT(core->blocks.used_count, 0);
        WANT_INT(core->large_chunks.used_count, 0);
        WANT_INT(core->sessions.used_count, 0);
        WANT_INT(core->conns.used_count, 0);
        WANT_INT(core->pipes->taken_count, 0);
        WANT_INT(core->current->in_flight, 0);
    }
    WANT_INT(stats_read(&hall->stats, CELL_requests_in_flight), 0);
    want_instances_idle(hall);
}

void hall_close(struct hall *hall)
{
    hall_hang_up(hall);
    hall_want_idle(hall);
    WANT_INT(hall->worlds, 1); /* older ones went with their last exchange */
    for (uint32_t i = 0; i < hall->core_count; i++) {
        heap_free(CONTAINER_OF(hall->cores[i]->current, struct core_generation, generation));
    }
    world_free(hall->snapshot);
    roster_drop(&hall->roster);
    registry_drop(&hall->registry);
    for (uint32_t i = 0; i < hall->core_count; i++) {
        worker_drop(hall->workers[i]);
        heap_free(hall->workers[i]);
    }
    stats_drop(&hall->stats);
    loop_drop(&hall->control);
    for (unsigned i = 0; i < HALL_ORIGINS; i++) {
        (void)close(hall->origin_fds[i]);
    }
}

static void peer_open(struct peer *peer, int fd)
{
    const int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    *peer = (struct peer){.fd = fd, .heard = malloc(HALL_HEARD_MAX)};
    CHECK(peer->heard != NULL);
}

void hall_client(struct hall *hall, uint32_t core, struct peer *peer)
{
    struct pair pair;
    CHECK(pair_open(&pair) == OK);
    CHECK(fcntl(pair.far, F_SETFL, O_NONBLOCK) == 0);
    struct addr name;
    CHECK(socket_peer(pair.near, &name) == OK);
    listener_take(&hall->workers[core]->listeners[0], pair.near, &name);
    peer_open(peer, pair.far);
}

bool hall_accept_within(struct hall *hall, unsigned at, struct peer *peer, int64_t ms)
{
    int64_t until_ms = clock_mono_ns() / NS_PER_MS + ms;
    do {
        int fd = accept4(hall->origin_fds[at], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            peer_open(peer, fd);
            return true;
        }
        hall_run_ms(hall, 1);
    } while (clock_mono_ns() / NS_PER_MS < until_ms);
    *peer = (struct peer){.fd = -1};
    return false;
}

bool hall_accept(struct hall *hall, unsigned at, struct peer *peer)
{
    return hall_accept_within(hall, at, peer, WAIT_MS);
}

bool peer_say(struct hall *hall, struct peer *peer, struct str bytes)
{
    int64_t until_ms = clock_mono_ns() / NS_PER_MS + WAIT_MS;
    while (bytes.len > 0) {
        ssize_t n = send(peer->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            return false;
        }
        bytes = str_skip(bytes, n > 0 ? (size_t)n : 0);
        hall_turn(hall);
        if (clock_mono_ns() / NS_PER_MS > until_ms) {
            return false;
        }
    }
    return true;
}

static void listen_to(struct peer *peer)
{
    while (peer->fd >= 0 && !peer->has_ended && peer->heard_len < HALL_HEARD_MAX) {
        ssize_t n = recv(peer->fd, peer->heard + peer->heard_len, HALL_HEARD_MAX - peer->heard_len, 0);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        peer->has_ended = n <= 0;
        peer->is_reset = n < 0;
        peer->heard_len += n > 0 ? (size_t)n : 0;
    }
}

/* Turns until the claim of one of the three holds. */
static bool listen_until(struct hall *hall, struct peer *peer, const char *text, size_t bytes)
{
    int64_t until_ms = clock_mono_ns() / NS_PER_MS + WAIT_MS;
    for (;;) {
        listen_to(peer);
        if (text != NULL && memmem(peer->heard, peer->heard_len, text, strlen(text)) != NULL) {
            return true;
        }
        if (text == NULL && bytes > 0 && peer->heard_len >= bytes) {
            return true;
        }
        if (peer->has_ended || clock_mono_ns() / NS_PER_MS > until_ms) {
            return text == NULL && bytes == 0 && peer->has_ended;
        }
        hall_run_ms(hall, 1);
    }
}

bool peer_hears(struct hall *hall, struct peer *peer, const char *text)
{
    return listen_until(hall, peer, text, 0);
}

bool peer_hears_bytes(struct hall *hall, struct peer *peer, size_t bytes)
{
    return listen_until(hall, peer, NULL, bytes);
}

bool peer_ends(struct hall *hall, struct peer *peer)
{
    return listen_until(hall, peer, NULL, 0);
}

void peer_forget(struct peer *peer)
{
    peer->heard_len = 0;
}

struct str peer_heard(const struct peer *peer)
{
    return str_of(peer->heard, peer->heard_len);
}

void peer_close(struct peer *peer, bool is_reset)
{
    if (peer->fd >= 0) {
        if (is_reset) {
            socket_linger_reset(peer->fd);
        }
        (void)close(peer->fd);
    }
    free(peer->heard);
    *peer = (struct peer){.fd = -1};
}
