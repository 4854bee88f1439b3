#define _GNU_SOURCE
#include "tunnel_kit.h"

#include "base/limits.h"
#include "net/proxy_protocol.h"

static struct tunnel_kit kit;
static char heard[64];

TEST(a_connection_is_passed_on_and_its_end_too)
{
    tunnel_kit_open(&kit, 1, false, 0);
    tunnel_kit_client(&kit);
    WANT(tunnel_kit_accept(&kit, 0));
    WANT(tunnel_kit_say(kit.pair.far, "question"));
    WANT_INT(tunnel_kit_hear(&kit, kit.origin_fd, heard, 8), 8);
    WANT_STR(str_of(heard, 8), STR("question"));
    socket_shutdown_send(kit.pair.far);
    WANT_INT(tunnel_kit_hear(&kit, kit.origin_fd, heard, 1), 0);
    WANT(tunnel_kit_say(kit.origin_fd, "answer"));
    socket_close(&kit.origin_fd);
    WANT_INT(tunnel_kit_hear(&kit, kit.pair.far, heard, 6), 6);
    tunnel_kit_turn(&kit, 5);
    WANT_INT(tunnel_kit_ends(&kit, OK), 1);
    WANT_INT(stats_read(&kit.scene.stats, kit.conf.cell_received_bytes), 8);
    WANT_INT(stats_read(&kit.scene.stats, kit.conf.cell_sent_bytes), 6);
    tunnel_kit_close(&kit);
}

TEST(who_refuses_is_passed_over)
{
    tunnel_kit_open(&kit, 1, true, 0);
    for (int i = 0; i < 4; i++) {
        tunnel_kit_client(&kit);
        WANT(tunnel_kit_accept(&kit, 0));
        socket_close(&kit.origin_fd);
        pair_close(&kit.pair);
        tunnel_kit_turn(&kit, 5);
    }
    WANT_INT(tunnel_kit_ends(&kit, OK), 4);
    WANT(stats_read(&kit.scene.stats, kit.service.service->cells.connect_failures) >= 2);
    tunnel_kit_close(&kit);
}

TEST(when_all_refuse_the_client_is_reset_and_the_reason_counted)
{
    tunnel_kit_open(&kit, 0, true, 0);
    tunnel_kit_client(&kit);
    WANT_INT(tunnel_kit_hear(&kit, kit.pair.far, heard, 1), -1);
    WANT_INT(tunnel_kit_ends(&kit, ERR_ORIGIN_CONNECT), 1);
    tunnel_kit_close(&kit);
}

TEST(no_more_instances_are_tried_than_tunnel_attempts)
{
    WANT(LIMIT_VALUE(tunnel_attempts) >= 2);
    tunnel_kit_open(&kit, 0, true, 0);
    tunnel_kit_client(&kit);
    tunnel_kit_turn(&kit, 5);
    WANT(stats_read(&kit.scene.stats, kit.service.service->cells.attempts) <= LIMIT_VALUE(tunnel_attempts));
    tunnel_kit_close(&kit);
}

TEST(a_full_instance_gets_no_more)
{
    struct pair first;
    int first_fd;
    tunnel_kit_open(&kit, 1, false, 1);
    tunnel_kit_client(&kit);
    WANT(tunnel_kit_accept(&kit, 0));
    first = kit.pair;
    first_fd = kit.origin_fd;
    tunnel_kit_client(&kit);
    WANT_INT(tunnel_kit_hear(&kit, kit.pair.far, heard, 1), -1);
    WANT_INT(tunnel_kit_ends(&kit, ERR_QUEUE_FULL), 1);
    pair_close(&first);
    (void)close(first_fd);
    tunnel_kit_turn(&kit, 5);
    pair_close(&kit.pair);
    tunnel_kit_client(&kit);
    WANT(tunnel_kit_accept(&kit, 0));
    tunnel_kit_close(&kit);
}

TEST(at_the_ceiling_of_tunnels_a_connection_is_refused)
{
    tunnel_kit_open(&kit, 1, false, 0);
    WANT_INT(kit.tunnels.slab.count_max, LIMIT_VALUE(tunnels));
    kit.tunnels.slab.fail_after = 0;
    tunnel_kit_client(&kit);
    WANT(tunnel_kit_hear(&kit, kit.pair.far, heard, 1) <= 0);
    WANT_INT(stats_read(&kit.scene.stats, kit.conf.cell_refused), 1);
    WANT_INT(kit.core->tunnel_count, 0);
    tunnel_kit_close(&kit);
}

TEST(an_idle_one_ends)
{
    tunnel_kit_open(&kit, 1, false, 0);
    kit.conf.idle_ms = 200; /* tunnel_idle_ms is the default */
    tunnel_kit_client(&kit);
    WANT(tunnel_kit_accept(&kit, 0));
    tunnel_kit_turn(&kit, 120);
    WANT(tunnel_kit_say(kit.pair.far, "x"));
    tunnel_kit_turn(&kit, 120);
    WANT_INT(kit.core->tunnel_count, 1);
    tunnel_kit_turn(&kit, 200);
    WANT_INT(kit.core->tunnel_count, 0);
    WANT_INT(tunnel_kit_ends(&kit, ERR_TUNNEL_IDLE), 1);
    tunnel_kit_close(&kit);
}

TEST(none_outlives_its_life)
{
    tunnel_kit_open(&kit, 1, false, 0);
    kit.conf.life_ms = 60; /* tunnel_life_ms is the default */
    tunnel_kit_client(&kit);
    WANT(tunnel_kit_accept(&kit, 0));
    for (int i = 0; i < 20; i++) {
        (void)tunnel_kit_say(kit.pair.far, "x");
        tunnel_kit_turn(&kit, 5);
    }
    WANT_INT(tunnel_kit_ends(&kit, ERR_TUNNEL_LIFE), 1);
    tunnel_kit_close(&kit);
}

TEST(who_is_retired_has_the_time_of_a_drain)
{
    tunnel_kit_open(&kit, 1, false, 0);
    tunnel_kit_client(&kit);
    WANT(tunnel_kit_accept(&kit, 0));
    tunnels_retire(kit.core, 2);
    tunnel_kit_turn(&kit, 30);
    WANT_INT(kit.core->tunnel_count, 1); /* another listener */
    kit.conf.drain_ms = 0; /* it has its own copy */
    tunnels_retire(kit.core, 3);
    WANT(tunnel_kit_say(kit.pair.far, "x"));
    WANT_INT(tunnel_kit_hear(&kit, kit.origin_fd, heard, 1), 1);
    tunnel_kit_turn(&kit, 150);
    WANT_INT(tunnel_kit_ends(&kit, ERR_DRAINING), 1);
    tunnel_kit_close(&kit);
}

TEST(when_the_process_ends_all_end)
{
    tunnel_kit_open(&kit, 1, false, 0);
    tunnel_kit_client(&kit);
    WANT(tunnel_kit_accept(&kit, 0));
    tunnels_end_all(kit.core);
    WANT_INT(kit.core->tunnel_count, 0);
    WANT_INT(tunnel_kit_hear(&kit, kit.pair.far, heard, 1), -1);
    tunnel_kit_close(&kit);
}

TEST(resets_go_through_with_their_reason)
{
    tunnel_kit_open(&kit, 1, false, 0);
    tunnel_kit_client(&kit);
    WANT(tunnel_kit_accept(&kit, 0));
    pair_reset(&kit.pair);
    WANT_INT(tunnel_kit_hear(&kit, kit.origin_fd, heard, 1), -1);
    WANT_INT(tunnel_kit_ends(&kit, ERR_TUNNEL_CLIENT_RESET), 1);
    socket_close(&kit.origin_fd);
    tunnel_kit_client(&kit);
    WANT(tunnel_kit_accept(&kit, 0));
    socket_linger_reset(kit.origin_fd);
    socket_close(&kit.origin_fd);
    WANT_INT(tunnel_kit_hear(&kit, kit.pair.far, heard, 1), -1);
    WANT_INT(tunnel_kit_ends(&kit, ERR_TUNNEL_ORIGIN_RESET), 1);
    tunnel_kit_close(&kit);
}

TEST(a_source_is_its_address_without_the_port)
{
    struct addr one, other, far;
    WANT_INT(addr_parse(STR("192.0.2.1:1000"), &one), OK);
    WANT_INT(addr_parse(STR("192.0.2.1:2000"), &other), OK);
    WANT_INT(addr_parse(STR("192.0.2.2:1000"), &far), OK);
    WANT(tunnel_source_hash(&one) == tunnel_source_hash(&other));
    WANT(tunnel_source_hash(&one) != tunnel_source_hash(&far));
}

TEST(the_instance_is_told_whose_connection_it_is_before_everything_else)
{
    char all[128];
    tunnel_kit_open(&kit, 1, false, 0);
    kit.service.send_proxy = PROXY_V1;
    tunnel_kit_client(&kit);
    WANT(tunnel_kit_say(kit.pair.far, "hello"));
    WANT(tunnel_kit_accept(&kit, 0));
    ssize_t got = tunnel_kit_hear(&kit, kit.origin_fd, all, 34);
    WANT_INT(got, 34);
    WANT(memcmp(all, "PROXY TCP4 127.0.0.1 127.0.0.1 ", 31) == 0);
    got += tunnel_kit_hear(&kit, kit.origin_fd, all + got, 15);
    struct str_pair cut = str_cut(str_of(all, (size_t)got), '\n');
    WANT_STR(cut.tail, STR("hello"));
    tunnel_kit_close(&kit);
}
