/* refs_test.c - ${env:} and ${file:}: what they give, where they may stand, and that what they give
 * is never shown. */
#include "kit.h"

TEST(an_environment_variable_stands_in_a_value)
{
    const struct config *config = kit_load(
        "routes: { \"/*\": \"${env:URL}\" }\nlisteners: { a: { port: \"${env:PORT}\", via: "
        "\"${env:YES}\" } }\n");
    WANT_STR(kit_said(), STR(""));
    WANT_INT(config->listeners.at[0].addr.port, 9000);
    WANT(config->listeners.at[0].sends_via);
    WANT_INT(kit_route(config, "/*")->service->versions.at[0].targets.at[0].port, 81);
}

TEST(a_default_stands_in_for_what_is_not_set)
{
    const struct config *config =
        kit_load("routes: { \"/*\": \"http://${env:HOST:-localhost}:${env:NO_PORT:-3000}\" }");
    WANT_STR(kit_said(), STR(""));
    WANT_STR(kit_route(config, "/*")->to.text, STR("http://localhost:3000"));
}

TEST(a_file_gives_its_content_without_the_last_line_end)
{
    char text[512];
    snprintf(text, sizeof text,
             "routes: { r: { match: /r, respond: { body: \"<${file:%s}>\" } } }\n",
             kit_file("secret", "one\ntwo\r\n"));
    const struct config *config = kit_load(text);
    WANT_STR(kit_said(), STR(""));
    WANT_STR(kit_route(config, "r")->respond.body, STR("<one\ntwo>"));
    kit_remove_files();
}

TEST(a_large_file_or_one_with_nul_is_refused)
{
    char text[512];
    static char large[70000];
    memset(large, 'x', sizeof large - 1);
    snprintf(text, sizeof text, "routes: { r: { match: /r, respond: { body: \"${file:%s}\" } } }\n",
             kit_file("secret", large));
    WANT(kit_load(text) == NULL);
    WANT(kit_said_only("E0119"));
    kit_remove_files();
    WANT(kit_load("routes: { r: { match: /r, respond: { body: \"${file:/dev/zero}\" } } }") ==
         NULL);
    WANT(kit_said_only("E0119"));
}

TEST(two_dollars_are_one)
{
    const struct config *config = kit_load(
        "routes: { r: { match: /r, respond: { body: \"$${env:X} $x ${env:SECRET}$${\" } } }");
    WANT_STR(kit_route(config, "r")->respond.body, STR("${env:X} $x hunter2${"));
}

TEST(keys_are_not_resolved)
{
    const struct config *config = kit_load("routes: { \"/${env:SECRET}\": http://a:1 }");
    WANT(config == NULL);
    WANT(!kit_said_code("E0119"));
}

TEST(a_reference_never_becomes_structure)
{
    char text[512];
    snprintf(text, sizeof text, "routes: { r: { match: /r, to: \"${file:%s}\" } }\n",
             kit_file("structure", "{respond: {}}"));
    WANT(kit_load(text) == NULL);
    WANT(kit_said_only("E0115"));
    kit_remove_files();
}

TEST(secrets_are_not_in_the_long_form)
{
    const struct config *config =
        kit_load("routes:\n"
                 "  a: { match: /a, to: \"${env:URL}\" }\n"
                 "  b: { match: /b, respond: { body: \"${env:SECRET}\", headers: { X: "
                 "\"${env:SECRET}\" } } }\n"
                 "  c: { match: /c, to: s, mark: { text: \"${env:SECRET}\", words: "
                 "[\"${env:SECRET}\"], secret: "
                 "hunter2 } }\n"
                 "  d: { match: { header: { X-Key: \"${env:SECRET}\" } }, respond: {} }\n"
                 "  e: { match: { header: { X-Key: [\"a\", \"${env:SECRET}\"] } }, respond: {} }\n"
                 "  f: { match: { path: /f, host: \"${env:SECRET}.example.com\" }, respond: {} }\n"
                 "  g: { match: \"/${env:SECRET}\", respond: {}, gate: \"${env:SECRET}\" }\n"
                 "  h: { match: /h, redirect: \"https://${env:SECRET}/\" }\n"
                 "services:\n"
                 "  s: { targets: [\"${env:SECRET}:80\"], cohort: \"header ${env:SECRET}\", host: "
                 "\"${env:SECRET}\" }\n"
                 "tests: [{ request: \"GET http://a/${env:SECRET}\", expect: {} }]\n");
    WANT_STR(kit_said(), STR(""));
    struct str yaml = kit_yaml(config);
    WANT(yaml.len > 0);
    if (str_find_str(yaml, STR("hunter2")) < yaml.len) {
        printf("# %.*s\n", STR_FMT(yaml));
    }
    WANT_INT(str_find_str(yaml, STR("hunter2")), yaml.len);
    WANT(str_find_str(yaml, STR("<secret>")) < yaml.len);
}

TEST(secrets_are_not_in_messages)
{
    WANT(
        kit_load(
            "services: { s: { targets: a:1, timeout: \"${env:SECRET}\", balance: \"${env:SECRET}\","
            " body_limit: \"${env:SECRET}\", host: \"${env:SECRET} x\", cohort: \"${env:SECRET}\" "
            "},\n"
            "  t: \"${env:SECRET}\" }\n"
            "listeners: { a: { listen: \"${env:SECRET}\", via: \"${env:SECRET}\" } }\n"
            "routes: { r: { match: \"${env:SECRET}*\", to: s }, q: { match: /q, to: "
            "\"${env:SECRET}\" } }\n") == NULL);
    WANT(kit_diags()->errors.count > 8);
    if (str_find_str(kit_said(), STR("hunter2")) < kit_said().len) {
        printf("# %.*s\n", STR_FMT(kit_said()));
    }
    WANT_INT(str_find_str(kit_said(), STR("hunter2")), kit_said().len);
}
