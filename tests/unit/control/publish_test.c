/* publish_test.c - configurations put to use: sockets, instances and snapshots of each, and that one
 * which cannot be put to use has changed nothing. */
#include "desk.h"

#include "base/strbuf.h"

#include "upstream/origin.h"

#define GET_ROOT "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define QUIET "observe: { access_log: off }\n"
#define TEAPOT                                                                                     \
    "listeners: { http: { listen: 127.0.0.1:%u } }\n"                                              \
    "routes: { all: { match: /*, respond: { status: %d } } }\n" QUIET
#define FORWARD                                                                                    \
    "listeners: { http: { listen: 127.0.0.1:%u } }\n"                                              \
    "services: { it: { targets: [127.0.0.1:%u] } }\n"                                              \
    "routes: { all: { match: /*, to: it } }\n" QUIET

static struct endpoint *endpoint_of(struct process *process)
{
    struct cluster *cluster = process->current->services[0].versions[0].cluster;
    const struct balance_set *set = cluster->parts[0].set; /* as the core has it */
    return set->endpoints[0];
}

TEST(a_configuration_is_put_to_use_and_the_next_one_replaces_it)
{
    struct process *process = desk_open();
    unsigned port = desk_port(NULL);
    WANT_INT(desk_publish(process, TEAPOT, port, 418), OK);
    WANT_INT(process->generation, 1);
    int fd = desk_connect(port);
    WANT(desk_answers(process, fd, GET_ROOT, "HTTP/1.1 418"));
    WANT_INT(desk_publish(process, TEAPOT, port, 410), OK);
    WANT_INT(process->generation, 2);
    WANT(desk_answers(process, fd, GET_ROOT, "HTTP/1.1 410")); /* the same connection */
    size_t alive = 0;
    for (size_t i = 0; i < COUNT_OF(process->snapshots); i++) {
        alive += process->snapshots[i] != NULL;
    }
    WANT_INT(alive, 1);
    (void)close(fd);
    desk_close(process);
}

TEST(listeners_come_and_go_and_the_connections_of_those_that_went_end)
{
    struct process *process = desk_open();
    unsigned first = desk_port(NULL), second = desk_port(NULL);
    WANT_INT(desk_publish(process, TEAPOT, first, 418), OK);
    int fd = desk_connect(first);
    WANT(desk_answers(process, fd, GET_ROOT, "HTTP/1.1 418"));
    WANT_INT(desk_publish(process, TEAPOT, second, 418), OK);
    char byte;
    WANT_INT(recv(fd, &byte, 1, 0), 0);
    (void)close(fd);
    WANT_INT(desk_connect(first), -1);
    fd = desk_connect(second);
    WANT(desk_answers(process, fd, GET_ROOT, "HTTP/1.1 418"));
    (void)close(fd);
    /* The first place is free again. */
    WANT_INT(desk_publish(process, TEAPOT, first, 418), OK);
    fd = desk_connect(first);
    WANT(desk_answers(process, fd, GET_ROOT, "HTTP/1.1 418"));
    (void)close(fd);
    desk_close(process);
}

TEST(a_refused_configuration_has_changed_nothing)
{
    static const struct {
        const char *before, *after; /* a port that is taken */
    } faults[] = {{"observe: { access_log: off, metrics: { listen: \"127.0.0.1:", "\" } }\n"},
                  {"observe: { access_log: { to: /no/such/folder/", ".log } }\n"},
                  {QUIET "admin: { listen: unix:/no/such/folder/", ".sock }\n"}};
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        struct process *process = desk_open();
        char room[DESK_YAML_MAX];
        struct strbuf yaml = strbuf_over(room, sizeof room);
        int taken_fd;
        unsigned port = desk_port(NULL), other = desk_port(NULL), taken = desk_port(&taken_fd);
        WANT_INT(desk_publish(process, FORWARD, port, 1001U), OK);
        struct endpoint *endpoint = endpoint_of(process);
        strbuf_add_fmt(&yaml, FORWARD, other, 1002U);
        yaml.len -= sizeof QUIET - 1;
        strbuf_add_fmt(&yaml, "%s%u%s", faults[i].before, taken, faults[i].after);
        WANT(desk_publish_text(process, strbuf_str(&yaml)) != OK);
        WANT_INT(process->generation, 1);
        WANT(endpoint_is_usable(endpoint));
        WANT(endpoint_of(process) == endpoint);
        WANT(process->roster.updates == NULL);
        WANT_INT(desk_connect(other), -1);
        /* And the right one is taken after. */
        WANT_INT(desk_publish(process, FORWARD, port, 1003U), OK);
        WANT_INT(endpoint_of(process)->addr.port, 1003);
        (void)close(taken_fd);
        desk_close(process);
    }
}

TEST(a_taken_port_is_refused_by_name_and_what_was_bound_before_it_is_let_go)
{
    struct process *process = desk_open();
    int taken_fd;
    unsigned port = desk_port(NULL), taken = desk_port(&taken_fd);
    WANT(desk_publish(process,
                      "listeners:\n  one: { listen: 127.0.0.1:%u }\n  two: { listen: 127.0.0.1:%u }\n"
                      "routes: { all: { match: /*, respond: { status: 204 } } }\n" QUIET,
                      port, taken) == ERR_ADDRESS_IN_USE);
    WANT_INT(desk_connect(port), -1);
    WANT_INT(desk_publish(process, TEAPOT, port, 418), OK);
    (void)close(taken_fd);
    desk_close(process);
}

TEST(a_snapshot_lives_as_long_as_an_exchange_is_bound_to_it)
{
    struct process *process = desk_open();
    int origin_fd;
    unsigned port = desk_port(NULL), origin = desk_port(&origin_fd);
    WANT_INT(desk_publish(process, FORWARD, port, origin), OK);
    const struct snapshot *first = process->current;
    int fd = desk_connect(port);
    WANT(!desk_answers(process, fd, GET_ROOT, "200")); /* it waits for the origin */
    WANT_INT(desk_publish(process, TEAPOT, port, 418), OK);
    WANT_INT(first->core_count, 1);
    int conn = accept(origin_fd, NULL, NULL);
    WANT(write(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38) == 38);
    WANT(desk_answers(process, fd, GET_ROOT, "HTTP/1.1 418"));
    size_t alive = 0;
    for (size_t i = 0; i < COUNT_OF(process->snapshots); i++) {
        alive += process->snapshots[i] != NULL;
    }
    WANT_INT(alive, 1);
    (void)close(conn);
    (void)close(fd);
    (void)close(origin_fd);
    desk_close(process);
}

TEST(an_address_without_a_host_is_every_address)
{
    const struct addr any = {.port = 80};
    WANT_INT(publish_bind_addr(&any).family, ADDR_V6);
    WANT_INT(publish_bind_addr(&any).port, 80);
    struct addr one;
    WANT_INT(addr_parse_ip(STR("127.0.0.1"), &one), OK);
    const struct addr bound = publish_bind_addr(&one);
    WANT(addr_eq(&bound, &one));
}
