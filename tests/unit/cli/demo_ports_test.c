/* demo_ports_test.c - addresses that are taken are left, the others are kept. */
#include "cli/demo_ports.h"

#include "base/check.h"
#include "net/socket.h"
#include "test.h"
#include "text/sink.h"

static struct config *read_config(struct str text)
{
    struct diags diags;
    struct config *config = NULL;
    const struct config_opts opts = {0};
    diags_init(&diags);
    CHECK(config_load_text("file", text, &opts, &diags, &config) == OK);
    diags_drop(&diags);
    return config;
}

/* A port that somebody listens on, on every address or on 127.0.0.1. */
static uint16_t take(int *fd, bool is_any)
{
    struct addr addr = {.family = ADDR_V4, .ip = {127, 0, 0, 1}};
    if (is_any) {
        addr = (struct addr){.family = ADDR_V6};
    }
    CHECK(socket_listen(&addr, 1, false, fd) == OK);
    CHECK(socket_local(*fd, &addr) == OK);
    return addr.port;
}

TEST(what_is_taken_moves_and_can_be_written_and_read_again)
{
    int fds[4];
    char yaml[1024];
    struct arena arena;
    struct sink sink;
    unsigned taken[4], kept;
    FILE *out = fopen("/dev/null", "w");
    for (int i = 0; i < 4; i++) {
        taken[i] = take(&fds[i], i == 0);
    }
    int free_fd;
    kept = take(&free_fd, false);
    socket_close(&free_fd);
    (void)snprintf(yaml, sizeof yaml,
                   "listeners: { http: { port: %u } }\n"
                   "services:\n"
                   "  a: { versions: { v1: { targets: [127.0.0.1:%u, 127.0.0.1:%u] } } }\n"
                   "  b: { targets: 127.0.0.1:%u }\n"
                   "routes: { a: { match: /a/*, to: a }, b: { match: /b/*, to: b } }\n"
                   "observe: { metrics: { listen: 127.0.0.1:%u } }\n",
                   taken[0], taken[1], kept, taken[2], taken[3]);
    arena_init_heap(&arena, 1 << 20);
    sink_to_memory(&sink, &arena);
    struct config *config = read_config(str_from_c(yaml));
    WANT_INT(demo_ports_move(config, &arena, out), 4);
    config_write_yaml(config, &sink);
    struct config *again = read_config(sink_str(&sink));
    WANT(again->listeners.at[0].addr.port != taken[0]);
    WANT(again->observe.metrics.addr.port != taken[3]);
    WANT(again->services.at[0].versions.at[0].targets.at[0].port != taken[1]);
    WANT_INT(again->services.at[0].versions.at[0].targets.at[1].port, kept);
    WANT(again->services.at[1].versions.at[0].targets.at[0].port != taken[2]);
    WANT_INT(demo_ports_move(again, &arena, out), 0);
    config_free(config);
    config_free(again);
    arena_reset(&arena);
    for (int i = 0; i < 4; i++) {
        socket_close(&fds[i]);
    }
    (void)fclose(out);
}
