/* demo_ports.c - free ports for the example; see demo_ports.h. A port that was found stays bound
 * until all are found, so that no two are the same. */
#include "cli/demo_ports.h"

#include "base/strbuf.h"
#include "net/socket.h"

enum { MOVES_MAX = 256 };

struct moving {
    struct arena *arena;
    FILE *out;
    uint32_t count;
    int fds[MOVES_MAX];
};

static struct str text_of(struct arena *arena, const struct addr *addr)
{
    char room[ADDR_TEXT_BYTES_MAX];
    struct strbuf out = strbuf_over(room, sizeof room);
    addr_add(&out, addr);
    return arena_fmt(arena, "%.*s", STR_FMT(strbuf_str(&out)));
}

/* True: the address was taken and has another port now. */
static bool move(struct moving *moving, struct addr *addr)
{
    /* Without an address it is bound on all of them. */
    struct addr bound = *addr, found;
    bound.family = addr->family == ADDR_NONE ? ADDR_V6 : addr->family;
    if (addr->port == 0 || moving->count == MOVES_MAX ||
        socket_listen_probe(&bound) != ERR_ADDRESS_IN_USE) {
        return false;
    }
    int *fd = &moving->fds[moving->count];
    bound.port = 0;
    if (socket_listen(&bound, 1, false, fd) != OK) {
        return false;
    }
    if (socket_local(*fd, &found) != OK) {
        socket_close(fd);
        return false;
    }
    (void)fprintf(moving->out, "Port %u is taken on this machine: %u instead.\n", addr->port,
                  found.port);
    addr->port = found.port;
    moving->count++;
    return true;
}

static void move_targets(struct moving *moving, struct conf_targets *targets)
{
    for (uint32_t i = 0; i < targets->count; i++) {
        struct conf_target *target = &targets->at[i];
        if (target->kind == CONF_TARGET_ADDRESS && move(moving, &target->addr)) {
            target->port = target->addr.port;
            target->text = text_of(moving->arena, &target->addr);
        }
    }
}

static void move_service(struct moving *moving, struct conf_service *service)
{
    bool is_written_alone = service->targets.count > 0;
    for (uint32_t i = 0; i < service->versions.count; i++) {
        move_targets(moving, &service->versions.at[i].targets);
    }
    if (is_written_alone) {
        /* Printed are the targets as written; what was moved is the version made of them. */
        service->targets = service->versions.at[0].targets;
    }
}

uint32_t demo_ports_move(struct config *config, struct arena *arena, FILE *out)
{
    struct moving moving = {.arena = arena, .out = out};
    for (uint32_t i = 0; i < config->listeners.count; i++) {
        (void)move(&moving, &config->listeners.at[i].addr);
    }
    (void)move(&moving, &config->observe.metrics.addr);
    for (uint32_t i = 0; i < config->services.count; i++) {
        move_service(&moving, &config->services.at[i]);
    }
    for (uint32_t i = 0; i < moving.count; i++) {
        socket_close(&moving.fds[i]);
    }
    return moving.count;
}
