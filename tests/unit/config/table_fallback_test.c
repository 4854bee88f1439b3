#include "kit.h"

static const struct config *config_of(const char *fallback, const char *other)
{
    char text[512];
    snprintf(text, sizeof text,
             "services: { s: { targets: a:1, fallback: %s }, o: { targets: a:2%s } }\n"
             "routes: { \"/*\": s, /o: o }",
             fallback, other);
    return kit_load(text);
}

TEST(a_fallback_is_an_answer_or_another_service)
{
    const struct config *config = config_of("{ status: 200, body: \"[]\" }", "");
    WANT(config != NULL);
    WANT_INT(config->services.at[0].fallback.status, 200);
    WANT_STR(config->services.at[0].fallback.body, STR("[]"));
    config = config_of("{ to: o }", "");
    WANT(config != NULL);
    WANT_STR(config->services.at[0].fallback.to.text, STR("o"));
    WANT(!source_pos_is_set(&config->services.at[1].fallback.pos));
    WANT(config_of("{ to: o }", ", fallback: { status: 200 }") != NULL);
}

TEST(a_fallback_that_leads_on_or_nowhere_is_refused)
{
    static const struct {
        const char *fallback, *other, *code;
    } bad[] = {
        {"{ to: s }", "", "E0157"},
        {"{ to: o }", ", fallback: { to: s }", "E0157"},
        {"{ to: x }", "", "E0201"},
        {"{ to: o, status: 200 }", "", "E0113"},
        {"{ to: o, body: x }", "", "E0113"},
        {"{ status: 100 }", "", "E0104"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        WANT(config_of(bad[i].fallback, bad[i].other) == NULL);
        WANT(kit_said_code(bad[i].code));
    }
}
