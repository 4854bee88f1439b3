/* table_l4_test.c - listeners whose connections are not HTTP. */
#include "base/limits.h"
#include "config/internals.h"
#include "kit.h"

#define DB "services: { db: { targets: [a:1] } }\n"

static const struct conf_listener *only(const char *text)
{
    const struct config *config = kit_load(text);
    WANT(config != NULL);
    return config == NULL ? NULL : &config->listeners.at[0];
}

TEST(the_short_form_is_a_service_with_the_default_times)
{
    const struct conf_listener *listener = only("listeners: { pg: { port: 1, tcp: db } }\n" DB);
    WANT(listener != NULL);
    WANT(!conf_is_http(listener));
    WANT_STR(listener->tcp.service.text, STR("db"));
    WANT_INT(listener->tcp.idle_ms, LIMIT_VALUE(tunnel_idle_ms));
    WANT_INT(listener->tcp.life_ms, LIMIT_VALUE(tunnel_life_ms));
    WANT_INT(kit_diags()->warnings.count, 0);
}

TEST(the_long_form_has_times)
{
    const struct conf_listener *listener =
        only("listeners: { pg: { port: 1, tcp: { service: db, idle: 5m, life: 24h } } }\n" DB);
    WANT_INT(listener->tcp.idle_ms, 300000);
    WANT_INT(listener->tcp.life_ms, 86400000);
}

TEST(a_target_may_stand_for_a_service)
{
    const struct config *config =
        kit_load("listeners: { a: { port: 1, tcp: 10.0.0.1:5432 }, b: { port: 2, tcp: 10.0.0.1:5432 } }");
    WANT(config != NULL);
    WANT_INT(config->services.count, 1);
    WANT_STR(config->services.at[0].name, STR("10.0.0.1:5432"));
}

TEST(requests_need_routes_and_connections_do_not)
{
    WANT(kit_load("listeners: { a: { port: 1 }, b: { port: 2, tcp: db } }\n" DB) == NULL);
    WANT(kit_said_only("E0108"));
    WANT(kit_load("listeners: { b: { port: 2, tcp: db } }\n" DB) != NULL);
}

TEST(what_a_listener_may_not_say_is_refused)
{
    static const struct {
        const char *text, *code;
    } bad[] = {{"tcp: nobody", "E0201"},
               {"tcp: { idle: 5m }", "E0108"},
               {"tcp: { service: db, idle: soon }", "E0105"},
               {"tcp: { service: db, timeout: 1s }", "E0107"},
               {"tcp: ''", "E0114"},
               {"tcp: [db]", "E0101"}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char text[256];
        struct strbuf out = strbuf_over(text, sizeof text - 1);
        strbuf_add_fmt(&out, "listeners: { pg: { port: 1, %s } }\n" DB, bad[i].text);
        text[out.len] = '\0';
        WANT(kit_load(text) == NULL);
        WANT(kit_said_code(bad[i].code));
    }
}

TEST(tls_goes_by_name_and_protocol)
{
    const struct conf_listener *listener =
        only("listeners: { t: { port: 1, tls_passthrough: { names: { a.example: db, '*.b.example': "
             "{ service: db, alpn: { h2: a:2 } } }, default: db, idle: 5m } } }\n" DB);
    WANT(listener != NULL);
    WANT(!conf_is_http(listener));
    WANT_INT(listener->passthrough.names.count, 2);
    WANT_STR(listener->passthrough.names.at[1].alpn.at[0].name, STR("h2"));
    WANT_STR(conf_listener_service(listener, 0)->text, STR("db"));
    WANT_STR(conf_listener_service(listener, 3)->text, STR("a:2"));
    WANT(conf_listener_service(listener, 4) == NULL);
}

TEST(what_tls_and_proxy_protocol_may_not_say_is_refused)
{
    static const struct {
        const char *text, *code;
    } bad[] = {{"listeners: { t: { port: 1, tls_passthrough: {} } }\n", "E0108"},
               {"listeners: { t: { port: 1, tls_passthrough: { names: { A.example: db } } } }\n", "E0117"},
               {"listeners: { t: { port: 1, tls_passthrough: { names: { a..b: db } } } }\n", "E0117"},
               {"listeners: { t: { port: 1, tls_passthrough: { names: { a.b: no } } } }\n", "E0201"},
               {"listeners: { t: { port: 1, tcp: db, tls_passthrough: { default: db } } }\n", "E0113"},
               {"listeners: { t: { port: 1, tcp: db, proxy_protocol: {} } }\n", "E0108"},
               {"listeners: { t: { port: 1, tcp: db, proxy_protocol: { from: a } } }\n", "E0112"}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char text[256];
        struct strbuf out = strbuf_over(text, sizeof text - 1);
        strbuf_add_fmt(&out, "%s" DB, bad[i].text);
        text[out.len] = '\0';
        WANT(kit_load(text) == NULL);
        WANT(kit_said_code(bad[i].code));
    }
    WANT(kit_load("services: { s: { targets: a:1, send_proxy: v2 } }\nroutes: { /a: s }") == NULL);
    WANT(kit_said_only("E0113"));
}

TEST(the_written_form_reads_back)
{
    const struct config *config =
        kit_load("listeners: { pg: { port: 1, tcp: { service: db, idle: 0s } } }\n" DB);
    WANT(config != NULL);
    struct str yaml = kit_yaml(config);
    WANT(str_find_str(yaml, STR("service: db")) < yaml.len);
    WANT(str_find_str(yaml, STR("idle: 0s")) < yaml.len);
}
