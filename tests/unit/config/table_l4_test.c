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

TEST(the_written_form_reads_back)
{
    const struct config *config =
        kit_load("listeners: { pg: { port: 1, tcp: { service: db, idle: 0s } } }\n" DB);
    WANT(config != NULL);
    struct str yaml = kit_yaml(config);
    WANT(str_find_str(yaml, STR("service: db")) < yaml.len);
    WANT(str_find_str(yaml, STR("idle: 0s")) < yaml.len);
}
