/* grammar_route_test.c - rewrites, redirects, requests, and the small grammars around routes. */
#include "kit.h"

/* A route with these keys; of nothing when it is refused. */
static const struct conf_route *route_of(const char *keys)
{
    static const struct conf_route none;
    char text[1024];
    snprintf(text, sizeof text,
             "services: { s: a:1 }\nroutes: { r: { match: \"/m/{id}/*\", %s }, x: { match: /x, to: "
             "s } }",
             keys);
    const struct config *config = kit_load(text);
    return config == NULL ? &none : kit_route(config, "r");
}

TEST(a_rewrite_replaces_the_prefix_or_the_whole_path)
{
    const struct conf_rewrite *rewrite = &route_of("to: s, rewrite: /orders/*")->rewrite;
    WANT_INT(rewrite->kind, CONF_REWRITE_PREFIX);
    WANT_STR(rewrite->path, STR("/orders"));
    rewrite = &route_of("to: s, rewrite: /*")->rewrite;
    WANT_INT(rewrite->kind, CONF_REWRITE_PREFIX);
    WANT_STR(rewrite->path, STR("/"));
    rewrite = &route_of("to: s, rewrite: \"/users/{id}\"")->rewrite;
    WANT_INT(rewrite->kind, CONF_REWRITE_TEMPLATE);
    WANT_STR(rewrite->path, STR("/users/{id}"));
    WANT_INT(route_of("to: s")->rewrite.kind, CONF_REWRITE_NONE);
}

TEST(a_rewrite_that_cannot_work_is_refused)
{
    static const char *const bad[] = {
        "x",           "\"\"",     "//a",      "\"/a b\"", "\"/a*b\"",   "\"/?a\"", "\"/{x}\"",
        "\"/{id}/*\"", "\"/{id\"", "\"/id}\"", "\"/ü\"",   "\"/\\x01\"", "\"/<\""};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char keys[64];
        snprintf(keys, sizeof keys, "to: s, rewrite: %s", bad[i]);
        WANT_INT(route_of(keys)->rewrite.kind, CONF_REWRITE_NONE);
        WANT(kit_said_only("E0118"));
    }
}

TEST(a_redirect_is_a_url_a_path_or_a_map)
{
    const struct conf_redirect *redirect =
        &route_of("redirect: https://www.example.com:8443/new/*")->redirect;
    WANT_STR(redirect->scheme, STR("https"));
    WANT_STR(redirect->host, STR("www.example.com"));
    WANT_INT(redirect->port, 8443);
    WANT_INT(redirect->path.kind, CONF_REWRITE_PREFIX);
    WANT_STR(redirect->path.path, STR("/new"));
    WANT_INT(redirect->status, 302);
    WANT(redirect->keeps_query);
    redirect = &route_of("redirect: https://www.example.com")->redirect;
    WANT_INT(redirect->path.kind, CONF_REWRITE_NONE);
    redirect = &route_of("redirect: \"/n/{id}\"")->redirect;
    WANT_INT(redirect->host.len, 0);
    WANT_STR(redirect->path.path, STR("/n/{id}"));
    redirect = &route_of("redirect: { scheme: https, status: 308, keep_query: false }")->redirect;
    WANT_STR(redirect->scheme, STR("https"));
    WANT_INT(redirect->status, 308);
    WANT(!redirect->keeps_query);
    redirect = &route_of("redirect: { to: \"http://[::1]:80/a\", status: 301 }")->redirect;
    WANT_STR(redirect->host, STR("[::1]"));
    WANT_INT(redirect->port, 80);
    WANT_INT(route_of("redirect: /a")->action, CONF_REDIRECT);
}

TEST(a_redirect_that_cannot_be_is_refused)
{
    static const char *const bad[] = {"\"\"",
                                      "ftp://a/b",
                                      "https://",
                                      "https:///a",
                                      "\"https://a b/\"",
                                      "https://a:0/",
                                      "https://a:x/",
                                      "\"https://u@a/\"",
                                      "a",
                                      "{}",
                                      "{ status: 301 }",
                                      "{ host: a, status: 304 }",
                                      "{ host: a, status: 200 }",
                                      "{ host: \"a:80\" }",
                                      "{ scheme: ftp }",
                                      "{ path: \"/{nobody}\" }",
                                      "[/a]"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char keys[64];
        snprintf(keys, sizeof keys, "redirect: %s", bad[i]);
        if (source_pos_is_set(&route_of(keys)->redirect.pos)) {
            printf("# %s is a redirect\n", bad[i]);
            test_has_failed = true;
        }
    }
}

TEST(a_redirect_or_answer_takes_no_rewrite)
{
    WANT_INT(route_of("respond: {}, rewrite: /a")->matches.count, 0);
    WANT(kit_said_only("E0113"));
}

static const struct config *root_of(const char *keys)
{
    char text[512];
    snprintf(text, sizeof text, "routes: { \"/*\": http://a:1 }\n%s", keys);
    return kit_load(text);
}

TEST(a_request_is_method_and_absolute_url)
{
    const struct config *config = root_of(
        "tests: [{ request: GET https://a.b/c?d, from: \"::1\", expect: { status: 200 } }]");
    WANT_STR(config->tests.at[0].method, STR("GET"));
    WANT_STR(config->tests.at[0].url, STR("https://a.b/c?d"));
    WANT_INT(config->tests.at[0].from.family, ADDR_V6);
    static const char *const bad[] = {
        "GET",  "GET /a", "\"G@T http://a/\"", "\"GET ftp://a/\"", "\"GET http://a/ b\"",
        "\"\"", "5"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char keys[128];
        snprintf(keys, sizeof keys, "tests: [{ request: %s, expect: {} }]", bad[i]);
        WANT(root_of(keys) == NULL);
        WANT(kit_said_only("E0120"));
    }
}

TEST(the_log_goes_to_a_stream_or_a_file)
{
    const struct config *config = root_of("observe: { access_log: /var/log/sluice/access.log }");
    WANT_INT(config->observe.access_log.to, CONF_LOG_FILE);
    WANT_STR(config->observe.access_log.path, STR("/var/log/sluice/access.log"));
    WANT_INT(root_of("observe: { access_log: off }")->observe.access_log.to, CONF_LOG_OFF);
    WANT_INT(root_of("observe: { access_log: { to: stderr } }")->observe.access_log.to,
             CONF_LOG_STDERR);
    WANT_INT(root_of("")->observe.access_log.to, CONF_LOG_STDOUT);
    WANT(root_of("observe: { access_log: { to: relative.log } }") == NULL);
    WANT(root_of("observe: { access_log: /var/log/ }") == NULL);
}

TEST(the_admin_socket_is_a_path_that_fits)
{
    char keys[256];
    const struct config *config = root_of("admin: { listen: unix:/run/x.sock }");
    WANT_STR(config->admin.path, STR("/run/x.sock"));
    snprintf(keys, sizeof keys, "admin: unix:/%0107d", 0);
    WANT(root_of(keys) == NULL);
    WANT(kit_said_only("E0111"));
    snprintf(keys, sizeof keys, "admin: unix:/%0106d", 0);
    WANT(root_of(keys) != NULL);
    WANT(root_of("admin: { listen: unix:x.sock }") == NULL);
}
