#include "kit.h"

#include <stdlib.h>

static const struct config *load_service(const char *keys)
{
    char text[512];
    snprintf(text, sizeof text, "services: { s: { %s } }\nroutes: { \"/*\": s }", keys);
    return kit_load(text);
}

TEST(a_window_alone_is_a_slow_start)
{
    const struct config *config = load_service("targets: a:1, slow_start: 30s");
    WANT(config != NULL);
    const struct conf_slow_start *slow_start = &config->services.at[0].slow_start;
    WANT_INT(slow_start->window_ms, 30000);
    WANT_INT(slow_start->aggression, CONF_AGGRESSION_ONE);
    WANT_INT(slow_start->min_percent, 10);
}

TEST(without_a_slow_start_the_share_is_whole_at_once_and_panic_begins_below_half)
{
    const struct config *config = load_service("targets: a:1");
    WANT(config != NULL);
    WANT_INT(config->services.at[0].slow_start.window_ms, 0);
    WANT_INT(config->services.at[0].panic.percent, 50);
}

TEST(the_long_form_says_how_it_grows)
{
    const struct config *config = load_service(
        "targets: a:1, slow_start: { window: 1m, aggression: 1.25, min: 5% }, panic: off");
    WANT(config != NULL);
    WANT_INT(config->services.at[0].slow_start.aggression, 1250);
    WANT_INT(config->services.at[0].slow_start.min_percent, 5);
    WANT_INT(config->services.at[0].panic.percent, 0);
    config = load_service("targets: a:1, slow_start: { window: 1m, aggression: 2 }, panic: 70%");
    WANT(config != NULL);
    WANT_INT(config->services.at[0].slow_start.aggression, 2000);
    WANT_INT(config->services.at[0].panic.percent, 70);
}

TEST(what_does_not_fit_is_refused_with_the_way_out)
{
    static const struct {
        const char *keys, *code;
    } cases[] = {
        {"targets: a:1, panic: 0%", "E0140"},
        {"targets: a:1, panic: 101%", "E0140"},
        {"targets: a:1, panic: \"%\"", "E0140"},
        {"targets: a:1, panic: 50", "E0140"},
        {"targets: a:1, panic: 5%%", "E0140"},
        {"targets: a:1, slow_start: { window: 1m, min: off }", "E0140"},
        {"targets: a:1, slow_start: { window: 1m, aggression: 0.09 }", "E0141"},
        {"targets: a:1, slow_start: { window: 1m, aggression: 10.001 }", "E0141"},
        {"targets: a:1, slow_start: { window: 1m, aggression: 1.0000 }", "E0141"},
        {"targets: a:1, slow_start: { window: 1m, aggression: 1. }", "E0141"},
        {"targets: a:1, slow_start: { window: 1m, aggression: -1 }", "E0141"},
        {"targets: [{ address: a:1, zone: \"a b\" }]", "E0142"},
        {"targets: [{ address: a:1, zone: .a }]", "E0142"},
        {"targets: [{ address: a:1, name: a/b }]", "E0142"},
        {"targets: [{ address: \"dns://a:1\", name: a }]", "E0142"},
        {"targets: [{ address: a:1, name: x }, { address: b:1, name: x }]", "E0143"},
        {"versions: { v: { targets: [{ address: a:1, name: x }, { address: b:1, name: x }] } }",
         "E0143"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (load_service(cases[i].keys) != NULL || !kit_said_only(cases[i].code)) {
            printf("# %s: %.*s\n", cases[i].keys, STR_FMT(kit_said()));
            test_has_failed = true;
        }
    }
}

TEST(versions_may_use_the_same_names)
{
    WANT(load_service("versions: { a: { targets: [{ address: a:1, name: x }] },"
                      "            b: { targets: [{ address: b:1, name: x }] } }") != NULL);
}

TEST(the_zone_of_the_process_may_come_from_its_environment)
{
    const struct config *config = kit_load("zone: eu-1\nroutes: { \"/*\": a:1 }");
    WANT(config != NULL);
    WANT_STR(config->zone, STR("eu-1"));
    config = kit_load("zone: \"${env:SLUICE_TEST_NO_ZONE:-}\"\nroutes: { \"/*\": a:1 }");
    WANT(config != NULL);
    WANT_INT(config->zone.len, 0);
    WANT(kit_load("zone: \"eu 1\"\nroutes: { \"/*\": a:1 }") == NULL);
}
