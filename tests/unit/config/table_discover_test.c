/* table_discover_test.c - the key discover: its forms, and what is refused. */
#include "kit.h"

#include <stdio.h>

static const struct conf_discover *discover_of(const char *written)
{
    char text[600];
    (void)snprintf(text, sizeof text,
                   "services: { it: { discover: %s } }\nroutes: { \"/*\": { to: it } }\n", written);
    struct config *config = kit_load(text);
    return config == NULL ? NULL : &config->services.at[0].versions.at[0].discover;
}

TEST(each_place_has_its_kind_address_and_key)
{
    static const struct {
        const char *from;
        uint8_t kind;
        const char *url, *key;
    } rows[] = {
        {"srv://_http._tcp.orders.internal", CONF_DISCOVER_SRV, "_http._tcp.orders.internal", ""},
        {"file:/etc/sluice/o.yaml", CONF_DISCOVER_FILE, "/etc/sluice/o.yaml", ""},
        {"file:///etc/sluice/o.yaml", CONF_DISCOVER_FILE, "/etc/sluice/o.yaml", ""},
        {"http://registry:9000/orders", CONF_DISCOVER_HTTP, "http://registry:9000/orders", ""},
        {"https://registry/orders", CONF_DISCOVER_HTTP, "https://registry/orders", ""},
        {"consul://127.0.0.1:8500/orders", CONF_DISCOVER_CONSUL, "http://127.0.0.1:8500", "orders"},
        {"consul+https://c:8501/orders", CONF_DISCOVER_CONSUL, "https://c:8501", "orders"},
        {"etcd://127.0.0.1:2379/a/b/", CONF_DISCOVER_ETCD, "http://127.0.0.1:2379", "/a/b/"},
        {"etcd+https://e:2379/a", CONF_DISCOVER_ETCD, "https://e:2379", "/a"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct conf_discover *discover = discover_of(rows[i].from);
        WANT(discover != NULL);
        if (discover != NULL) {
            WANT_INT(discover->kind, rows[i].kind);
            WANT_STR(discover->url, str_from_c(rows[i].url));
            WANT_STR(discover->key, str_from_c(rows[i].key));
            WANT_INT(discover->every_ms, 5000);
            WANT_INT(discover->empty, CONF_EMPTY_KEEP);
        }
    }
}

TEST(the_long_form_says_more)
{
    const struct conf_discover *discover =
        discover_of("{ from: \"consul://c:8500/o\", every: 2s, empty: believe, token: t, tag: blue, "
                    "datacenter: eu }");
    WANT(discover != NULL && discover->every_ms == 2000 && discover->empty == CONF_EMPTY_BELIEVE);
    WANT(discover != NULL && str_eq(discover->tag, STR("blue")));
    WANT(discover != NULL && str_eq(discover->datacenter, STR("eu")));
}

TEST(what_lists_nothing_is_refused)
{
    static const char *const rows[] = {
        "orders",          "srv://",           "srv://a:80",        "srv://a/b",
        "file:o.yaml",     "consul://c:8500",  "consul://c:8500/",  "consul:///orders",
        "etcd://e:2379/",  "etcd://e:2379",    "zookeeper://z/x",   "\"http://a b/\"",
        "consul+tls://a/b"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        WANT(discover_of(rows[i]) == NULL);
        WANT(kit_said_only("E0145"));
    }
    WANT(discover_of("{ from: \"http://r/\", tag: x }") == NULL);
    WANT(kit_said_only("E0145"));
    WANT(discover_of("{ from: \"http://r/\", every: 1ms }") == NULL);
}

TEST(a_version_has_targets_or_says_who_lists_them)
{
    WANT(kit_load("services: { it: { versions: { a: { weight: 1 } } } }\n"
                  "routes: { \"/*\": { to: it } }\n") == NULL);
    WANT(kit_said_only("E0202"));
    WANT(kit_load("services: { it: { targets: a:1, discover: \"srv://a\" } }\n"
                  "routes: { \"/*\": { to: it } }\n") == NULL);
    struct config *config =
        kit_load("services: { it: { versions: { a: { discover: \"srv://a\" }, b: { targets: b:1 } "
                 "} } }\nroutes: { \"/*\": { to: it } }\n");
    WANT(config != NULL && config->services.at[0].versions.at[0].discover.kind == CONF_DISCOVER_SRV);
    WANT(config != NULL && config->services.at[0].versions.at[1].targets.count == 1);
}
