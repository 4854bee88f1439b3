/* worker_test.c - real threads: publications before and after they start, listeners that come and go,
 * draining, and stopping with connections in every state. */
#include "proxy/worker.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/heap.h"
#include "net/socket.h"
#include "policy/policies.h"
#include "stats/registry.h"
#include "test.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CORES = 2, WAIT_MS = 5000 };

struct site {
    struct loop control;
    struct stats stats;
    struct registry registry;
    struct roster roster;
    struct worker *workers[CORES];
    struct core *cores[CORES];
    struct snapshot *snapshot;
    uint64_t generation;
    unsigned published, worlds, drained;
    uint16_t port;
};

static struct site site;

static void on_generation_done(struct loop *loop, struct mail *mail)
{
    struct core_generation *held = CONTAINER_OF(mail, struct core_generation, mail);
    struct snapshot *snapshot;
    const struct snapshot *borrowed = held->generation.snapshot;
    (void)loop;
    memcpy(&snapshot, &borrowed, sizeof snapshot);
    heap_free(held);
    if (--snapshot->core_count == 0) {
        world_free(snapshot);
        site.worlds--;
    }
}

static void on_published(struct loop *loop, struct mail *mail)
{
    struct publication_group *group = CONTAINER_OF(mail, struct publication_group, ack);
    (void)loop;
    roster_release(&site.roster, group->updates);
    heap_free(group);
    site.published++;
}

static void on_change(struct roster *roster)
{
    (void)roster;
}

static void open_site(void)
{
    memset(&site, 0, sizeof site);
    CHECK(loop_init(&site.control) == OK);
    CHECK(stats_init(&site.stats, CORES + 1) == OK);
    CHECK(registry_init(&site.registry, &site.stats, &site.stats.blocks[CORES]) == OK);
    for (uint32_t i = 0; i < CORES; i++) {
        site.workers[i] = heap_new(sizeof *site.workers[i]);
        CHECK(site.workers[i] != NULL);
        CHECK(worker_init(site.workers[i], i, CORES, &site.control) == OK);
        site.cores[i] = &site.workers[i]->core;
        site.cores[i]->stats = &site.stats.blocks[i];
        static const struct str name[1] = {{"x", 1}};
        site.workers[i]->cell_busy = registry_series(&site.registry, METRIC_loop_busy, name);
        for (size_t j = 0; j < COUNT_OF(site.workers[i]->slab_cells); j++) {
            uint32_t cell = registry_series(&site.registry, METRIC_slab_used, name);
            site.workers[i]->slab_cells[j] = (struct worker_slab_cells){cell, cell, cell};
        }
    }
    const struct roster_conf roster = {.loop = &site.control,
                                       .cores = site.cores,
                                       .core_count = CORES,
                                       .registry = &site.registry,
                                       .on_change = on_change};
    roster_init(&site.roster, &roster);
}

static struct snapshot *compile(const char *status)
{
    static const uint32_t slots[1] = {0};
    const struct config_opts opts = {.kinds = policy_kinds, .kind_count = POLICY_COUNT};
    struct config *config;
    struct diags diags;
    char yaml[256];
    int len = snprintf(yaml, sizeof yaml,
                       "listeners: { http: { port: 1 } }\n"
                       "routes: { all: { match: /*, respond: { status: %s } } }\n",
                       status);
    diags_init(&diags);
    CHECK(config_load_text("w", str_of(yaml, (size_t)len), &opts, &diags, &config) == OK);
    diags_drop(&diags);
    const struct world_conf conf = {.config = config,
                                    .policy_types = policy_types,
                                    .policy_count = POLICY_COUNT,
                                    .roster = &site.roster,
                                    .registry = &site.registry,
                                    .slots = slots,
                                    .slot_count = 1,
                                    .number = ++site.generation};
    CHECK(world_compile(&conf, &site.snapshot) == OK);
    site.worlds++;
    site.snapshot->core_count = CORES;
    return site.snapshot;
}

/* Publishes to all cores; `fds` adds a listener in slot 0 with these descriptors, one a core. */
static void publish(const char *status, const int *fds)
{
    struct snapshot *snapshot = compile(status);
    struct publication_group *group =
        heap_new(sizeof *group + sizeof(struct publication) * CORES);
    CHECK(group != NULL);
    group->ack.deliver = on_published;
    group->updates = roster_take_updates(&site.roster);
    group->count = CORES;
    atomic_store_explicit(&group->left, CORES, memory_order_relaxed);
    for (uint32_t i = 0; i < CORES; i++) {
        struct core_generation *held = heap_new(sizeof *held);
        CHECK(held != NULL);
        held->generation = (struct generation){.number = snapshot->number,
                                               .snapshot = snapshot,
                                               .listeners = snapshot->listeners,
                                               .listener_count = snapshot->listener_count};
        list_init(&held->generation.node);
        held->mail.deliver = on_generation_done;
        held->control = &site.control;
        group->at[i].worker = site.workers[i];
        group->at[i].group = group;
        group->at[i].generation = &held->generation;
        if (fds != NULL) {
            group->at[i].change_count = 1;
            group->at[i].changes[0].fd = fds[i];
            CHECK(addr_parse_ip(STR("127.0.0.1"), &group->at[i].changes[0].addr) == OK);
            group->at[i].changes[0].addr.port = site.port;
        }
    }
    for (uint32_t i = 0; i < CORES; i++) {
        worker_post(&group->at[i]);
    }
}

static void bind_all(int fds[CORES])
{
    struct addr addr;
    CHECK(addr_parse_ip(STR("127.0.0.1"), &addr) == OK);
    for (uint32_t i = 0; i < CORES; i++) {
        CHECK(socket_listen(&addr, 64, true, &fds[i]) == OK);
        CHECK(socket_local(fds[i], &addr) == OK);
    }
    site.port = addr.port;
}

static bool wait_for(const unsigned *what, unsigned wanted)
{
    int64_t until_ms = clock_mono_ns() / NS_PER_MS + WAIT_MS;
    while (*what != wanted && clock_mono_ns() / NS_PER_MS < until_ms) {
        loop_turn(&site.control, 10);
    }
    return *what == wanted;
}

static void start_all(void)
{
    for (uint32_t i = 0; i < CORES; i++) {
        CHECK(worker_start(site.workers[i]) == OK);
    }
}

static void close_site(void)
{
    for (uint32_t i = 0; i < CORES; i++) {
        worker_stop(site.workers[i]);
        WANT_INT(site.cores[i]->sessions.used_count, 0);
        WANT_INT(site.cores[i]->exchanges.used_count, 0);
        WANT_INT(site.cores[i]->blocks.used_count, 0);
    }
    loop_turn(&site.control, 0);
    WANT_INT(site.worlds, 1);
    for (uint32_t i = 0; i < CORES; i++) {
        heap_free(CONTAINER_OF(site.cores[i]->current, struct core_generation, generation));
        worker_drop(site.workers[i]);
        heap_free(site.workers[i]);
    }
    world_free(site.snapshot);
    roster_drop(&site.roster);
    registry_drop(&site.registry);
    stats_drop(&site.stats);
    loop_drop(&site.control);
}

static int dial(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons(site.port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&name, sizeof name) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* What is answered, up to the end of the head; 0: the end, or nothing within the time. */
static int status_of(int fd, const char *request)
{
    char heard[4096] = {0};
    size_t len = 0;
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0) {
        return 0;
    }
    while (strstr(heard, "\r\n\r\n") == NULL && len < sizeof heard - 1) {
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&polled, 1, WAIT_MS) == 1 ? recv(fd, heard + len, sizeof heard - 1 - len, 0)
                                                   : 0;
        if (n <= 0) {
            return 0;
        }
        len += (size_t)n;
    }
    return len > 12 ? (heard[9] - '0') * 100 + (heard[10] - '0') * 10 + heard[11] - '0' : 0;
}

#define GET_ROOT "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

TEST(what_was_published_before_the_threads_start_is_served)
{
    int fds[CORES];
    open_site();
    bind_all(fds);
    publish("201", fds);
    start_all();
    WANT(wait_for(&site.published, 1));
    for (int i = 0; i < 8; i++) {
        int fd = dial();
        WANT_INT(status_of(fd, GET_ROOT), 201);
        (void)close(fd);
    }
    close_site();
}

TEST(publications_reach_every_core_under_traffic)
{
    static const char *const statuses[] = {"201", "202"};
    int fds[CORES], clients[8];
    open_site();
    bind_all(fds);
    publish("201", fds);
    start_all();
    WANT(wait_for(&site.published, 1));
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        clients[i] = dial();
    }
    for (unsigned i = 0; i < 50; i++) {
        publish(statuses[i % 2], NULL);
        for (size_t j = 0; j < COUNT_OF(clients); j++) {
            int status = status_of(clients[j], GET_ROOT);
            WANT(status == 201 || status == 202);
        }
        loop_turn(&site.control, 0);
    }
    WANT(wait_for(&site.published, 51));
    WANT(wait_for(&site.worlds, 1));
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        WANT_INT(status_of(clients[i], GET_ROOT), 202);
        (void)close(clients[i]);
    }
    close_site();
}

TEST(a_removed_listener_lets_go_and_takes_its_idle_connections_along)
{
    static const int none[CORES] = {-1, -1};
    int fds[CORES];
    open_site();
    bind_all(fds);
    publish("201", fds);
    start_all();
    WANT(wait_for(&site.published, 1));
    int idle = dial();
    WANT_INT(status_of(idle, GET_ROOT), 201);
    publish("202", none);
    WANT(wait_for(&site.published, 2));
    WANT_INT(status_of(idle, GET_ROOT), 0);
    WANT_INT(dial(), -1);
    (void)close(idle);
    close_site();
}

static void on_drained(struct loop *loop, struct mail *mail)
{
    (void)loop;
    (void)mail;
    site.drained++;
}

TEST(draining_ends_idle_connections_finishes_what_is_begun_and_tells)
{
    int fds[CORES];
    open_site();
    bind_all(fds);
    publish("201", fds);
    start_all();
    WANT(wait_for(&site.published, 1));
    int idle = dial(), half = dial();
    WANT_INT(status_of(idle, GET_ROOT), 201);
    WANT(send(half, "GET / HT", 8, 0) == 8);
    struct timespec moment = {.tv_nsec = 20000000};
    (void)nanosleep(&moment, NULL);
    for (uint32_t i = 0; i < CORES; i++) {
        worker_drain(site.workers[i], on_drained);
    }
    WANT_INT(status_of(idle, GET_ROOT), 0);
    WANT_INT(status_of(half, "TP/1.1\r\nHost: a\r\n\r\n"), 201);
    WANT(wait_for(&site.drained, CORES));
    WANT_INT(dial(), -1);
    (void)close(idle);
    (void)close(half);
    close_site();
}

TEST(stopping_gives_everything_back_whatever_connections_are_doing)
{
    int fds[CORES], clients[4];
    open_site();
    bind_all(fds);
    publish("201", fds);
    start_all();
    WANT(wait_for(&site.published, 1));
    static const char *const said[] = {"", "GET / HT", "GET / HTTP/1.1\r\n\r\n",
                                       "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"};
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        clients[i] = dial();
        WANT(send(clients[i], said[i], strlen(said[i]), 0) >= 0);
    }
    struct timespec moment = {.tv_nsec = 30000000};
    (void)nanosleep(&moment, NULL);
    close_site(); /* idle, reading, lingering, draining */
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        (void)close(clients[i]);
    }
}
