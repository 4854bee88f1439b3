#include "proxy/balance_key.h"

#include "exchange_kit.h"

static struct exchange_kit kit;

#define REQUEST                                                                                    \
    "GET /a/b?id=x%20y&n=1 HTTP/1.1\r\nHost: a\r\nX-User: u7\r\nCookie: a=b; sid=s1\r\n\r\n"

static struct balance_ask asked(const char *request, const struct plan_service *to)
{
    struct balance_ask ask = {0};
    exchange_kit_open(&kit);
    struct exchange *ex = exchange_kit_request(&kit, str_from_c(request));
    balance_key_fill(ex, to, &ask);
    exchange_kit_close(&kit);
    return ask;
}

static uint64_t hash_of(const char *request, const struct plan_key *keys, uint32_t count)
{
    const struct plan_service to = {
        .keyed_by = BALANCE_BY_KEY, .keys = keys, .key_count = count};
    struct balance_ask ask = asked(request, &to);
    WANT(ask.has_hash);
    return ask.hash;
}

TEST(methods_that_want_no_key_get_none)
{
    const struct plan_service to = {.keyed_by = BALANCE_BY_NOTHING};
    struct balance_ask ask = asked(REQUEST, &to);
    WANT(!ask.has_hash);
}

TEST(each_kind_of_key_is_what_its_name_says)
{
    static const struct {
        struct plan_key key;
        const char *same, *other;
    } rows[] = {
        {{PLAN_KEY_HEADER, {"x-user", 6}}, "GET / HTTP/1.1\r\nHost: b\r\nX-User: u7\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nX-User: u8\r\n\r\n"},
        {{PLAN_KEY_COOKIE, {"sid", 3}}, "GET / HTTP/1.1\r\nHost: b\r\nCookie: sid=s1\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nCookie: sid=s2\r\n\r\n"},
        {{PLAN_KEY_QUERY, {"id", 2}}, "GET /?id=x+y HTTP/1.1\r\nHost: b\r\n\r\n",
         "GET /?id=x HTTP/1.1\r\nHost: b\r\n\r\n"},
        {{PLAN_KEY_PATH, {"", 0}}, "GET /a/b?z HTTP/1.1\r\nHost: b\r\n\r\n",
         "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t hash = hash_of(REQUEST, &rows[i].key, 1);
        WANT(hash == hash_of(rows[i].same, &rows[i].key, 1));
        WANT(hash != hash_of(rows[i].other, &rows[i].key, 1));
    }
}

TEST(without_its_key_a_request_goes_by_its_address)
{
    const struct plan_key address = {PLAN_KEY_ADDRESS, {"", 0}}, none = {PLAN_KEY_HEADER, {"x-no", 4}};
    uint64_t hash = hash_of(REQUEST, NULL, 0);
    WANT(hash == hash_of(REQUEST, &address, 1));
    WANT(hash == hash_of(REQUEST, &none, 1));
}

TEST(parts_are_put_together_in_their_order_and_what_is_missing_is_left_out)
{
    const struct plan_key both[] = {{PLAN_KEY_HEADER, {"x-user", 6}}, {PLAN_KEY_PATH, {"", 0}}};
    const struct plan_key turned[] = {both[1], both[0]};
    const struct plan_key gap[] = {{PLAN_KEY_HEADER, {"x-user", 6}}, {PLAN_KEY_HEADER, {"x-no", 4}}};
    WANT(hash_of(REQUEST, both, 2) != hash_of(REQUEST, both, 1));
    WANT(hash_of(REQUEST, both, 2) != hash_of(REQUEST, turned, 2));
    WANT(hash_of(REQUEST, gap, 2) == hash_of(REQUEST, both, 1));
}

TEST(a_network_is_24_bits_of_ipv4_and_56_of_ipv6)
{
    static const struct {
        const char *left, *right;
        bool is_same;
    } rows[] = {
        {"10.1.2.3", "10.1.2.250", true},
        {"10.1.2.3", "10.1.3.3", false},
        {"2001:db8:1:2ff::1", "2001:db8:1:200::2", true},
        {"2001:db8:1:2ff::1", "2001:db8:1:3ff::1", false},
    };
    const struct plan_service to = {.keyed_by = BALANCE_BY_NETWORK};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct balance_ask left = {0}, right = {0};
        exchange_kit_open(&kit);
        struct exchange *ex = exchange_kit_request(&kit, str_from_c(REQUEST));
        WANT_INT(addr_parse_ip(str_from_c(rows[i].left), &ex->forwarded.client), OK);
        balance_key_fill(ex, &to, &left);
        WANT_INT(addr_parse_ip(str_from_c(rows[i].right), &ex->forwarded.client), OK);
        balance_key_fill(ex, &to, &right);
        WANT((left.hash == right.hash) == rows[i].is_same);
        exchange_kit_close(&kit);
    }
}
