/* desk.c - a control thread that a test turns by hand: what process.c opens before its threads, and
 * the other way round at the end, so that a leak is a leak. See desk.h. */
#include "desk.h"

#include "base/check.h"
#include "base/heap.h"
#include "base/strbuf.h"
#include "edge/session.h"
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

struct process *desk_open(void)
{
    static const struct resolver_conf resolver = {.servers = "127.0.0.1:9"};
    struct process *process = heap_new(sizeof *process);
    CHECK(process != NULL);
    process->core_count = 1;
    list_init(&process->groups);
    arena_init_heap(&process->arena, DESK_ARENA_BYTES);
    CHECK(loop_init(&process->loop) == OK);
    process->loop.owner = process;
    CHECK(stats_init(&process->stats, 3) == OK);
    process->stats_block = &process->stats.blocks[1];
    CHECK(registry_init(&process->registry, &process->stats, process->stats_block) == OK);
    CHECK(resolver_init(&process->resolver, &process->loop, &resolver) == OK);
    process->workers[0] = heap_new(sizeof *process->workers[0]);
    CHECK(process->workers[0] != NULL);
    CHECK(worker_init(process->workers[0], 0, 1, &process->loop) == OK);
    process->workers[0]->core.stats = &process->stats.blocks[0];
    process->workers[0]->core.session_max = 1000;
    process->cores[0] = &process->workers[0]->core;
    const struct roster_conf roster = {.loop = &process->loop,
                                       .cores = process->cores,
                                       .core_count = 1,
                                       .resolver = &process->resolver,
                                       .registry = &process->registry,
                                       .on_change = publish_updates,
                                       .owner = process};
    roster_init(&process->roster, &roster);
    const struct health_conf health = {.loop = &process->loop,
                                       .registry = &process->registry,
                                       .block = process->stats_block,
                                       .seed = 1};
    health_init(&process->health, &health);
    handover_open(&process->handover);
    process->is_ready = true;
    return process;
}

void desk_turn(struct process *process)
{
    for (int i = 0; i < 4; i++) {
        loop_turn(process->cores[0] == NULL ? &process->loop : &process->cores[0]->loop, 1);
        loop_turn(&process->loop, 1);
    }
}

enum err desk_publish_text(struct process *process, struct str text)
{
    const struct config_opts opts = process_config_opts();
    struct config *config = NULL;
    struct diags diags;
    diags_init(&diags);
    enum err e = config_load_text("desk.yaml", text, &opts, &diags, &config);
    for (uint32_t i = 0; i < diags.errors.kept; i++) {
        printf("# %.*s\n", STR_FMT(diags.errors.at[i].message));
    }
    diags_drop(&diags);
    CHECK(e == OK);
    e = publish_config(process, config);
    desk_turn(process);
    return e;
}

enum err desk_publish(struct process *process, const char *format, ...)
{
    char text[DESK_YAML_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    CHECK(len > 0 && len < DESK_YAML_MAX);
    return desk_publish_text(process, str_of(text, (size_t)len));
}

void desk_close(struct process *process)
{
    struct core *core = process->cores[0];
    LIST_EACH_SAFE(node, &core->session_list) {
        session_abort(CONTAINER_OF(node, struct session, node), false);
    }
    for (uint32_t slot = 0; slot < WORKER_SLOTS_MAX; slot++) {
        if (process->workers[0]->is_listening[slot]) {
            listener_close(&process->workers[0]->listeners[slot]);
        }
    }
    desk_turn(process);
    observe_close(process);
    if (core->current != NULL) {
        heap_free(CONTAINER_OF(core->current, struct core_generation, generation));
    }
    for (size_t i = 0; i < COUNT_OF(process->snapshots); i++) {
        world_free(process->snapshots[i]);
    }
    health_drop(&process->health);
    roster_drop(&process->roster);
    resolver_drop(&process->resolver);
    registry_drop(&process->registry);
    worker_drop(process->workers[0]);
    heap_free(process->workers[0]);
    stats_drop(&process->stats);
    arena_reset(&process->arena);
    loop_drop(&process->loop);
    handover_close(&process->handover);
    heap_free(process);
}

unsigned desk_port(int *fd)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof name;
    int own = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(own >= 0);
    CHECK(bind(own, (const struct sockaddr *)&name, bytes) == 0);
    CHECK(getsockname(own, (struct sockaddr *)&name, &bytes) == 0);
    if (fd != NULL) {
        CHECK(listen(own, 1) == 0);
        *fd = own;
    } else {
        (void)close(own);
    }
    return ntohs(name.sin_port);
}

int desk_connect(unsigned port)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&name, sizeof name) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool desk_answers(struct process *process, int fd, const char *request,
                                const char *text)
{
    char heard[65536];
    size_t len = 0;
    if (fd < 0 || send(fd, request, strlen(request), MSG_NOSIGNAL) < 0) {
        return false;
    }
    for (int i = 0; i < 200; i++) {
        desk_turn(process);
        ssize_t n = recv(fd, heard + len, sizeof heard - 1 - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
        heard[len] = '\0';
        if (strstr(heard, text) != NULL) {
            return true;
        }
        if (n == 0) {
            return false;
        }
    }
    return false;
}
