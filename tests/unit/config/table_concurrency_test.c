#include "kit.h"

static const struct conf_concurrency *concurrency_of(const char *written)
{
    static const struct conf_concurrency none;
    char text[512];
    snprintf(text, sizeof text, "services: { s: { targets: a:1%s } }\nroutes: { \"/*\": s }", written);
    const struct config *config = kit_load(text);
    return config == NULL ? &none : &config->services.at[0].concurrency;
}

TEST(a_ceiling_is_learned_only_where_that_is_written)
{
    WANT(!source_pos_is_set(&concurrency_of("")->pos));
    const struct conf_concurrency *concurrency = concurrency_of(", concurrency: adaptive");
    WANT(source_pos_is_set(&concurrency->pos));
    WANT_INT(concurrency->min, 5);
    WANT_INT(concurrency->max, 512);
    WANT_INT(concurrency_of(", concurrency: { min: 2, max: 40 }")->max, 40);
}

TEST(what_is_no_ceiling_is_refused)
{
    static const char *const bad[][2] = {{", concurrency: fixed", "E0109"},
                                         {", concurrency: { min: 9, max: 8 }", "E0104"},
                                         {", concurrency: { min: 0 }", "E0104"}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        WANT(!source_pos_is_set(&concurrency_of(bad[i][0])->pos));
        WANT(kit_said_only(bad[i][1]));
    }
}
