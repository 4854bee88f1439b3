#define _GNU_SOURCE
#include "net/resolver_ares.c"

#include "dns_server.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static struct loop loop;
static struct resolver resolver;
static struct resolver_name name;

static void on_change(struct resolver_name *changed)
{
    (void)changed;
}

TEST(each_status_has_its_outcome)
{
    static const struct {
        int status;
        enum name_state wanted;
    } rows[] = {{ARES_SUCCESS, NAME_OK},
                {ARES_ENODATA, NAME_EMPTY},
                {ARES_ENOTFOUND, NAME_NXDOMAIN},
                {ARES_ETIMEOUT, NAME_TIMEOUT},
                {ARES_ESERVFAIL, NAME_SERVFAIL},
                {ARES_EREFUSED, NAME_SERVFAIL},
                {ARES_ECONNREFUSED, NAME_SERVFAIL},
                {ARES_EBADRESP, NAME_SERVFAIL},
                {ARES_ENOMEM, NAME_SERVFAIL},
                {ARES_EDESTRUCTION, NAME_SERVFAIL}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        WANT_INT(outcome_of(rows[i].status), rows[i].wanted);
    }
}

TEST(addresses_where_nobody_can_be_are_not_used)
{
    static const struct {
        const char *text;
        bool wanted;
    } rows[] = {{"0.0.0.0", false},
                {"0.1.2.3", false},
                {"127.0.0.1", true},
                {"10.0.0.1", true},
                {"223.255.255.255", true},
                {"224.0.0.1", false},
                {"255.255.255.255", false},
                {"::", false},
                {"::1", true},
                {"ff02::1", false},
                {"fe80::1", true},
                {"2001:db8::1", true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct addr addr;
        WANT(addr_parse_ip(str_from_c(rows[i].text), &addr) == OK);
        WANT(is_usable(&addr) == rows[i].wanted);
    }
}

static void write_conf(const char *path, const char *address)
{
    FILE *file = fopen(path, "w");
    WANT(file != NULL && fprintf(file, "nameserver %s\n", address) > 0 && fclose(file) == 0);
}

/* Asks until the name is answered, 3 s at most. */
static bool is_answered(void)
{
    int64_t give_up_ms = loop.now_ms + 3000;
    name.state = NAME_NEW;
    while (name.state != NAME_OK && loop.now_ms < give_up_ms) {
        loop_turn(&loop, 10);
    }
    return name.state == NAME_OK;
}

TEST(the_servers_of_a_changed_file_are_asked)
{
    char path[] = "/tmp/sluice-resolv-XXXXXX";
    static struct dns_server first, second;
    int fd = mkstemp(path);
    WANT(fd >= 0 && dns_server_start(&first) && dns_server_start_at(&second, 2, first.port));
    write_conf(path, "127.0.0.1");
    const struct resolver_conf conf = {.conf_path = path,
                                       .conf_port = first.port,
                                       .timeout_ms = 100,
                                       .tries = 1,
                                       .ttl_ms_min = 20,
                                       .ttl_ms_max = 20,
                                       .retry_ms_min = 20,
                                       .retry_ms_max = 50};
    const struct resolver_name_conf name_conf = {.host = STR("api.test."), .on_change = on_change};
    WANT(loop_init(&loop) == OK && resolver_init(&resolver, &loop, &conf) == OK);
    WANT(resolver_name_add(&resolver, &name, &name_conf) == OK);
    WANT(is_answered() && first.udp_questions > 0);

    first.mode = DNS_SILENT;
    (void)unlink(path);
    resolver.conf_checked_at_ms -= CONF_CHECK_MS; /* no file: the old servers stay */
    loop_turn(&loop, 30);
    write_conf(path, "127.0.0.2");
    WANT(second.udp_questions == 0);
    resolver.conf_checked_at_ms -= 2 * CONF_CHECK_MS;
    WANT(is_answered() && second.udp_questions > 0);

    resolver_drop(&resolver);
    loop_drop(&loop);
    dns_server_stop(&first);
    dns_server_stop(&second);
    (void)close(fd);
    (void)unlink(path);
}
