#define _GNU_SOURCE
#include "net/resolver.h"

#include "dns_server.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A resolver, a server, and a name that counts its changes. */
static struct dns_server server;
static struct loop loop;
static struct resolver resolver;
static struct resolver_name name, other;
static int changes;

static void on_change(struct resolver_name *changed)
{
    WANT(changed == &name || changed == &other);
    changes++;
}

/* Times are short: TTLs from 20 ms, a try takes 300 ms. */
static void start(void)
{
    changes = 0;
    WANT(dns_server_start(&server));
    const struct resolver_conf conf = {.servers = server.address,
                                       .timeout_ms = 300,
                                       .tries = 1,
                                       .ttl_ms_min = 20,
                                       .ttl_ms_max = 60,
                                       .retry_ms_min = 20,
                                       .retry_ms_max = 60,
                                       .seed = 1};
    WANT(loop_init(&loop) == OK);
    WANT(resolver_init(&resolver, &loop, &conf) == OK);
}

static void stop(void)
{
    resolver_drop(&resolver);
    loop_drop(&loop);
    dns_server_stop(&server);
}

static void add_families(struct str host, enum name_families families)
{
    const struct resolver_name_conf conf = {
        .host = host, .port = 8080, .families = families, .on_change = on_change};
    WANT(resolver_name_add(&resolver, &name, &conf) == OK);
}

static void add(struct str host)
{
    add_families(host, NAME_BOTH);
}

/* Turns until `count` more rounds of any name have ended, 5 s at most. */
static void run_rounds(uint64_t count)
{
    uint64_t ended = 0, until = count;
    int64_t give_up_ms = loop.now_ms + 5000;
    for (size_t i = 0; i < NAME_STATE_COUNT; i++) {
        until += resolver.rounds_total[i];
    }
    while (ended < until && loop.now_ms < give_up_ms) {
        loop_turn(&loop, 10);
        ended = 0;
        for (size_t i = 0; i < NAME_STATE_COUNT; i++) {
            ended += resolver.rounds_total[i];
        }
    }
    WANT(ended >= until);
}

static void want_addr(uint32_t at, const char *text)
{
    char room[ADDR_TEXT_BYTES_MAX];
    struct strbuf out = strbuf_over(room, sizeof room);
    WANT(at < name.addr_count);
    if (at < name.addr_count) {
        addr_add(&out, &name.addrs[at]);
        WANT_STR(strbuf_str(&out), str_from_c(text));
    }
}

TEST(a_name_becomes_sorted_addresses_of_both_families)
{
    start();
    server.count = 3;
    add(STR("api.test"));
    WANT(name.state == NAME_NEW && changes == 0);
    run_rounds(1);
    WANT(name.state == NAME_OK && changes == 1 && name.addr_count == 6);
    want_addr(0, "10.0.0.1:8080");
    want_addr(2, "10.0.0.3:8080");
    want_addr(3, "[fd00::1]:8080");
    want_addr(5, "[fd00::3]:8080");
    run_rounds(2);
    WANT(changes == 1); /* the same addresses are no change */
    server.shift = 1;
    run_rounds(2);
    WANT(changes == 2 && name.addr_count == 6);
    want_addr(0, "10.0.0.2:8080");
    stop();
}

TEST(each_failure_is_told_apart_and_none_takes_addresses_away)
{
    static const struct {
        enum dns_mode mode;
        enum name_state wanted;
    } rows[] = {{DNS_NXDOMAIN, NAME_NXDOMAIN}, {DNS_SERVFAIL, NAME_SERVFAIL},
                {DNS_REFUSED, NAME_SERVFAIL},  {DNS_SILENT, NAME_TIMEOUT},
                {DNS_EMPTY, NAME_EMPTY},       {DNS_LOOP, NAME_EMPTY},
                {DNS_UNUSABLE, NAME_EMPTY}};
    start();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        /* Never answered: nothing, and no callback. */
        changes = 0;
        server.mode = rows[i].mode;
        add(STR("api.test"));
        run_rounds(1);
        WANT_INT(name.state, rows[i].wanted);
        WANT(changes == 0 && name.addr_count == 0 && name.answered_at_ms == 0);
        /* Answered, then not: what was known stays. */
        server.mode = DNS_GOOD;
        run_rounds(2);
        WANT(name.state == NAME_OK && changes == 1 && name.addr_count == 2 && name.failures == 0);
        server.mode = rows[i].mode;
        run_rounds(3);
        WANT_INT(name.state, rows[i].wanted);
        WANT(changes == 1 && name.addr_count == 2 && name.failures > 0);
        want_addr(0, "10.0.0.1:8080");
        resolver_name_remove(&name);
    }
    WANT(resolver.rounds_total[NAME_TIMEOUT] > 0 && resolver.rounds_total[NAME_SERVFAIL] > 0);
    stop();
}

TEST(an_answer_that_cannot_be_read_is_a_failure)
{
    start();
    add(STR("api.test"));
    run_rounds(1);
    server.mode = DNS_GARBAGE;
    run_rounds(2);
    /* Some versions of c-ares wait for a better answer. */
    WANT(name.state == NAME_SERVFAIL || name.state == NAME_TIMEOUT);
    WANT(name.addr_count == 2 && changes == 1);
    stop();
}

TEST(one_family_that_fails_does_not_cost_the_other)
{
    start();
    server.mode = DNS_V6_SILENT;
    add(STR("api.test"));
    run_rounds(1);
    WANT(name.state == NAME_PARTIAL && changes == 1 && name.addr_count == 1);
    server.mode = DNS_GOOD;
    run_rounds(2);
    WANT(name.state == NAME_OK && name.addr_count == 2);
    server.mode = DNS_V4_FAILS;
    run_rounds(2);
    WANT(name.state == NAME_PARTIAL && name.addr_count == 2);
    want_addr(0, "10.0.0.1:8080");
    /* An empty family beside an answered one is an answer. */
    server.mode = DNS_NO_V6;
    run_rounds(2);
    WANT(name.state == NAME_OK && name.addr_count == 1);
    stop();
}

TEST(the_wanted_families_are_asked_for)
{
    start();
    add_families(STR("api.test"), NAME_V4);
    run_rounds(1);
    WANT(name.addr_count == 1 && name.addrs[0].family == ADDR_V4 && server.udp_questions == 1);
    resolver_name_remove(&name);
    add_families(STR("api.test"), NAME_V6);
    run_rounds(1);
    WANT(name.addr_count == 1 && name.addrs[0].family == ADDR_V6 && server.udp_questions == 2);
    resolver_name_remove(&name);
    changes = 0;
    add_families(STR("api.test"), NAME_V4_FIRST);
    run_rounds(1);
    WANT(name.addr_count == 1 && name.addrs[0].family == ADDR_V4);
    server.mode = DNS_V4_FAILS;
    run_rounds(2);
    WANT(name.addr_count == 1 && name.addrs[0].family == ADDR_V4 && changes == 1);
    resolver_name_remove(&name);
    add_families(STR("api.test"), NAME_V4_FIRST);
    run_rounds(1);
    WANT(name.addr_count == 1 && name.addrs[0].family == ADDR_V6);
    stop();
}

TEST(a_long_answer_comes_over_tcp_and_is_cut_to_the_limit)
{
    start();
    server.mode = DNS_TRUNCATED;
    server.count = 4000;
    add_families(STR("api.test"), NAME_V4);
    run_rounds(1);
    WANT(server.tcp_questions == 1);
    WANT(name.state == NAME_OK && name.addr_count == LIMIT_VALUE(name_addresses));
    WANT_INT(name.left_out_count, 4000 - NAME_ADDRS_MAX);
    want_addr(0, "10.0.0.1:8080");
    want_addr(255, "10.0.1.0:8080");
    stop();
}

/* What the refresh timer waits, in milliseconds, with the limits' defaults. */
static int64_t wait_after(unsigned ttl_sec, enum dns_mode mode)
{
    const struct resolver_conf conf = {
        .servers = server.address, .timeout_ms = 100, .tries = 1, .seed = 7};
    WANT(loop_init(&loop) == OK);
    WANT(resolver_init(&resolver, &loop, &conf) == OK);
    server.ttl_sec = ttl_sec;
    server.mode = (int)mode;
    add(STR("api.test"));
    run_rounds(1);
    int64_t wait_ms = name.refresh.at_ms - name.ended_at_ms;
    resolver_drop(&resolver);
    loop_drop(&loop);
    return wait_ms;
}

TEST(a_ttl_is_kept_within_its_limits)
{
    WANT(dns_server_start(&server));
    int64_t ms = wait_after(0, DNS_GOOD);
    WANT(ms >= LIMIT_VALUE(name_ttl_ms_min) && ms <= LIMIT_VALUE(name_ttl_ms_min) * 11 / 10);
    ms = wait_after(5, DNS_GOOD);
    WANT(ms >= 5000 && ms <= 5500);
    ms = wait_after(86400, DNS_GOOD);
    WANT(ms >= LIMIT_VALUE(name_ttl_ms_max) && ms <= LIMIT_VALUE(name_ttl_ms_max) * 11 / 10);
    ms = wait_after(0xffffffff, DNS_GOOD); /* RFC 2181 8: as 0 */
    WANT(ms <= LIMIT_VALUE(name_ttl_ms_max) * 11 / 10);
    ms = wait_after(60, DNS_ALIAS);
    WANT(ms >= 7000 && ms <= 7700);
    ms = wait_after(60, DNS_NXDOMAIN);
    WANT(ms >= LIMIT_VALUE(name_retry_ms_min) && ms <= LIMIT_VALUE(name_retry_ms_min) * 11 / 10);
    dns_server_stop(&server);
}

TEST(failures_are_retried_slower_and_slower)
{
    start();
    server.mode = DNS_NXDOMAIN;
    add(STR("api.test"));
    int64_t waits[4];
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        run_rounds(1);
        waits[i] = name.refresh.at_ms - name.ended_at_ms;
    }
    WANT(waits[0] >= 20 && waits[0] <= 22);
    WANT(waits[1] >= 40 && waits[1] <= 44);
    WANT(waits[2] >= 60 && waits[3] <= 66);
    WANT(LIMIT_VALUE(name_retry_ms_max) > LIMIT_VALUE(name_retry_ms_min));
    stop();
}

TEST(nothing_waits_for_a_server)
{
    struct resolver_conf conf = {.timeout_ms = 1500, .tries = 1, .retry_ms_min = 20};
    char nowhere[sizeof server.address];
    changes = 0;
    WANT(dns_server_start(&server));
    memcpy(nowhere, server.address, sizeof nowhere);
    server.mode = DNS_SILENT;
    conf.servers = nowhere;
    WANT(loop_init(&loop) == OK);
    int64_t from_ms = loop.now_ms;
    WANT(resolver_init(&resolver, &loop, &conf) == OK);
    add(STR("api.test"));
    loop_turn(&loop, 0);
    loop_turn(&loop, 0);
    WANT(name.round != NULL && loop.now_ms - from_ms < 1000);
    resolver_name_remove(&name);
    dns_server_stop(&server);
    /* Now nobody is there at all. */
    add(STR("api.test"));
    run_rounds(1);
    WANT(name.state == NAME_SERVFAIL || name.state == NAME_TIMEOUT);
    WANT(changes == 0);
    resolver_drop(&resolver);
    loop_drop(&loop);
}

TEST(the_hosts_file_is_read_first_and_no_server_is_asked)
{
    char path[] = "/tmp/sluice-hosts-XXXXXX";
    static const char text[] = "192.0.2.7 box\n192.0.2.6 box\n192.0.2.8 four\n2001:db8::7 box\n";
    int fd = mkstemp(path);
    WANT(fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1);
    (void)setenv("CARES_HOSTS", path, 1);
    start();
    add(STR("box"));
    run_rounds(1);
    WANT(name.state == NAME_OK && name.addr_count == 3 && server.udp_questions == 0);
    want_addr(0, "192.0.2.6:8080");
    want_addr(2, "[2001:db8::7]:8080");
    WANT(name.refresh.at_ms - name.ended_at_ms <= 66);
    resolver_name_remove(&name);
    add_families(STR("box"), NAME_V4);
    run_rounds(1);
    WANT(name.addr_count == 2);
    resolver_name_remove(&name);
    add_families(STR("four"), NAME_V6);
    run_rounds(1);
    WANT(name.addr_count == 0 && name.state == NAME_EMPTY && server.udp_questions == 0);
    stop();
    (void)unsetenv("CARES_HOSTS");
    (void)close(fd);
    (void)unlink(path);
}

TEST(localhost_and_addresses_need_no_server)
{
    start();
    add_families(STR("localhost"), NAME_V4);
    run_rounds(1);
    WANT(name.addr_count == 1);
    want_addr(0, "127.0.0.1:8080");
    resolver_name_remove(&name);
    add(STR("192.0.2.1"));
    run_rounds(1);
    WANT(name.addr_count == 1);
    want_addr(0, "192.0.2.1:8080");
    resolver_name_remove(&name);
    add(STR("[2001:db8::1]"));
    run_rounds(1);
    WANT(name.addr_count == 1);
    want_addr(0, "[2001:db8::1]:8080");
    WANT(server.udp_questions == 0);
    stop();
}

TEST(what_is_not_a_name_is_refused)
{
    static const char *const bad[] = {
        "",     ".",
        "a..b", ".a",
        "a b",  "a/b",
        "a:80", "caf\xc3\xa9.test",
        "a..",  "0123456789012345678901234567890123456789012345678901234567890123"};
    static const char *const good[] = {"a",   "a.",   "_sip._tcp.a-b.test", "x.1", "10.0.0.1",
                                       "::1", "[::1]"};
    char long_host[NAME_BYTES_MAX + 1];
    start();
    const struct resolver_name_conf as_nul = {.host = STR("a\0b"), .on_change = on_change};
    WANT(resolver_name_add(&resolver, &other, &as_nul) == ERR_SYNTAX);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const struct resolver_name_conf conf = {.host = str_from_c(bad[i]), .on_change = on_change};
        WANT(resolver_name_add(&resolver, &other, &conf) == ERR_SYNTAX);
    }
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        const struct resolver_name_conf conf = {.host = str_from_c(good[i]),
                                                .on_change = on_change};
        WANT(resolver_name_add(&resolver, &other, &conf) == OK);
        resolver_name_remove(&other);
        resolver_name_remove(&other);
    }
    for (size_t i = 0; i < sizeof long_host; i++) {
        long_host[i] = i % 50 == 49 ? '.' : 'a';
    }
    struct resolver_name_conf conf = {.host = str_of(long_host, NAME_BYTES_MAX),
                                      .on_change = on_change};
    WANT(resolver_name_add(&resolver, &other, &conf) == OK);
    resolver_name_remove(&other);
    conf.host.len++;
    WANT(resolver_name_add(&resolver, &other, &conf) == ERR_SYNTAX);
    stop();
}

TEST(a_name_may_be_removed_while_it_is_asked_for)
{
    start();
    server.mode = DNS_SILENT;
    add(STR("api.test"));
    loop_turn(&loop, 0);
    loop_turn(&loop, 0);
    WANT(name.round != NULL);
    resolver_name_remove(&name);
    memset(&name, 0xff, sizeof name); /* nobody may look at it any more */
    for (int i = 0; i < 30; i++) {
        loop_turn(&loop, 10);
    }
    WANT(changes == 0);
    memset(&name, 0, sizeof name);
    resolver_name_remove(&name);
    stop();
}

static void remove_and_add(struct resolver_name *changed)
{
    const struct resolver_name_conf conf = {.host = STR("b.test"), .on_change = on_change};
    changes++;
    resolver_name_remove(changed);
    WANT(resolver_name_add(&resolver, &other, &conf) == OK);
}

TEST(a_callback_may_remove_its_name_and_add_another)
{
    start();
    const struct resolver_name_conf conf = {.host = STR("a.test"), .on_change = remove_and_add};
    WANT(resolver_name_add(&resolver, &name, &conf) == OK);
    run_rounds(2);
    WANT(changes == 2 && name.resolver == NULL && other.addr_count == 2);
    stop();
}

TEST(dropping_the_resolver_ends_what_is_in_flight)
{
    start();
    server.mode = DNS_SILENT;
    add(STR("api.test"));
    loop_turn(&loop, 0);
    loop_turn(&loop, 0);
    stop();
    WANT(changes == 0 && name.resolver == NULL);
    resolver_drop(&resolver);
}

TEST(more_names_than_places_wait_for_their_turn)
{
    static struct resolver_name names[3 * LIMIT_VALUE(name_queries)];
    static char hosts[COUNT_OF(names)][32];
    start();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(hosts[i], sizeof hosts[i], "n%zu.test", i);
        const struct resolver_name_conf conf = {.host = str_from_c(hosts[i]),
                                                .on_change = remove_and_add};
        WANT(resolver_name_add(&resolver, &names[i], &conf) == OK);
        names[i].on_change = on_change;
    }
    loop_turn(&loop, 0);
    WANT(server.udp_questions <= 2 * RESOLVER_ROUNDS_MAX);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        names[i].on_change = resolver_name_remove;
    }
    run_rounds(COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        WANT(names[i].addr_count == 2 && names[i].resolver == NULL);
    }
    stop();
}

TEST(a_refresh_on_demand_is_soon_and_not_too_often)
{
    WANT(dns_server_start(&server));
    const struct resolver_conf conf = {.servers = server.address, .ttl_ms_min = 50, .seed = 7};
    WANT(loop_init(&loop) == OK);
    WANT(resolver_init(&resolver, &loop, &conf) == OK);
    add(STR("api.test"));
    resolver_name_refresh(&name);
    run_rounds(1);
    WANT(name.refresh.at_ms - name.ended_at_ms >= 60000);
    resolver_name_refresh(&name);
    resolver_name_refresh(&name);
    WANT(name.refresh.at_ms - name.ended_at_ms == 50);
    run_rounds(1);
    WANT(name.state == NAME_OK);
    stop();
}

TEST(every_state_has_its_word)
{
    static const char *const words[] = {"new",      "ok",       "partial", "empty",
                                        "nxdomain", "servfail", "timeout"};
    WANT(COUNT_OF(words) == NAME_STATE_COUNT);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        WANT_STR(str_from_c(name_state_text((enum name_state)i)), str_from_c(words[i]));
    }
}

TEST(a_wrong_server_list_is_told)
{
    const struct resolver_conf conf = {.servers = "not an address"};
    WANT(loop_init(&loop) == OK);
    WANT(resolver_init(&resolver, &loop, &conf) == ERR_SYNTAX);
    loop_drop(&loop);
}
