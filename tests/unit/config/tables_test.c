/* tables_test.c - listeners, services and levels: what their tables say that a row cannot. */
#include "base/limits.h"
#include "config/internals.h"
#include "kit.h"

TEST(a_listener_has_a_port)
{
    WANT(kit_load("listeners: { a: {} }\nroutes: { \"/*\": http://a:1 }") == NULL);
    WANT(kit_said_only("E0108"));
    WANT(kit_load("listeners: {}\nroutes: { \"/*\": http://a:1 }") == NULL);
    WANT(kit_said_only("E0114"));
}

TEST(presets_are_the_rows_of_limits_def)
{
    const struct config *config =
        kit_load("listeners: { a: { port: 1 } }\nroutes: { \"/*\": http://a:1 }");
    const struct conf_listener *listener = &config->listeners.at[0];
    const struct conf_service *service = &config->services.at[0];
    const struct conf_timeout *timeout = &config->routes.at[0].effective.timeout;
    WANT_INT(listener->limits.head_bytes, LIMIT_VALUE(head_bytes));
    WANT_INT(listener->limits.field_count, LIMIT_VALUE(field_count));
    WANT_INT(listener->limits.target_bytes, LIMIT_VALUE(target_bytes));
    WANT_INT(listener->keepalive_requests, LIMIT_VALUE(keepalive_requests));
    WANT_INT(listener->timeout.head_ms, LIMIT_VALUE(head_timeout_ms));
    WANT_INT(listener->timeout.body_ms, LIMIT_VALUE(body_timeout_ms));
    WANT_INT(listener->timeout.idle_ms, LIMIT_VALUE(idle_timeout_ms));
    WANT_INT(timeout->connect_ms, LIMIT_VALUE(connect_timeout_ms));
    WANT_INT(timeout->response_ms, LIMIT_VALUE(response_timeout_ms));
    WANT_INT(timeout->total_ms, LIMIT_VALUE(total_timeout_ms));
    WANT_INT(service->connections.max, LIMIT_VALUE(endpoint_connections));
    WANT_INT(service->connections.idle, LIMIT_VALUE(pool_idle));
    WANT_INT(service->connections.idle_ms, LIMIT_VALUE(pool_idle_ms));
    WANT_INT(service->queue.size, LIMIT_VALUE(queue_depth));
    WANT_INT(service->queue.wait_ms, LIMIT_VALUE(queue_wait_ms));
    WANT_INT(config->drain_timeout_ms, LIMIT_VALUE(drain_timeout_ms));
    WANT_INT(config->routes.at[0].effective.body_limit.bytes, LIMIT_VALUE(body_bytes));
}

TEST(a_time_alone_is_the_total)
{
    const struct config *config = kit_load(
        "defaults: { timeout: 9s }\nservices: { s: { targets: a:1, timeout: 7s } }\n"
        "routes: { a: { match: /a, to: s, timeout: 5s }, b: { match: /b, to: s }, c: { match: /c, "
        "to: http://b:1 } }");
    WANT_INT(kit_route(config, "a")->effective.timeout.total_ms, 5000);
    WANT_INT(kit_route(config, "b")->effective.timeout.total_ms, 7000);
    WANT_INT(kit_route(config, "c")->effective.timeout.total_ms, 9000);
}

TEST(a_service_has_targets_or_versions)
{
    WANT(kit_load("services: { s: {} }\nroutes: { \"/*\": s }") == NULL);
    WANT(kit_said_only("E0202"));
    WANT(kit_load("services: { s: { targets: a:1, versions: { v: { targets: b:1 } } } }\nroutes: { "
                  "\"/*\": s "
                  "}") == NULL);
    WANT(kit_said_only("E0113"));
    WANT(kit_load("services: { s: { versions: { v: {} } } }\nroutes: { \"/*\": s }") == NULL);
    WANT(kit_said_only("E0202"));
}

TEST(keys_of_later_versions_are_refused_and_never_ignored)
{
    static const char *const texts[] = {
        "listeners: { a: { port: 1, tls: auto } }",
        "listeners: { a: { port: 1, udp: s } }",
        "listeners: { a: { port: 1, http3: true } }",
        "services: { s: { targets: a:1, tls: {} } }",
        "services: { s: { versions: { v: { targets: a:1, rollback_if: x } } } }",
        "enforce: { tls: {} }",
        "plans: {}",
        "consumers: {}",
        "admin: { listen: unix:/x, ui: y }",
        "observe: { traces: {} }",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char text[256];
        snprintf(text, sizeof text, "%s\nroutes: { \"/*\": http://a:1 }\n", texts[i]);
        WANT(kit_load(text) == NULL);
        WANT(kit_said_only("E0301"));
    }
}

static void check_table(const struct conf_table *table)
{
    WANT(table->summary != NULL);
    WANT(table->summary[strlen(table->summary) - 1] == '.');
    for (uint32_t i = 0; i < table->field_count; i++) {
        const struct conf_field *field = &table->fields[i];
        WANT(field->summary[strlen(field->summary) - 1] == '.');
        WANT(field->offset + field->bytes <= table->bytes);
        WANT(field->type != CONF_ENUM || field->names != NULL);
        WANT(field->type != CONF_CUSTOM || field->grammar != NULL);
        WANT(field->type != CONF_STRUCT || field->table->bytes == field->bytes);
        for (uint32_t j = 0; j < i; j++) {
            WANT(strcmp(field->name, table->fields[j].name) != 0);
        }
    }
}

TEST(tables_fit_their_structs)
{
    check_table(&conf_root_table);
    check_table(&conf_listener_table);
    check_table(&conf_service_table);
    check_table(&conf_route_table);
    check_table(&conf_match_table);
    check_table(&conf_target_table);
    check_table(&conf_redirect_table);
    check_table(&conf_timeout_table);
    check_table(&conf_defaults_table);
    check_table(&conf_enforce_table);
}
