#include "kit.h"

#include <stdlib.h>

static const struct config *load_sticky(const char *sticky)
{
    char text[512];
    snprintf(text, sizeof text, "services: { s: { targets: a:1, sticky: %s } }\nroutes: { \"/*\": s }",
             sticky);
    return kit_load(text);
}

TEST(a_cookie_and_a_secret_are_enough)
{
    const struct config *config = load_sticky("{ cookie: sid, secret: 0123456789abcdeF }");
    WANT(config != NULL);
    const struct conf_sticky *sticky = &config->services.at[0].sticky;
    WANT_STR(sticky->cookie, STR("sid"));
    WANT_INT(sticky->ttl_ms, 8 * 3600 * 1000);
    WANT_INT(sticky->epoch, 0);
    WANT_INT(sticky->previous.len, 0);
}

TEST(without_it_nobody_stays)
{
    const struct config *config = kit_load("routes: { \"/*\": http://a:1 }");
    WANT(config != NULL);
    WANT_INT(config->services.at[0].sticky.cookie.len, 0);
}

TEST(what_does_not_fit_is_refused_with_the_way_out)
{
    static const struct {
        const char *sticky, *code;
    } cases[] = {
        {"{ cookie: sid }", "E0108"},
        {"{ secret: 0123456789abcdeF }", "E0108"},
        {"{ cookie: \"a b\", secret: 0123456789abcdeF }", "E0117"},
        {"{ cookie: \"\", secret: 0123456789abcdeF }", "E0117"},
        {"{ cookie: sid, secret: 0123456789abcde }", "E0174"},
        {"{ cookie: sid, secret: 0123456789abcdeF, previous: short }", "E0174"},
        {"{ cookie: sid, secret: 0123456789abcdeF, ttl: 0s }", "E0104"},
        {"{ cookie: sid, secret: 0123456789abcdeF, epoch: -1 }", "E0104"},
        {"sid", "E0101"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (load_sticky(cases[i].sticky) != NULL || !kit_said_only(cases[i].code)) {
            printf("# %s: %.*s\n", cases[i].sticky, STR_FMT(kit_said()));
            test_has_failed = true;
        }
    }
}

TEST(secrets_are_not_shown)
{
    struct arena arena;
    struct sink out;
    const struct config *config =
        load_sticky("{ cookie: sid, secret: 0123456789abcdeF, previous: fedcba9876543210 }");
    WANT(config != NULL);
    arena_init_heap(&arena, 1 << 20);
    sink_to_memory(&out, &arena);
    config_write_yaml(config, &out);
    struct str text = sink_str(&out);
    WANT(str_find_str(text, STR("0123456789abcdeF")) == text.len);
    WANT(str_find_str(text, STR("fedcba")) == text.len);
    WANT(str_find_str(text, STR("cookie: sid")) < text.len);
    arena_reset(&arena);
}
