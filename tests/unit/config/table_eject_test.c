#include "kit.h"

static const struct conf_eject *eject_of(const char *written)
{
    static const struct conf_eject none;
    char text[512];
    snprintf(text, sizeof text, "services: { s: { targets: a:1%s%s } }\nroutes: { \"/*\": s }",
             written[0] == '\0' ? "" : ", eject: ", written);
    const struct config *config = kit_load(text);
    return config == NULL ? &none : &config->services.at[0].eject;
}

TEST(instances_are_taken_out_unless_the_file_says_otherwise)
{
    const struct conf_eject *eject = eject_of("");
    WANT(eject->is_enabled);
    WANT_INT(eject->after.count, 5);
    WANT_INT(eject->after.span_ms, 10000);
    WANT_INT(eject->for_ms, 30000);
    WANT_INT(eject->for_max_ms, 300000);
    WANT_INT(eject->error_percent, 5);
    WANT_INT(eject->latency_ms, 50);
    WANT_INT(eject->max_percent, 33);
    WANT_INT(eject->min_healthy, 1);
    WANT(!eject_of("off")->is_enabled);
    WANT(!eject_of("{ enabled: false }")->is_enabled);
}

TEST(the_short_form_says_after_what_and_for_how_long)
{
    const struct conf_eject *eject = eject_of("3 errors in 1m30s");
    WANT_INT(eject->after.count, 3);
    WANT_INT(eject->after.span_ms, 90000);
    WANT_INT(eject->for_ms, 30000);
    eject = eject_of("{ after: 7 errors in 2s, for: 10s, max_share: 50%, min_healthy: 2 }");
    WANT_INT(eject->after.count, 7);
    WANT_INT(eject->for_ms, 10000);
    WANT_INT(eject->max_percent, 50);
    WANT_INT(eject->min_healthy, 2);
    WANT_INT(eject_of("8 errors in 4s for 20s")->for_ms, 20000);
    WANT(eject_of("8 errors in 4s for 20s")->is_enabled);
}

TEST(what_does_not_say_when_is_refused)
{
    static const struct {
        const char *written, *code;
    } bad[] = {
        {"on", "E0155"},
        {"5 errors", "E0155"},
        {"5 errors in", "E0155"},
        {"5 errors in 10", "E0155"},
        {"errors in 10s", "E0155"},
        {"0 errors in 10s", "E0155"},
        {"-1 errors in 10s", "E0155"},
        {"5 errors in 10s for", "E0155"},
        {"5 errors in 10s for ever", "E0155"},
        {"5 errors in 2h", "E0155"},
        {"1000001 errors in 10s", "E0155"},
        {"{ after: 5 errors in 10s for 30s }", "E0155"},
        {"{ max_share: 33 }", "E0156"},
        {"{ max_share: 101% }", "E0156"},
        {"{ error_rate: 5 % }", "E0156"},
        {"{ min_healthy: 0 }", "E0104"},
        {"{ for: 10m }", "E0104"},
        {"{ fro: 10m }", "E0107"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        WANT(!eject_of(bad[i].written)->is_enabled);
        if (!kit_said_only(bad[i].code)) {
            printf("# %s: %.*s\n", bad[i].written, STR_FMT(kit_said()));
        }
        WANT(kit_said_only(bad[i].code));
    }
}
