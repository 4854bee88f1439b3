/* checker_test.c - which checks there are and when they run, under a clock that the test sets. */
#include "upstream/health/checker.h"

#include "base/heap.h"
#include "base/limits.h"
#include "fake_clock.h"
#include "talk_kit.h"
#include "test.h"
#include "upstream/origin.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ORIGINS_MAX = 600 };

static struct {
    struct loop loop;
    struct stats stats;
    struct registry registry;
    struct health health;
    struct origin *origins[ORIGINS_MAX];
    struct str hosts[ORIGINS_MAX];
    uint32_t count;
    int fd;
    uint16_t port;
} lab;

static int listen_on(uint16_t *port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(bind(fd, (const struct sockaddr *)&name, bytes) == 0);
    CHECK(listen(fd, 1024) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&name, &bytes) == 0);
    *port = ntohs(name.sin_port);
    return fd;
}

static void lab_open(void)
{
    memset(&lab, 0, sizeof lab);
    CHECK(loop_init(&lab.loop) == OK);
    CHECK(stats_init(&lab.stats, 1) == OK);
    CHECK(registry_init(&lab.registry, &lab.stats, &lab.stats.blocks[0]) == OK);
    const struct health_conf conf = {
        .loop = &lab.loop, .registry = &lab.registry, .block = &lab.stats.blocks[0], .seed = 1};
    health_init(&lab.health, &conf);
    lab.fd = listen_on(&lab.port);
}

static struct origin *lab_origin(const char *host)
{
    struct origin *origin = heap_new(sizeof *origin);
    CHECK(addr_parse_ip(STR("127.0.0.1"), &origin->endpoint.addr) == OK);
    origin->endpoint.addr.port = lab.port;
    origin->endpoint.name = STR("it");
    lab.hosts[lab.count] = str_from_c(host);
    atomic_init(&origin->host, &lab.hosts[lab.count]);
    instance_list(origin, 1);
    lab.origins[lab.count++] = origin;
    return origin;
}

static void turn(void)
{
    for (int i = 0; i < 4; i++) {
        loop_turn(&lab.loop, 0);
    }
}

/* Lets that much time pass, in steps; returns how many connections were made. */
static uint32_t pass_ms(int64_t ms)
{
    uint32_t made = 0;
    for (int64_t step = 0; step < ms; step += 5) {
        fake_clock_add_ms(5);
        turn();
        for (int fd = accept(lab.fd, NULL, NULL); fd >= 0; fd = accept(lab.fd, NULL, NULL)) {
            (void)close(fd);
            made++;
        }
        turn();
    }
    return made;
}

static void want_all(const char *check)
{
    static struct talk_kit kit;
    const struct conf_health *conf = check == NULL ? NULL : talk_kit_conf(&kit, check);
    health_begin(&lab.health);
    for (uint32_t i = 0; conf != NULL && i < lab.count; i++) {
        health_want(&lab.health, lab.origins[i], conf);
    }
    health_end(&lab.health);
    if (conf != NULL) {
        config_free(kit.config);
    }
}

static void lab_close(void)
{
    health_drop(&lab.health);
    WANT_INT(lab.health.check_count, 0);
    WANT_INT(lab.health.in_flight, 0);
    for (uint32_t i = 0; i < lab.count; i++) {
        heap_free(lab.origins[i]);
    }
    if (lab.fd >= 0) {
        (void)close(lab.fd);
    }
    loop_drop(&lab.loop);
    registry_drop(&lab.registry);
    stats_drop(&lab.stats);
}

static struct health_view view_of(const struct origin *origin)
{
    struct health_view view = {0};
    WANT(health_look(origin, &view));
    return view;
}

TEST(the_first_check_comes_at_once_and_the_next_an_interval_later)
{
    lab_open();
    const struct origin *origin = lab_origin("a:80");
    want_all("{tcp: true, jitter: 0}");
    WANT_INT(view_of(origin).state, HEALTH_UNKNOWN);
    WANT(endpoint_is_usable(&origin->endpoint));
    WANT_INT(pass_ms(510), 1);
    WANT_INT(view_of(origin).state, HEALTH_UP);
    WANT_INT(pass_ms(20000), 10);
    lab_close();
}

TEST(one_that_is_down_is_asked_less_and_less_often_up_to_a_bound)
{
    lab_open();
    struct origin *origin = lab_origin("a:80");
    want_all("{tcp: true, jitter: 0}");
    (void)pass_ms(510);
    (void)close(lab.fd);
    lab.fd = -1;
    uint64_t before = view_of(origin).failed;
    (void)pass_ms(2000 + 500 + 500); /* the third failure takes it down */
    WANT_INT(view_of(origin).failed, before + 3);
    WANT_INT(view_of(origin).state, HEALTH_DOWN);
    WANT_STR(view_of(origin).why, STR("connect refused"));
    WANT(!endpoint_is_usable(&origin->endpoint));
    WANT(!strncmp(instance_moment(&origin->instance, 0)->reason.at, "connect refused", 15));
    (void)pass_ms(1000 + 2000 + 4000 + 8000 + 16000);
    WANT_INT(view_of(origin).failed, before + 8);
    (void)pass_ms(300000);
    WANT_INT(view_of(origin).failed, before + 18);
    lab_close();
}

TEST(instances_of_one_address_share_a_check_when_they_ask_the_same)
{
    lab_open();
    lab_origin("a:80");
    lab_origin("b:80");
    want_all("{tcp: true}");
    WANT_INT(lab.health.check_count, 1);
    (void)pass_ms(510);
    WANT_INT(view_of(lab.origins[0]).state, HEALTH_UP);
    WANT_INT(view_of(lab.origins[1]).state, HEALTH_UP);
    want_all("GET /h"); /* the Host differs */
    WANT_INT(lab.health.check_count, 2);
    want_all("{http: {path: /h, host: c}}");
    WANT_INT(lab.health.check_count, 1);
    lab_close();
}

TEST(telling_the_same_again_changes_nothing)
{
    lab_open();
    lab_origin("a:80");
    want_all("{tcp: true, jitter: 0}");
    (void)pass_ms(510);
    (void)pass_ms(1500);
    want_all("{tcp: true, jitter: 0}");
    WANT_INT(pass_ms(400) + pass_ms(300), 1); /* when it was due anyway */
    want_all(NULL);
    WANT_INT(lab.health.check_count, 0);
    WANT(lab.origins[0]->watch == NULL);
    WANT_INT(lab.origins[0]->instance.health, INSTANCE_HEALTH_UNKNOWN);
    WANT_INT(pass_ms(10000), 0);
    lab_close();
}

TEST(a_new_check_leaves_the_verdict_until_it_has_its_own)
{
    lab_open();
    struct origin *origin = lab_origin("a:80");
    want_all("{tcp: true, port: 1}");
    (void)pass_ms(510);
    WANT_INT(origin->instance.state, INSTANCE_DOWN);
    want_all("{tcp: true}");
    WANT_INT(view_of(origin).state, HEALTH_UNKNOWN);
    WANT_INT(origin->instance.state, INSTANCE_DOWN);
    (void)pass_ms(510);
    WANT_INT(origin->instance.state, INSTANCE_ACTIVE);
    lab_close();
}

TEST(an_instance_that_comes_to_a_known_check_has_its_verdict_at_once)
{
    lab_open();
    lab_origin("a:80");
    want_all("{tcp: true, port: 1}");
    (void)pass_ms(510);
    const struct origin *late = lab_origin("b:80");
    want_all("{tcp: true, port: 1}");
    WANT_INT(late->instance.state, INSTANCE_DOWN);
    lab_close();
}

TEST(no_more_are_in_flight_than_may_be_and_all_have_their_turn)
{
    static char hosts[ORIGINS_MAX][8];
    lab_open();
    for (uint32_t i = 0; i < ORIGINS_MAX; i++) {
        snprintf(hosts[i], sizeof hosts[i], "h%u", i);
        lab_origin(hosts[i]);
    }
    want_all("{http: /h, jitter: 0, timeout: 10s}");
    uint32_t most = 0;
    for (int64_t ms = 0; ms < 60000; ms += 100) {
        fake_clock_add_ms(100);
        turn();
        most = lab.health.in_flight > most ? lab.health.in_flight : most;
    }
    WANT_INT(most, LIMIT_VALUE(health_in_flight));
    for (uint32_t i = 0; i < ORIGINS_MAX; i++) {
        WANT(view_of(lab.origins[i]).failed > 0);
    }
    lab_close();
}

TEST(instances_beyond_the_ceiling_are_used_without_checks)
{
    lab_open();
    const struct origin *origin = lab_origin("a:80");
    lab.health.check_count = LIMIT_VALUE(health_checks);
    want_all("{tcp: true}");
    WANT(origin->watch == NULL);
    WANT(endpoint_is_usable(&origin->endpoint));
    lab.health.check_count = 0;
    lab_close();
}

TEST(until_its_first_check_an_instance_is_what_the_file_says)
{
    lab_open();
    const struct origin *origin = lab_origin("a:80");
    want_all("{tcp: true, initial: down}");
    WANT(!endpoint_is_usable(&origin->endpoint));
    (void)pass_ms(510);
    WANT(endpoint_is_usable(&origin->endpoint));
    lab_close();
}

TEST(counts_are_kept_for_each_address)
{
    static const struct str passed[3] = {{"tcp", 3}, {NULL, 0}, {"passed", 6}};
    struct str labels[3];
    char text[32];
    lab_open();
    lab_origin("a:80");
    want_all("{tcp: true}");
    (void)pass_ms(510);
    memcpy(labels, passed, sizeof labels);
    snprintf(text, sizeof text, "127.0.0.1:%u", lab.port);
    labels[1] = str_from_c(text);
    uint32_t cell = registry_series(&lab.registry, METRIC_health_checks, labels);
    WANT_INT(stats_read(&lab.stats, cell), 1);
    WANT_INT(stats_read(&lab.stats, registry_series(&lab.registry, METRIC_health_up, labels)), 1);
    WANT_INT(stats_read(&lab.stats, CELL_health_checked), 1);
    lab_close();
}
