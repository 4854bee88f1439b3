/* scalars_test.c - one value by its type: good ones, and the code that bad ones get. */
#include "kit.h"

/* What is said of a listener with these keys: a code, or nothing. */
static const char *code_of(const char *keys)
{
    char text[512];
    snprintf(text, sizeof text,
             "listeners: { a: { listen: \"127.0.0.1:1\", %s } }\nroutes: { \"/*\": http://a:1 }\n",
             keys);
    bool is_read = kit_load(text) != NULL;
    const struct diags *diags = kit_diags();
    return is_read ? "" : diag_rows[diags->errors.at[0].code].code;
}

static const struct {
    const char *keys, *code;
} cases[] = {
    {"via: true", ""},
    {"via: False", ""},
    {"via: yes", "E0102"},
    {"via: \"true\"", "E0102"},
    {"via: 1", "E0102"},
    {"via: [true]", "E0101"},
    {"via:", "E0114"},
    {"via: ~", "E0114"},
    {"keepalive_requests: 0", ""},
    {"keepalive_requests: 007", ""},
    {"keepalive_requests: 1000000000", ""},
    {"keepalive_requests: 1000000001", "E0104"},
    {"keepalive_requests: -1", "E0104"},
    {"keepalive_requests: -0", ""},
    {"keepalive_requests: 99999999999999999999", "E0103"},
    {"keepalive_requests: 0x10", "E0103"},
    {"keepalive_requests: +5", "E0103"},
    {"keepalive_requests: 1.0", "E0103"},
    {"keepalive_requests: 1e3", "E0103"},
    {"keepalive_requests: \"5\"", "E0103"},
    {"keepalive_requests: five", "E0103"},
    {"keepalive_requests: { a: 5 }", "E0101"},
    {"request_id: keep", ""},
    {"request_id: Keep", "E0109"},
    {"request_id: never", "E0109"},
    {"request_id: \"\"", "E0109"},
    {"timeout: { head: 0s }", ""},
    {"timeout: { head: 24h }", ""},
    {"timeout: { head: 24h1ms }", "E0104"},
    {"timeout: { head: 5 }", "E0105"},
    {"timeout: { head: 5 s }", "E0105"},
    {"limits: { head: 65536 }", ""},
    {"limits: { head: 64KiB }", ""},
    {"limits: { head: 64kb }", "E0106"},
    {"limits: { head: 1.5KiB }", "E0106"},
    {"limits: { head: 1TiB }", "E0104"},
    {"limits: { head: 10 }", "E0104"},
    {"trusted_proxies: 10.0.0.0/8", ""},
    {"trusted_proxies: [10.0.0.1, \"::1\", \"fd00::/8\"]", ""},
    {"trusted_proxies: []", ""},
    {"trusted_proxies: [10.0.0.1/8]", "E0112"},
    {"trusted_proxies: [10.0.0.0/33]", "E0112"},
    {"trusted_proxies: [10.0.0/8]", "E0112"},
    {"trusted_proxies: [localhost]", "E0112"},
    {"trusted_proxies: { a: b }", "E0101"},
};

TEST(each_type_takes_what_it_should_and_names_what_it_should_not)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *code = code_of(cases[i].keys);
        if (strcmp(code, cases[i].code) != 0) {
            printf("# %s: got %s, wanted %s\n", cases[i].keys, code, cases[i].code);
            test_has_failed = true;
        }
    }
}

static const struct {
    const char *listen;
    uint8_t family;
    uint16_t port; /* 0: refused */
} addresses[] = {
    {"127.0.0.1:80", ADDR_V4, 80},
    {"[::1]:80", ADDR_V6, 80},
    {":80", ADDR_NONE, 80},
    {":65535", ADDR_NONE, 65535},
    {":0", 0, 0},
    {":65536", 0, 0},
    {":", 0, 0},
    {"80", 0, 0},
    {"127.0.0.1", 0, 0},
    {"127.0.0.1:", 0, 0},
    {"127.0.0.1:0", 0, 0},
    {"::1:80", 0, 0},
    {"[::1]", 0, 0},
    {"localhost:80", 0, 0},
    {"127.1:80", 0, 0},
    {"*:80", 0, 0},
    {"", 0, 0},
    {":-1", 0, 0},
    {"127.0.0.01:80", 0, 0},
};

TEST(an_address_has_a_port_and_is_no_name)
{
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "listeners: { a: { listen: \"%s\" } }\nroutes: { \"/*\": http://a:1 }\n",
                 addresses[i].listen);
        const struct config *config = kit_load(text);
        WANT_INT(config == NULL ? 0 : config->listeners.at[0].addr.port, addresses[i].port);
        WANT_INT(config == NULL ? 0 : config->listeners.at[0].addr.family, addresses[i].family);
        WANT(config != NULL || kit_said_only("E0111"));
    }
}

static const struct mark *mark_of(const char *keys)
{
    static const struct mark none;
    char text[256];
    snprintf(text, sizeof text, "routes: { r: { match: /r, respond: {}, mark: { %s } } }", keys);
    const struct config *config = kit_load(text);
    return config == NULL ? &none : kit_route(config, "r")->policies.at[0].conf;
}

TEST(a_rate_has_a_unit_and_may_have_a_key)
{
    WANT_INT(mark_of("rate: 100/min per consumer")->rate.count, 100);
    WANT_INT(mark_of("rate: 100/min per consumer")->rate.per_ms, 60000);
    WANT_STR(mark_of("rate: 100/min per header X-Key")->rate.key, STR("header X-Key"));
    WANT_INT(mark_of("rate: 5/day")->rate.key.len, 0);
    static const char *const bad[] = {"5",       "5/",           "5/sec", "per x",
                                      "5/s per", "\"5/s per \"", "5/s x"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char keys[64];
        snprintf(keys, sizeof keys, "rate: %s", bad[i]);
        WANT_INT(mark_of(keys)->rate.count, 0);
        WANT(kit_said_only("E0110"));
    }
}

TEST(one_value_alone_is_a_list_of_one)
{
    WANT_INT(mark_of("words: a")->words.count, 1);
    WANT_INT(mark_of("words: [a, b]")->words.count, 2);
    WANT_INT(mark_of("words: []")->words.count, 0);
}

TEST(strings_are_strings_in_the_file_too)
{
    static const char *const bad[] = {"5", "1.5", "true", "0x10"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char keys[64];
        snprintf(keys, sizeof keys, "text: %s", bad[i]);
        WANT_INT(mark_of(keys)->level, 0);
        WANT(kit_said_only("E0123"));
        snprintf(keys, sizeof keys, "text: \"%s\"", bad[i]);
        WANT_STR(mark_of(keys)->text, str_from_c(bad[i]));
    }
    WANT_STR(mark_of("text: \"\"")->text, STR(""));
    WANT_INT(mark_of("text: yes")->level, 5);
}

TEST(names_of_fields_and_their_values_are_checked)
{
    static const struct {
        const char *headers;
        bool is_fit;
    } pairs[] = {
        {"X-A: b", true},
        {"X-A: \"\"", true},
        {"X-A: \"a\\tb\"", true},
        {"X-A: \"\xc3\xbc\"", true},
        {"\"X A\": b", false},
        {"\"X-A:\": b", false},
        {"X-A: \"a\\r\\nb\"", false},
        {"X-A: \"a\\0b\"", false},
        {"X-A: \" a\"", false},
        {"X-A: \"a\\x7f\"", false},
        {"\"\": b", false},
        {"X-A: 5", false},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        char text[256];
        snprintf(text, sizeof text, "routes: { r: { match: /r, respond: { headers: { %s } } } }",
                 pairs[i].headers);
        WANT((kit_load(text) != NULL) == pairs[i].is_fit);
    }
}
