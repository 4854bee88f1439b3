#include "base/addr.h"
#include "test.h"

static struct str written(const struct addr *addr)
{
    static char room[ADDR_TEXT_BYTES_MAX];
    struct strbuf out = strbuf_over(room, sizeof room);
    addr_add(&out, addr);
    return strbuf_str(&out);
}

TEST(addresses_are_read_strictly_and_written_back)
{
    static const char *const good[] = {"10.0.0.1:80", "[::1]:65535", "0.0.0.0:0", "[fe80::1]:1"};
    static const char *const bad[] = {"", ":", ":80", "1.2.3:80", "1.2.3.4.5:80", "01.2.3.4:80", "256.1.1.1:80",
                                      "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:080808", "::1:80", "[::1:80", "[::g]:80",
                                      "localhost:80", "1.2.3.4 :80", "1.2.3.4"};
    struct addr addr;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        WANT(addr_parse(str_from_c(good[i]), &addr) == OK);
        WANT_STR(written(&addr), str_from_c(good[i]));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        WANT(addr_parse(str_from_c(bad[i]), &addr) != OK);
    }
}

TEST(prefixes_hold_their_addresses_and_no_others)
{
    struct addr_prefix prefix;
    struct addr addr;
    WANT(addr_prefix_parse(STR("10.1.0.0/17"), &prefix) == OK);
    WANT(addr_parse_ip(STR("10.1.127.255"), &addr) == OK && addr_prefix_has(&prefix, &addr));
    WANT(addr_parse_ip(STR("10.1.128.0"), &addr) == OK && !addr_prefix_has(&prefix, &addr));
    WANT(addr_parse_ip(STR("::1"), &addr) == OK && !addr_prefix_has(&prefix, &addr));
    WANT(addr_prefix_parse(STR("0.0.0.0/0"), &prefix) == OK);
    WANT(addr_parse_ip(STR("9.9.9.9"), &addr) == OK && addr_prefix_has(&prefix, &addr));
    WANT(addr_prefix_parse(STR("10.1.0.1/16"), &prefix) == ERR_RANGE);
    WANT(addr_prefix_parse(STR("10.1.0.0/33"), &prefix) == ERR_SYNTAX);
    WANT(addr_prefix_parse(STR("::1"), &prefix) == OK && prefix.bits == 128);
}

TEST(mapped_addresses_become_ipv4)
{
    struct sockaddr_storage kernel;
    struct addr mapped, plain;
    WANT(addr_parse(STR("[::ffff:10.0.0.1]:80"), &mapped) == OK);
    (void)addr_to_kernel(&mapped, &kernel);
    addr_from_kernel(&kernel, &mapped);
    WANT(addr_parse(STR("10.0.0.1:80"), &plain) == OK && addr_eq(&mapped, &plain));
}
