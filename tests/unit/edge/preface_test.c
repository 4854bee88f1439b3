#include "door.h"

#include "base/limits.h"
#include "edge/preface.h"
#include "net/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

static struct door door;
static struct addr_prefix loopback, elsewhere;
static struct pair pair;

static void come(const struct addr_prefix *proxies, bool is_required)
{
    struct addr peer;
    door_open(&door);
    WANT_INT(addr_prefix_parse(STR("127.0.0.0/8"), &loopback), OK);
    WANT_INT(addr_prefix_parse(STR("192.0.2.0/24"), &elsewhere), OK);
    door.conf.proxies = proxies;
    door.conf.proxy_count = 1;
    door.conf.requires_proxy = is_required;
    const int on = 1;
    WANT_INT(pair_open(&pair), OK);
    WANT_INT(setsockopt(pair.far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    WANT_INT(socket_peer(pair.near, &peer), OK);
    listener_take(&door.listener, pair.near, &peer);
    pair.near = -1;
    door_run_ms(&door, 2);
}

static bool is_waiting(void)
{
    return !list_is_empty(&door.core.preface_list);
}

static void leave(void)
{
    pair_close(&pair);
    door_run_ms(&door, 5);
    door_close(&door);
}

TEST(a_header_that_comes_byte_by_byte_is_taken_out_and_what_follows_left)
{
    static const char text[] = "PROXY TCP4 192.0.2.7 192.0.2.2 4096 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    come(&loopback, true);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        WANT(i >= 40 || is_waiting());
        WANT(pair_say(&pair, str_of(text + i, 1)));
        door_run_ms(&door, 1);
    }
    for (int i = 0; i < 200 && door.heads == 0; i++) {
        door_run_ms(&door, 1);
    }
    WANT(!is_waiting());
    WANT_INT(door.heads, 1);
    WANT_INT(door_session(&door)->peer.port, 4096);
    WANT_INT(door_session(&door)->peer.ip[3], 7);
    door_answer(&door, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    leave();
}

TEST(header_and_request_may_come_at_once)
{
    come(&loopback, false);
    door_say(&door, &pair, "PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    door_run_ms(&door, 5);
    WANT_INT(door.heads, 1);
    WANT_INT(door_session(&door)->peer.ip[0], 127);
    door_answer(&door, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    leave();
}

TEST(without_a_header_a_trusted_peer_is_reset)
{
    come(&loopback, false);
    door_say(&door, &pair, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    door_run_ms(&door, 5);
    WANT(!is_waiting());
    WANT_INT(door.heads, 0);
    WANT_INT(stats_read(&door.stats, CELL_errors + (uint32_t)ERR_BAD_PREFACE), 1);
    leave();
}

TEST(a_header_that_ends_too_early_is_refused)
{
    come(&loopback, false);
    door_say(&door, &pair, "PROXY TCP4 ");
    WANT(is_waiting());
    socket_shutdown_send(pair.far);
    door_run_ms(&door, 5);
    WANT(!is_waiting());
    leave();
}

TEST(who_sends_nothing_is_refused_after_preface_timeout_ms)
{
    WANT_INT(LIMIT_VALUE(preface_timeout_ms), 5000);
    come(&loopback, false);
    struct preface *preface = CONTAINER_OF(door.core.preface_list.next, struct preface, node);
    WANT(preface->timer.at_ms - door.core.loop.now_ms > LIMIT_VALUE(preface_timeout_ms) - 1000);
    timer_set(&door.core.loop, &preface->timer, door.core.loop.now_ms);
    door_run_ms(&door, 5);
    WANT(!is_waiting());
    WANT_INT(stats_read(&door.stats, CELL_errors + (uint32_t)ERR_BAD_PREFACE), 1);
    leave();
}

TEST(other_peers_are_served_without_a_header_or_refused)
{
    come(&elsewhere, false);
    door_say(&door, &pair, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    door_run_ms(&door, 5);
    WANT_INT(door.heads, 1);
    door_answer(&door, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    leave();
    come(&elsewhere, true);
    WANT(!is_waiting());
    WANT(list_is_empty(&door.core.session_list));
    leave();
}

TEST(when_the_process_ends_nobody_waits_on)
{
    come(&loopback, false);
    WANT(is_waiting());
    preface_end_all(&door.core);
    WANT(!is_waiting());
    leave();
}
