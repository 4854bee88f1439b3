#include "kit.h"

static const struct conf_breaker *breaker_of(const char *written)
{
    static const struct conf_breaker none;
    char text[512];
    snprintf(text, sizeof text, "services: { s: { targets: a:1%s } }\nroutes: { \"/*\": s }", written);
    const struct config *config = kit_load(text);
    return config == NULL ? &none : &config->services.at[0].breaker;
}

TEST(there_is_none_unless_it_is_written)
{
    WANT(!source_pos_is_set(&breaker_of("")->pos));
    const struct conf_breaker *breaker = breaker_of(", breaker: {}");
    WANT(source_pos_is_set(&breaker->pos));
    WANT_INT(breaker->errors.count, 50);
    WANT_INT(breaker->errors.span_ms, 10000);
    WANT_INT(breaker->slow.count, 0);
    WANT_INT(breaker->min_requests, 20);
    WANT_INT(breaker->open_ms, 10000);
    WANT_INT(breaker->probes, 5);
}

TEST(both_ratios_can_be_said)
{
    const struct conf_breaker *breaker =
        breaker_of(", breaker: { errors: 30% in 5s, slow: 60% over 2s, probes: 3, open: 1s }");
    WANT_INT(breaker->errors.count, 30);
    WANT_INT(breaker->errors.span_ms, 5000);
    WANT_INT(breaker->slow.count, 60);
    WANT_INT(breaker->slow.span_ms, 2000);
    WANT_INT(breaker->probes, 3);
}

TEST(what_is_no_ratio_is_refused)
{
    static const char *const bad[] = {"50%", "50% in", "50 in 10s", "101% in 10s", "0% in 10s",
                                      "50% over 10s", "50% in ever", "in 10s"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char text[128];
        snprintf(text, sizeof text, ", breaker: { errors: %s }", bad[i]);
        WANT(!source_pos_is_set(&breaker_of(text)->pos));
        WANT(kit_said_only("E0155"));
    }
}
