#include "kit.h"

#include <stdlib.h>

static const struct config *load_service(const char *keys)
{
    char text[512];
    snprintf(text, sizeof text, "services: { s: { targets: a:1, %s } }\nroutes: { \"/*\": s }", keys);
    return kit_load(text);
}

static const struct conf_balance *load_balance(const char *balance)
{
    char keys[300];
    snprintf(keys, sizeof keys, "balance: %s", balance);
    const struct config *config = load_service(keys);
    return config == NULL ? NULL : &config->services.at[0].balance;
}

TEST(a_word_is_a_method)
{
    for (uint8_t i = 0; conf_balance_names[i] != NULL; i++) {
        const struct conf_balance *balance = load_balance(conf_balance_names[i]);
        WANT(balance != NULL);
        WANT_INT(balance->method, i);
        WANT_INT(balance->on.count, 0);
        WANT_INT(balance->bound_percent, 0);
    }
}

TEST(a_map_says_what_is_hashed_and_how)
{
    const struct conf_balance *balance =
        load_balance("{ method: maglev, on: [header X-User, query id, path], bound: 1.5, table: 251 }");
    WANT(balance != NULL);
    WANT_INT(balance->method, CONF_BALANCE_MAGLEV);
    WANT_INT(balance->on.count, 3);
    WANT_INT(balance->on.at[0].by, CONF_KEY_HEADER);
    WANT_STR(balance->on.at[0].name, STR("X-User"));
    WANT_INT(balance->on.at[1].by, CONF_KEY_QUERY);
    WANT_INT(balance->on.at[2].by, CONF_KEY_PATH);
    WANT_INT(balance->bound_percent, 150);
    WANT_INT(balance->table_entries, 251);
    balance = load_balance("{ method: ring, on: cookie sid, bound: off }");
    WANT(balance != NULL);
    WANT_INT(balance->on.at[0].by, CONF_KEY_COOKIE);
    WANT_INT(balance->bound_percent, CONF_BOUND_OFF);
    balance = load_balance("{ method: round_robin }");
    WANT(balance != NULL);
    WANT_INT(balance->method, CONF_BALANCE_ROUND_ROBIN);
}

TEST(what_does_not_fit_is_refused_with_the_way_out)
{
    static const struct {
        const char *balance, *code;
    } cases[] = {
        {"best", "E0109"},
        {"{ method: best }", "E0109"},
        {"{ on: path }", "E0108"},
        {"{ method: maglev, on: [] }", "E0114"},
        {"{ method: maglev, on: header }", "E0170"},
        {"{ method: maglev, on: \"header a b\" }", "E0170"},
        {"{ method: maglev, on: path x }", "E0170"},
        {"{ method: maglev, on: \"query \" }", "E0170"},
        {"{ method: maglev, on: consumer }", "E0170"},
        {"{ method: maglev, on: \"\" }", "E0170"},
        {"{ method: p2c_ewma, on: path }", "E0171"},
        {"{ method: ip_hash, on: path }", "E0171"},
        {"{ method: least_time, bound: 1.25 }", "E0171"},
        {"{ method: round_robin, table: 251 }", "E0171"},
        {"{ method: ring, table: 251 }", "E0171"},
        {"{ method: maglev, bound: 1 }", "E0172"},
        {"{ method: maglev, bound: 1.00 }", "E0172"},
        {"{ method: maglev, bound: 10.01 }", "E0172"},
        {"{ method: maglev, bound: 1.255 }", "E0172"},
        {"{ method: maglev, bound: \"1.\" }", "E0172"},
        {"{ method: maglev, bound: -2 }", "E0172"},
        {"{ method: maglev, table: 65536 }", "E0173"},
        {"{ method: maglev, table: 249 }", "E0173"},
        {"{ method: maglev, table: 655379 }", "E0173"}, /* LIMIT_maglev_entries */
        {"{ method: maglev, table: off }", "E0173"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (load_balance(cases[i].balance) != NULL || !kit_said_only(cases[i].code)) {
            printf("# %s: %.*s\n", cases[i].balance, STR_FMT(kit_said()));
            test_has_failed = true;
        }
    }
}

TEST(the_long_form_reads_back_to_the_same)
{
    static const char *const forms[] = {
        "maglev",
        "{ method: maglev, on: [\"query a b\\\"c\", cookie x], bound: 2.05, table: 65537 }",
        "{ method: ip_hash, bound: 1.5 }",
        "{ method: ring, bound: off }",
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct arena arena;
        struct sink out;
        char text[400];
        snprintf(text, sizeof text,
                 "defaults: { balance: %s }\nservices: { s: a:1 }\nroutes: { \"/*\": s }", forms[i]);
        const struct config *config = kit_load(text);
        WANT(config != NULL);
        uint64_t hash = config_hash(config);
        arena_init_heap(&arena, 1 << 20);
        sink_to_memory(&out, &arena);
        config_write_yaml(config, &out);
        sink_add(&out, str_of("", 1));
        config = kit_load(sink_str(&out).at);
        WANT(config != NULL);
        WANT(config_hash(config) == hash);
        arena_reset(&arena);
    }
}
