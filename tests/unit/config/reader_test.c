/* reader_test.c - the walk over a file by its tables: presets, keys, groups, names. */
#include "kit.h"

TEST(what_is_not_written_is_at_its_preset)
{
    const struct config *config =
        kit_load("services: { s: a:1 }\nlisteners: { a: { port: 1 } }\nroutes: { \"/*\": s }");
    const struct conf_service *service = &config->services.at[0];
    const struct conf_listener *listener = &config->listeners.at[0];
    WANT_INT(service->connections.max, 512);
    WANT_INT(service->connections.idle_ms, 55000);
    WANT_INT(service->queue.wait_ms, 5000);
    WANT_INT(service->balance.method, CONF_BALANCE_P2C_EWMA);
    WANT_INT(service->host.mode, CONF_HOST_CLIENT);
    WANT_INT(listener->limits.head_bytes, 65536);
    WANT(listener->sends_via);
    WANT(listener->merges_slashes);
    WANT(!source_pos_is_set(&service->balance_pos));
    WANT(!source_pos_is_set(&service->timeout.pos));
    WANT(source_pos_is_set(&listener->addr_pos));
}

TEST(one_thing_at_its_preset_does_not_touch_another)
{
    const struct config *config =
        kit_load("services: { s: { targets: a:1, queue: { size: 1 } }, t: a:2 }\n"
                 "routes: { /a: s, /b: t }");
    WANT_INT(config->services.at[0].queue.size, 1);
    WANT_INT(config->services.at[1].queue.size, 65536);
}

TEST(names_and_places_are_kept)
{
    const struct config *config =
        kit_load("services:\n  s:\n    versions:\n      v1: { targets: a:1 }\n"
                 "routes:\n  \"/*\": s\n");
    const struct conf_version *version = &config->services.at[0].versions.at[0];
    WANT_STR(version->name, STR("v1"));
    WANT_INT(version->pos.line, 4);
    WANT_INT(version->pos.column, 7);
    WANT_INT(version->targets.at[0].pos.column, 22);
}

TEST(a_name_is_not_empty_not_long_and_without_controls)
{
    char text[600];
    WANT(kit_load("routes: { \"\": { match: /a, respond: {} } }") == NULL);
    WANT(kit_said_only("E0114"));
    WANT(kit_load("routes: { \"a\\nb\": { match: /a, respond: {} } }") == NULL);
    WANT(kit_said_only("E0117"));
    snprintf(text, sizeof text, "routes: { r%0300d: { match: /a, respond: {} } }", 0);
    WANT(kit_load(text) == NULL);
    WANT(kit_said_only("E0104"));
}

TEST(an_error_does_not_stop_the_reading)
{
    WANT(kit_load("listeners: { a: { port: 0 }, b: { prot: 5 } }\nservices: { s: {} }\nroutes: { "
                  "r: 5, q: {} }\n"
                  "x: y\n") == NULL);
    WANT(kit_diags()->errors.count >= 6);
}

TEST(the_path_in_a_message_has_names_and_numbers)
{
    WANT(kit_load("routes:\n  r:\n    respond: {}\n    match: [/a, { header: { X: { is: [a, 5] } } "
                  "}]\n") == NULL);
    WANT(str_find_str(kit_said(), STR("routes.r.match[1].header.X.is[1]: ")) < kit_said().len);
}

TEST(of_a_group_one_key_is_written)
{
    WANT(
        kit_load("listeners: { a: { port: 1, listen: \":1\" } }\nroutes: { \"/*\": http://a:1 }") ==
        NULL);
    WANT(kit_said_only("E0113"));
}

TEST(a_policy_is_read_by_the_table_of_its_kind)
{
    const struct config *config =
        kit_load("routes: { r: { match: /r, respond: {}, gate: north, mark: { "
                 "level: 7 } } }");
    const struct conf_route *route = kit_route(config, "r");
    WANT_INT(route->policies.count, 2);
    const struct gate *gate = route->policies.at[0].conf;
    const struct mark *mark = route->policies.at[1].conf;
    WANT_STR(gate->name, STR("north"));
    WANT_INT(mark->level, 7);
    WANT_INT(route->policies.at[1].pos.column, 53);
    WANT_INT(route->policies.at[0].kind_index, 1);
}

TEST(many_policies_of_one_place_fit)
{
    static const struct conf_kind *first;
    static struct conf_kind many[40];
    static char names[40][8];
    struct config_opts opts = kit_opts;
    char text[2048];
    size_t len = (size_t)snprintf(text, sizeof text, "routes: { r: { match: /r, respond: {}");
    first = &kit_opts.kinds[0];
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        many[i] = *first;
        snprintf(names[i], sizeof names[i], "m%zu", i);
        many[i].name = names[i];
        len += (size_t)snprintf(text + len, sizeof text - len, ", m%zu: { level: %zu }",
                                COUNT_OF(many) - 1 - i, i % 10);
    }
    snprintf(text + len, sizeof text - len, "} }");
    opts.kinds = many;
    opts.kind_count = COUNT_OF(many);
    const struct config *config = kit_load_opts(text, &opts);
    WANT_INT(kit_route(config, "r")->policies.count, COUNT_OF(many));
    WANT_INT(kit_route(config, "r")->effective.policies[39]->kind_index, 39);
}

TEST(no_kinds_at_all_are_fine)
{
    static const struct config_opts none = {0};
    WANT(kit_load_opts("routes: { \"/*\": http://a:1 }", &none) != NULL);
    WANT(kit_load_opts("routes: { r: { match: /r, respond: {}, mark: {} } }", &none) == NULL);
    WANT(kit_said_only("E0107"));
}
