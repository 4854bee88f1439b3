/* checks_test.c - what is published is what is checked. */
#include "control/checks.h"

#include "desk.h"

#define FORWARD                                                                                    \
    "listeners: { http: { listen: 127.0.0.1:%u } }\n"                                              \
    "services: { it: { targets: [127.0.0.1:1, 127.0.0.1:2]%s } }\n"                                \
    "routes: { all: { match: /*, to: it } }\nobserve: { access_log: off }\n"

TEST(the_instances_of_a_configuration_are_checked_until_one_no_longer_says_so)
{
    struct process *process = desk_open();
    unsigned port = desk_port(NULL);
    WANT_INT(desk_publish(process, FORWARD, port, ", health: tcp every 1s"), OK);
    WANT_INT(process->health.check_count, 2);
    WANT_INT(desk_publish(process, FORWARD, port, ", health: tcp every 2s"), OK);
    WANT_INT(process->health.check_count, 2);
    WANT_INT(desk_publish(process, FORWARD, port, ""), OK);
    WANT_INT(process->health.check_count, 0);
    desk_close(process);
}
