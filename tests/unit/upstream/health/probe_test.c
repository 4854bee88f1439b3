/* probe_test.c - one check over a real socket, against peers that fail in each way. */
#include "upstream/health/probe.h"

#include "base/heap.h"
#include "base/limits.h"
#include "fake_clock.h"
#include "talk_kit.h"
#include "test.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    struct loop loop;
    struct talk_kit kit;
    struct health_plan *plan;
    struct health_probe *probe;
    struct rng rng;
    int listener, peer;
    struct addr addr;
    enum health_verdict verdict;
    char why[HEALTH_WHY_BYTES_MAX];
    unsigned ends;
} lab;

static void on_end(void *owner, enum health_verdict verdict, struct str why)
{
    (void)owner;
    lab.probe = NULL;
    lab.ends++;
    lab.verdict = verdict;
    memcpy(lab.why, why.at, why.len);
    lab.why[why.len] = '\0';
}

static void lab_open(const char *check)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof name;
    memset(&lab, 0, sizeof lab);
    CHECK(loop_init(&lab.loop) == OK);
    lab.plan = health_plan_new(talk_kit_conf(&lab.kit, check));
    lab.peer = -1;
    lab.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(lab.listener, (const struct sockaddr *)&name, bytes) == 0);
    CHECK(listen(lab.listener, 4) == 0);
    CHECK(getsockname(lab.listener, (struct sockaddr *)&name, &bytes) == 0);
    CHECK(addr_parse_ip(STR("127.0.0.1"), &lab.addr) == OK);
    lab.addr.port = ntohs(name.sin_port);
}

static void turn(void)
{
    for (int i = 0; i < 5; i++) {
        loop_turn(&lab.loop, 1);
    }
}

static void start(void)
{
    const struct health_probe_conf conf = {
        .loop = &lab.loop, .plan = lab.plan, .addr = lab.addr, .host = STR("a:80"), .rng = &lab.rng, .on_end = on_end};
    lab.probe = health_probe_start(&conf);
    CHECK(lab.probe != NULL);
    WANT_INT(lab.ends, 0);
    turn();
}

static void meet(void)
{
    start();
    lab.peer = accept(lab.listener, NULL, NULL);
    CHECK(lab.peer >= 0);
    turn();
}

static void say(const char *text)
{
    CHECK(send(lab.peer, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
    turn();
}

static void lab_close(enum health_verdict verdict, const char *why)
{
    WANT_INT(lab.ends, 1);
    WANT(lab.probe == NULL);
    WANT_INT(lab.verdict, verdict);
    WANT_STR(str_from_c(lab.why), str_from_c(why));
    if (lab.peer >= 0) {
        (void)close(lab.peer);
    }
    (void)close(lab.listener);
    health_plan_free(lab.plan);
    config_free(lab.kit.config);
    loop_drop(&lab.loop);
}

TEST(a_connection_is_enough_for_tcp)
{
    lab_open("tcp");
    start();
    lab_close(HEALTH_PASS, "");
}

TEST(who_refuses_is_down)
{
    lab_open("tcp");
    lab.addr.port = 1;
    start();
    lab_close(HEALTH_FAIL, "connect refused");
}

TEST(an_address_that_nobody_can_reach_is_told_from_the_loop)
{
    lab_open("tcp");
    CHECK(addr_parse_ip(STR("255.255.255.255"), &lab.addr) == OK);
    start();
    fake_clock_add_ms(2);
    turn();
    WANT(str_starts(str_from_c(lab.why), STR("connect refused")) || lab.why[0] != '\0');
    lab_close(HEALTH_FAIL, lab.why);
}

TEST(an_answer_in_pieces_is_one_answer)
{
    lab_open("GET /h");
    meet();
    char request[512];
    ssize_t got = recv(lab.peer, request, sizeof request, 0);
    WANT(got > 0 && strncmp(request, "GET /h HTTP/1.1\r\n", 17) == 0);
    say("HTTP/1.1 2");
    WANT_INT(lab.ends, 0);
    say("00 OK\r\n\r\n");
    lab_close(HEALTH_PASS, "");
}

TEST(who_hangs_is_timed_out)
{
    lab_open("{http: /h, timeout: 250ms}");
    meet();
    fake_clock_add_ms(249);
    turn();
    WANT_INT(lab.ends, 0);
    fake_clock_add_ms(2);
    turn();
    lab_close(HEALTH_FAIL, "timed out after 250ms");
}

TEST(who_drips_is_timed_out)
{
    lab_open("{http: /h, timeout: 1s}");
    meet();
    say("HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 100 && lab.ends == 0; i++) {
        say("X: y\r\n");
        fake_clock_add_ms(20);
    }
    turn();
    lab_close(HEALTH_FAIL, "timed out after 1s");
}

TEST(who_closes_or_resets_has_not_answered)
{
    lab_open("GET /h");
    meet();
    say("HTTP/1.1 200");
    (void)shutdown(lab.peer, SHUT_WR);
    turn();
    lab_close(HEALTH_FAIL, "closed before it had answered");
    lab_open("GET /h");
    meet();
    const struct linger linger = {.l_onoff = 1};
    (void)setsockopt(lab.peer, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)close(lab.peer);
    lab.peer = -1;
    turn();
    lab_close(HEALTH_FAIL, "connection reset");
}

TEST(what_is_read_is_bounded)
{
    static char flood[LIMIT_VALUE_health_response_bytes + 1000];
    lab_open("{http: {path: /h, body: needle}}");
    meet();
    say("HTTP/1.1 200 OK\r\n\r\n");
    memset(flood, 'x', sizeof flood - 1);
    say(flood);
    lab_close(HEALTH_FAIL, "no verdict within 32768 bytes of its answer");
}

TEST(a_check_that_is_given_up_says_nothing)
{
    lab_open("GET /h");
    meet();
    health_probe_cancel(&lab.probe);
    WANT(lab.probe == NULL);
    turn();
    WANT_INT(lab.ends, 0);
    lab.ends = 1;
    lab_close(HEALTH_MORE, "");
}

TEST(a_talk_has_a_bound_on_its_memory)
{
    WANT(LIMIT_VALUE(health_talk_bytes) >= LIMIT_VALUE(health_response_bytes));
}
