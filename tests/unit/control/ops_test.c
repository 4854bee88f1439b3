/* ops_test.c - what operators watch, over reloads: it moves with the configuration, stays as it is
 * when one is refused, and holds nobody up. */
#include "desk.h"

#include "base/clock.h"
#include "base/strbuf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SERVED(metrics, more)                                                                      \
    "listeners: { http: { listen: 127.0.0.1:%u } }\n"                                              \
    "services: { it: { targets: [127.0.0.1:9] } }\n"                                               \
    "routes: { all: { match: /*, to: it } }\n"                                                     \
    "observe: { access_log: off" metrics " }\n" more
#define AT ", metrics: { listen: \"127.0.0.1:%u\" }"

static bool says(struct process *process, unsigned port, const char *target, const char *text)
{
    char request[128];
    struct strbuf out = strbuf_over(request, sizeof request - 1);
    strbuf_add_fmt(&out, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", target);
    request[out.len] = '\0';
    int fd = desk_connect(port);
    bool is_said = fd >= 0 && desk_answers(process, fd, request, text);
    (void)close(fd);
    return is_said;
}

TEST(health_readiness_and_metrics_are_told_where_the_file_says)
{
    struct process *process = desk_open();
    unsigned port = desk_port(NULL), first = desk_port(NULL), second = desk_port(NULL);
    WANT_INT(desk_publish(process, SERVED(AT, ""), port, first), OK);
    WANT(says(process, first, "/healthz", "HTTP/1.1 200"));
    WANT(says(process, first, "/readyz", "HTTP/1.1 200"));
    WANT(says(process, first, "/metrics", "sluice_config_generation 1"));
    WANT(says(process, first, "/metrics", "sluice_endpoint_in_flight{service=\"it\""));
    process->is_draining = true;
    WANT(says(process, first, "/readyz", "draining"));
    process->is_draining = false;
    process->is_ready = false;
    WANT(says(process, first, "/readyz", "starting"));
    process->is_ready = true;
    WANT_INT(desk_publish(process, SERVED(AT, ""), port, second), OK);
    WANT_INT(desk_connect(first), -1);
    WANT(says(process, second, "/metrics", "sluice_config_generation 2"));
    WANT_INT(desk_publish(process, SERVED("", ""), port), OK);
    WANT_INT(desk_connect(second), -1);
    WANT(process->ops == NULL);
    desk_close(process);
}

TEST(when_one_part_cannot_be_opened_none_has_moved)
{
    struct process *process = desk_open();
    char socket_path[] = "/tmp/sluice-ops-XXXXXX", admin[64];
    CHECK(mkdtemp(socket_path) != NULL);
    (void)snprintf(admin, sizeof admin, "%s/admin.sock", socket_path);
    unsigned port = desk_port(NULL), first = desk_port(NULL), second = desk_port(NULL);
    WANT_INT(desk_publish(process, SERVED(AT, "admin: { listen: \"unix:%s\" }\n"), port, first,
                          admin),
             OK);
    WANT(desk_publish(process, SERVED(AT, "admin: { listen: unix:/no/such/folder/a.sock }\n"), port,
                      second) != OK);
    WANT(says(process, first, "/metrics", "sluice_config_generation 1"));
    WANT_INT(desk_connect(second), -1);
    WANT(process->admin != NULL && access(admin, F_OK) == 0);
    /* What can be opened is used, and the rest stays. */
    WANT_INT(desk_publish(process, SERVED(AT, "admin: { listen: \"unix:%s\" }\n"), port, second,
                          admin),
             OK);
    WANT(says(process, second, "/metrics", "sluice_config_generation 2"));
    WANT_INT(desk_publish(process, SERVED(AT, ""), port, second), OK);
    WANT(process->admin == NULL && access(admin, F_OK) != 0);
    desk_close(process);
    (void)rmdir(socket_path);
}

#define LOGGED                                                                                     \
    "listeners: { http: { listen: 127.0.0.1:%u } }\n"                                              \
    "routes: { all: { match: /*, respond: { status: 204 } } }\n"                                   \
    "observe: { access_log: { to: \"%s\" } }\n"

TEST(a_log_whose_reader_takes_nothing_does_not_hold_a_reload_up)
{
    char folder[] = "/tmp/sluice-ops-XXXXXX", fifo[64], line[600];
    CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(fifo, sizeof fifo, "%s/log", folder);
    CHECK(mkfifo(fifo, 0600) == 0);
    int reader = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    memset(line, 'x', sizeof line);
    while (write(reader, line, sizeof line) > 0) { /* until it is full */
    }
    struct process *process = desk_open();
    unsigned port = desk_port(NULL);
    for (int i = 0; i < LOGS_ENDING_MAX + 2; i++) {
        WANT_INT(desk_publish(process, LOGGED, port, fifo), OK);
        int fd = desk_connect(port);
        WANT(desk_answers(process, fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "204 No Content"));
        (void)close(fd);
        desk_turn(process);
        int64_t start_ns = clock_mono_ns();
        WANT_INT(desk_publish(process, LOGGED, port, "off"), OK);
        WANT(i >= LOGS_ENDING_MAX || clock_mono_ns() - start_ns < 500 * NS_PER_MS);
    }
    WANT(process->ending[LOGS_ENDING_MAX - 1] != NULL);
    (void)close(reader);
    desk_close(process);
    (void)unlink(fifo);
    (void)rmdir(folder);
}

TEST(logs_that_have_ended_are_freed_by_the_sweep)
{
    char folder[] = "/tmp/sluice-ops-XXXXXX", file[64];
    CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(file, sizeof file, "%s/log", folder);
    struct process *process = desk_open();
    unsigned port = desk_port(NULL);
    WANT_INT(desk_publish(process, LOGGED, port, file), OK);
    WANT_INT(desk_publish(process, LOGGED, port, "off"), OK);
    for (int i = 0; i < 300 && process->ending[0] != NULL; i++) {
        (void)usleep(10000);
        observe_sweep(process);
    }
    WANT(process->ending[0] == NULL);
    WANT(process->log == NULL);
    desk_close(process);
    (void)unlink(file);
    (void)rmdir(folder);
}
