/* resolver_srv_test.c - SRV answers byte by byte, and names that are followed over time. */
#include "net/resolver_srv.h"

#include "dns_server.h"
#include "test.h"

#include <stdlib.h>

static struct srv_answer answer;

/* A head with one question for "s." and `count` answers. */
#define HEAD(count) 0, 1, 0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0, 1, 's', 0, 0, 33, 0, 1
/* A record of that name with a TTL in seconds. */
#define RECORD(type, ttl, bytes) 0xc0, 12, 0, type, 0, 1, 0, 0, 0, ttl, 0, bytes

static enum name_state parse(const void *bytes, size_t len)
{
    /* Exactly as many bytes as there are: the sanitizer sees a read too far. */
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    memcpy(copy, bytes, len);
    enum name_state state = srv_parse(copy, len, &answer);
    free(copy);
    return state;
}

static const uint8_t two[] = {HEAD(2),
                              RECORD(33, 60, 10), 0, 20, 0, 5, 0x1f, 0x90, 2, 'B', '1', 0,
                              RECORD(33, 30, 10), 0, 10, 0, 7, 0x1f, 0x91, 2, 'a', '1', 0};

TEST(records_are_sorted_in_lower_case_with_the_shortest_ttl)
{
    WANT_INT(parse(two, sizeof two), NAME_OK);
    WANT_INT(answer.count, 2);
    WANT_INT(answer.ttl_ms, 30000);
    WANT_STR(str_from_c(answer.at[0].host), STR("a1"));
    WANT_INT(answer.at[0].priority, 10);
    WANT_INT(answer.at[0].weight, 7);
    WANT_INT(answer.at[0].port, 8081);
    WANT_STR(str_from_c(answer.at[1].host), STR("b1"));
    WANT_INT(answer.at[1].port, 8080);
}

TEST(an_answer_that_ends_anywhere_is_refused_as_a_whole)
{
    for (size_t len = 0; len < sizeof two; len++) {
        WANT_INT(parse(two, len), NAME_SERVFAIL);
        WANT_INT(answer.count, 0);
    }
}

TEST(what_is_no_record_of_a_service_is_told_apart)
{
    static const uint8_t none[] = {HEAD(0)};
    static const uint8_t not_here[] = {HEAD(1), RECORD(33, 9, 7), 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t alias[] = {HEAD(2), RECORD(5, 7, 3), 1, 'c', 0,
                                    RECORD(33, 60, 10), 0, 1, 0, 1, 0, 80, 2, 'a', '1', 0};
    static const uint8_t twice[] = {HEAD(2), RECORD(33, 60, 10), 0, 1, 0, 1, 0, 80, 2, 'a', '1', 0,
                                    RECORD(33, 60, 10), 0, 2, 0, 1, 0, 80, 2, 'A', '1', 0};
    static const uint8_t no_host[] = {HEAD(1), RECORD(33, 60, 10), 0, 1, 0, 1, 0, 80,
                                      2, 'a', ' ', 0};
    WANT_INT(parse(none, sizeof none), NAME_EMPTY);
    WANT_INT(parse(not_here, sizeof not_here), NAME_EMPTY);
    WANT_INT(parse(alias, sizeof alias), NAME_OK);
    WANT_INT(answer.count, 1);
    WANT_INT(answer.ttl_ms, 7000);
    WANT_INT(parse(twice, sizeof twice), NAME_OK);
    WANT_INT(answer.count, 1);
    WANT_INT(parse(no_host, sizeof no_host), NAME_EMPTY);
}

TEST(lengths_and_pointers_that_lie_are_refused)
{
    static const uint8_t short_data[] = {HEAD(1), RECORD(33, 60, 6), 0, 1, 0, 1, 0, 80};
    static const uint8_t long_data[] = {HEAD(1), RECORD(33, 60, 11), 0, 1, 0, 1, 0, 80, 2, 'a', '1',
                                        0};
    static const uint8_t spare[] = {HEAD(1), RECORD(33, 60, 11), 0, 1, 0, 1, 0, 80, 2, 'a', '1', 0,
                                    9};
    static const uint8_t loop_name[] = {HEAD(1), RECORD(33, 60, 8), 0, 1, 0, 1, 0, 80, 0xc0, 37};
    static const uint8_t no_record[] = {HEAD(9), RECORD(33, 60, 10), 0, 1, 0, 1, 0, 80, 2, 'a', '1',
                                        0};
    WANT_INT(parse(short_data, sizeof short_data), NAME_SERVFAIL);
    WANT_INT(parse(long_data, sizeof long_data), NAME_SERVFAIL);
    WANT_INT(parse(spare, sizeof spare), NAME_SERVFAIL);
    WANT_INT(parse(loop_name, sizeof loop_name), NAME_SERVFAIL);
    WANT_INT(parse(no_record, sizeof no_record), NAME_SERVFAIL);
    WANT_INT(parse(two, 0), NAME_SERVFAIL);
}

/* LIMIT srv_records. */
TEST(records_past_the_limit_srv_records_are_counted_and_left_out)
{
    static uint8_t many[65000];
    static const uint8_t head[] = {HEAD(0)};
    size_t len = sizeof head;
    unsigned count = SRV_RECORDS_MAX + 3;
    memcpy(many, head, len);
    many[6] = (uint8_t)(count >> 8);
    many[7] = (uint8_t)count;
    for (unsigned i = 0; i < count; i++) {
        const uint8_t record[] = {RECORD(33, 60, 9), 0, 1, 0, 1, (uint8_t)((i + 1) >> 8),
                                  (uint8_t)(i + 1), 1, 'a', 0};
        memcpy(many + len, record, sizeof record);
        len += sizeof record;
    }
    WANT_INT(parse(many, len), NAME_OK);
    WANT_INT(answer.count, SRV_RECORDS_MAX);
    WANT_INT(answer.left_out_count, 3);
}

static struct dns_server server;
static struct loop loop;
static struct resolver resolver;
static struct resolver_srv srv;
static unsigned changes;

static void on_change(struct resolver_srv *changed)
{
    WANT(changed == &srv);
    changes++;
}

static void start(void)
{
    changes = 0;
    WANT(dns_server_start(&server));
    const struct resolver_conf conf = {.servers = server.address,
                                       .timeout_ms = 200,
                                       .tries = 1,
                                       .ttl_ms_min = 20,
                                       .ttl_ms_max = 60,
                                       .retry_ms_min = 20,
                                       .retry_ms_max = 60,
                                       .seed = 1};
    WANT_INT(loop_init(&loop), OK);
    WANT_INT(resolver_init(&resolver, &loop, &conf), OK);
    srv = (struct resolver_srv){0};
}

static void stop(void)
{
    resolver_srv_remove(&srv);
    resolver_drop(&resolver);
    loop_drop(&loop);
    dns_server_stop(&server);
}

static void run_until_state(enum name_state state)
{
    for (int i = 0; i < 300 && srv.state != state; i++) {
        loop_turn(&loop, 10);
    }
    WANT_INT(srv.state, state);
}

TEST(a_service_name_is_asked_again_and_tells_of_changes)
{
    start();
    atomic_store(&server.count, 2);
    WANT_INT(resolver_srv_add(&resolver, &srv, STR("_http._tcp.orders.test"), on_change), OK);
    run_until_state(NAME_OK);
    WANT_INT(changes, 1);
    WANT_INT(srv.answer.count, 2);
    WANT_STR(str_from_c(srv.answer.at[0].host), STR("hb"));
    WANT_INT(srv.answer.at[0].port, 8001);
    atomic_store(&server.count, 3);
    for (int i = 0; i < 300 && changes < 2; i++) {
        loop_turn(&loop, 10);
    }
    WANT_INT(srv.answer.count, 3);
    stop();
}

TEST(no_failure_takes_records_away)
{
    static const struct {
        int mode;
        enum name_state state;
    } rows[] = {{DNS_NXDOMAIN, NAME_NXDOMAIN}, {DNS_SERVFAIL, NAME_SERVFAIL},
                {DNS_EMPTY, NAME_EMPTY},       {DNS_SILENT, NAME_TIMEOUT},
                {DNS_GARBAGE, NAME_SERVFAIL}};
    start();
    WANT_INT(resolver_srv_add(&resolver, &srv, STR("_http._tcp.orders.test"), on_change), OK);
    run_until_state(NAME_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        atomic_store(&server.mode, rows[i].mode);
        run_until_state(rows[i].state);
        WANT_INT(srv.answer.count, 1);
        atomic_store(&server.mode, DNS_GOOD);
        run_until_state(NAME_OK);
    }
    WANT_INT(changes, 1);
    stop();
}

TEST(a_name_may_go_while_its_question_is_out)
{
    start();
    atomic_store(&server.mode, DNS_SILENT);
    WANT_INT(resolver_srv_add(&resolver, &srv, STR("_http._tcp.orders.test"), on_change), OK);
    loop_turn(&loop, 5);
    resolver_srv_remove(&srv);
    resolver_srv_remove(&srv);
    for (int i = 0; i < 30; i++) {
        loop_turn(&loop, 10);
    }
    WANT_INT(changes, 0);
    WANT_INT(resolver_srv_add(&resolver, &srv, STR("_http._tcp.orders.test"), on_change), OK);
    loop_turn(&loop, 5);
    stop(); /* with a question in flight */
}

TEST(what_is_not_a_name_is_refused)
{
    start();
    WANT_INT(resolver_srv_add(&resolver, &srv, STR("a b"), on_change), ERR_SYNTAX);
    WANT_INT(resolver_srv_add(&resolver, &srv, STR(""), on_change), ERR_SYNTAX);
    stop();
}
