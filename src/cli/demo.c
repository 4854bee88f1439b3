/* demo.c - `sluice demo`: the example, served in front of instances that this program plays, so
 * that everything can be tried with one command and no other software.
 * Three processes besides the gateway's own: this one waits and tells, one plays the instances, one
 * is the supervisor. With DEMO_SECONDS in the environment it drives itself and judges answers. */
#define _GNU_SOURCE
#include "cli/demo_drive.h"
#include "cli/demo_ports.h"
#include "cli/demo_shots.h"
#include "cli/launch.h"
#include "cli/load.h"
#include "cli/quickstart.h"
#include "text/sink.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    START_MS = 10000,
    POLL_MS = 20,
    SECONDS_MAX = 3600,
    PATH_BYTES = 64,
    DEMO_BYTES_MAX = 16 << 20
};

#define DEMO_ENV_SECONDS "DEMO_SECONDS"
#define DEMO_FILE "examples/quickstart.yaml"

struct demo {
    const struct args *args;
    const char *path;
    struct config *config;
    struct shots shots;
    struct addr gateway;
    pid_t origins, server; /* 0: not there */
    int64_t seconds;       /* 0: until told to stop */
    bool is_built_in;      /* the file is in the program */
};

/* The file that is served: the one named, the example in a source tree, or its copy in here. */
static enum err find_file(struct demo *demo, char *room, size_t room_bytes)
{
    demo->path = demo->args->operand_count > 0 ? demo->args->operands[0] : DEMO_FILE;
    if (demo->args->operand_count > 0 || access(DEMO_FILE, R_OK) == 0) {
        return OK;
    }
    demo->path = room;
    demo->is_built_in = true;
    return launch_keep_text(str_from_c(quickstart_text), room, room_bytes);
}

/* The example goes where there is room; a file that was named is served as it is written. */
static enum exit_code make_room(struct demo *demo, struct arena *arena, char *room,
                                size_t room_bytes)
{
    struct sink yaml;
    if (demo->args->operand_count > 0 || demo_ports_move(demo->config, arena, stdout) == 0) {
        return EXIT_OK;
    }
    sink_to_memory(&yaml, arena);
    config_write_yaml(demo->config, &yaml);
    config_free(demo->config);
    demo->config = NULL;
    demo->path = room;
    demo->is_built_in = true;
    if (yaml.has_failed || launch_keep_text(sink_str(&yaml), room, room_bytes) != OK) {
        complain(demo->args, "no memory for the example");
        return EXIT_FAILED;
    }
    return load_file(demo->path, &demo->config);
}

static const char *name_of(const struct demo *demo)
{
    return demo->is_built_in ? "the built-in quick start" : demo->path;
}

/* In a child: it ends with its parent, whatever happened to that. */
static void follow_parent(pid_t parent, int signal_number)
{
    (void)prctl(PR_SET_PDEATHSIG, signal_number);
    if (getppid() != parent) {
        _exit(EXIT_FAILED);
    }
}

static enum exit_code start_origins(struct demo *demo)
{
    uint32_t failed;
    pid_t parent = getpid();
    enum err e = demo_origin_bind(demo->shots.instances, demo->shots.instance_count, &failed);
    if (e != OK) {
        complain(demo->args, "instance %.*s: %s", STR_FMT(demo->shots.instances[failed].name),
                 err_text(e));
        return EXIT_FAILED;
    }
    demo->origins = fork();
    if (demo->origins == 0) {
        /* Ctrl-C is for the gateway, which still needs its instances to drain. */
        (void)signal(SIGINT, SIG_IGN);
        follow_parent(parent, SIGKILL);
        e = demo_origin_serve(demo->shots.instances, demo->shots.instance_count);
        complain(demo->args, "the instances cannot be played: %s", err_text(e));
        _exit(EXIT_FAILED);
    }
    demo_origin_close(demo->shots.instances, demo->shots.instance_count);
    return demo->origins > 0 ? EXIT_OK : EXIT_FAILED;
}

static void silence_stdout(void)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)dup2(fd, STDOUT_FILENO);
    }
}

static enum exit_code start_server(struct demo *demo)
{
    pid_t parent = getpid();
    (void)fflush(stdout);
    demo->server = fork();
    if (demo->server == 0) {
        const struct launch conf = {.path = demo->path,
                                    .cores = args_value(demo->args, "cores"),
                                    .log_level = demo->seconds > 0 ? "warn" : NULL};
        follow_parent(parent, SIGTERM);
        if (demo->seconds > 0) {
            silence_stdout(); /* a line for each of thousands of requests says nothing */
        }
        _exit((int)launch(&conf));
    }
    return demo->server > 0 ? EXIT_OK : EXIT_FAILED;
}

/* Whether the server has ended by itself; it is then forgotten. */
static bool has_ended(struct demo *demo, int *status)
{
    if (demo->server > 0 && waitpid(demo->server, status, WNOHANG) == demo->server) {
        demo->server = 0;
        return true;
    }
    return false;
}

static enum exit_code wait_until_ready(struct demo *demo)
{
    struct addr addr = demo->config->observe.metrics.addr;
    int status = 0;
    if (addr.port == 0) {
        addr = demo->gateway;
    }
    for (int waited_ms = 0; waited_ms < START_MS; waited_ms += POLL_MS) {
        if (has_ended(demo, &status)) {
            return EXIT_FAILED; /* it has said why */
        }
        if (demo_is_answering(&addr)) {
            return EXIT_OK;
        }
        (void)poll(NULL, 0, POLL_MS);
    }
    complain(demo->args, "the gateway does not answer");
    return EXIT_FAILED;
}

static void print_address(const struct addr *addr)
{
    char room[ADDR_TEXT_BYTES_MAX];
    struct strbuf out = strbuf_over(room, sizeof room);
    addr_add(&out, addr);
    printf("http://%.*s", STR_FMT(strbuf_str(&out)));
}

static void print_shot(const struct demo *demo, const struct shot *shot)
{
    const struct conf_route *route = shot->route;
    printf("  curl ");
    if (!str_eq(shot->method, STR("GET"))) {
        printf("-X %.*s ", STR_FMT(shot->method));
    }
    if (shot->host.len > 0) {
        printf("-H 'Host: %.*s' ", STR_FMT(shot->host));
    }
    for (uint32_t i = 0; i < shot->field_count; i++) {
        printf("-H '%.*s: %.*s' ", STR_FMT(shot->fields[i].name), STR_FMT(shot->fields[i].value));
    }
    print_address(&demo->gateway);
    printf("%.*s\n      route %.*s", STR_FMT(shot->url_path), STR_FMT(route->name));
    if (route->action == CONF_TO_SERVICE) {
        const struct conf_service *service = route->service;
        printf(", answered by %.*s", STR_FMT(service->name));
        for (uint32_t i = 0; i < service->versions.count && service->versions.count > 1; i++) {
            printf("%s%.*s with weight %lld", i == 0 ? ": " : ", ",
                   STR_FMT(service->versions.at[i].name),
                   (long long)service->versions.at[i].weight);
        }
    }
    printf("\n");
}

static void print_what_to_try(const struct demo *demo)
{
    printf("Sluice serves %s on ", name_of(demo));
    print_address(&demo->gateway);
    printf(
        ", in front of %u instances that\nthis program plays. Each answers with JSON that says who "
        "it is and what it received.\n\nTry:\n",
        demo->shots.instance_count);
    for (uint32_t i = 0; i < demo->shots.count; i++) {
        print_shot(demo, &demo->shots.at[i]);
    }
    printf("  curl -i ");
    print_address(&demo->gateway);
    printf("/no/such/place\n      the gateway's own answer: 404, problem+json with the code "
           "no_route\n");
    if (demo->config->observe.metrics.addr.port != 0) {
        printf("  curl ");
        print_address(&demo->config->observe.metrics.addr);
        printf("/metrics\n      what was counted, for Prometheus\n");
    }
    if (!demo->is_built_in) {
        printf("  edit %s, then: sluice reload --pid %d\n      taken over without a dropped "
               "connection, or refused with the reason\n",
               demo->path, (int)demo->server);
    }
    printf("\nA line of JSON tells of each request. Ctrl-C ends it.\n");
    (void)fflush(stdout);
}

/* Until the server ends, by Ctrl-C, by a signal that is passed on, or by itself. */
static enum exit_code wait_for_end(struct demo *demo, const sigset_t *waited)
{
    int status = 0;
    while (!has_ended(demo, &status)) {
        siginfo_t info;
        int number = sigwaitinfo(waited, &info);
        /* The terminal has told the whole group already. */
        if ((number == SIGTERM || number == SIGINT) && info.si_code != SI_KERNEL) {
            (void)kill(demo->server, SIGTERM);
        }
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? EXIT_OK : EXIT_FAILED;
}

static void end_server(struct demo *demo)
{
    if (demo->server > 0) {
        (void)kill(demo->server, SIGTERM);
        (void)waitpid(demo->server, NULL, 0);
        demo->server = 0;
    }
}

static enum exit_code drive(struct demo *demo)
{
    uint32_t sent = 0;
    enum err e = demo_drive(&demo->shots, &demo->gateway, demo->seconds);
    end_server(demo);
    if (e != OK) {
        complain(demo->args, "a connection to the gateway failed: %s", err_text(e));
    }
    for (uint32_t i = 0; i < demo->shots.count; i++) {
        sent += demo->shots.at[i].sent;
    }
    printf("%u requests to %s, over connections that were kept alive:\n\n", sent, name_of(demo));
    bool is_right = shots_report(&demo->shots, stdout) && e == OK;
    printf("\n%s\n", is_right ? "All were answered as the file says."
                              : "Not all were answered as the file says.");
    return is_right ? EXIT_OK : EXIT_FAILED;
}

static enum exit_code play(struct demo *demo)
{
    sigset_t waited, before;
    (void)sigemptyset(&waited);
    (void)sigaddset(&waited, SIGTERM);
    (void)sigaddset(&waited, SIGINT);
    (void)sigaddset(&waited, SIGCHLD);
    enum exit_code code = start_origins(demo);
    if (code == EXIT_OK) {
        code = start_server(demo);
    }
    /* The children were made with the mask as it was. */
    (void)sigprocmask(SIG_BLOCK, &waited, &before);
    if (code == EXIT_OK) {
        code = wait_until_ready(demo);
    }
    if (code == EXIT_OK && demo->seconds > 0) {
        code = drive(demo);
    } else if (code == EXIT_OK) {
        print_what_to_try(demo);
        code = wait_for_end(demo, &waited);
    }
    end_server(demo);
    if (demo->origins > 0) {
        (void)kill(demo->origins, SIGKILL);
        (void)waitpid(demo->origins, NULL, 0);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}

/* Where a client on this machine reaches the first listener. */
static struct addr reach(const struct config *config)
{
    struct addr addr = config->listeners.at[0].addr;
    static const uint8_t any[sizeof addr.ip];
    if (addr.family == ADDR_NONE || memcmp(addr.ip, any, sizeof any) == 0) {
        addr = (struct addr){.family = ADDR_V4, .port = addr.port, .ip = {127, 0, 0, 1}};
    }
    return addr;
}

static enum exit_code read_seconds(struct demo *demo)
{
    const char *text = getenv(DEMO_ENV_SECONDS);
    uint64_t seconds = 0;
    if (text == NULL || text[0] == '\0') {
        return EXIT_OK;
    }
    if (!str_to_u64(str_from_c(text), &seconds) || seconds > SECONDS_MAX) {
        complain(demo->args, DEMO_ENV_SECONDS ": \"%s\" is not a number from 0 to %d", text,
                 SECONDS_MAX);
        return EXIT_USAGE;
    }
    demo->seconds = (int64_t)seconds;
    return EXIT_OK;
}

/* `paths` has room for two names: of the example, and of what it was moved to. */
static enum exit_code prepare(struct demo *demo, struct arena *arena, char (*paths)[PATH_BYTES])
{
    enum err e = find_file(demo, paths[0], PATH_BYTES);
    if (e != OK) {
        complain(demo->args, "no memory file for the example: %s", err_text(e));
        return EXIT_FAILED;
    }
    enum exit_code code = load_file(demo->path, &demo->config);
    if (code == EXIT_OK) {
        code = make_room(demo, arena, paths[1], PATH_BYTES);
    }
    if (code == EXIT_OK &&
        (shots_init(&demo->shots, demo->config) != OK || demo->config->listeners.count == 0)) {
        complain(demo->args,
                 "%s cannot be played: it needs a listener, and at most %d targets, which are "
                 "addresses of this machine",
                 name_of(demo), (int)DEMO_INSTANCES_MAX);
        code = EXIT_FAILED;
    }
    return code;
}

static enum exit_code run(const struct args *args)
{
    struct demo demo = {.args = args};
    struct arena arena;
    char paths[2][PATH_BYTES];
    enum exit_code code = read_seconds(&demo);
    if (code != EXIT_OK) {
        return code;
    }
    arena_init_heap(&arena, DEMO_BYTES_MAX);
    code = prepare(&demo, &arena, paths);
    if (code == EXIT_OK) {
        demo.gateway = reach(demo.config);
        code = play(&demo);
    }
    shots_drop(&demo.shots);
    config_free(demo.config);
    arena_reset(&arena);
    return code;
}

static const struct option options[] = {
    {.name = "cores", .value = "N", .summary = "Threads that serve"},
};

const struct verb_face verb_demo = {
    .options = options,
    .option_count = COUNT_OF(options),
    .operands_max = 1,
    .details =
        "FILE (default: examples/quickstart.yaml) is served, and every target in it is played by\n"
        "this program. With DEMO_SECONDS=5 in the environment it sends requests for so long,\n"
        "prints who answered them, and leaves with 0 only if all were answered as FILE says.",
    .run = run,
};
