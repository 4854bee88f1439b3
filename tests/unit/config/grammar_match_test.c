/* grammar_match_test.c - the short and the long form of a match. */
#include "kit.h"

/* The first match of a route with this value of `match`; of nothing when it is refused. */
static const struct conf_match *match_of(const char *written)
{
    static const struct conf_match none;
    char text[1024];
    snprintf(text, sizeof text, "routes: { r: { match: %s, respond: {} } }", written);
    const struct config *config = kit_load(text);
    return config == NULL ? &none : &kit_route(config, "r")->matches.at[0];
}

static const struct {
    const char *written;
    enum conf_path_kind kind;
    const char *path, *host, *methods;
    bool has_params, is_wildcard;
} shorts[] = {
    {"/orders", CONF_PATH_EXACT, "/orders", "", "", false, false},
    {"/orders/*", CONF_PATH_PREFIX, "/orders", "", "", false, false},
    {"/orders/", CONF_PATH_EXACT, "/orders/", "", "", false, false},
    {"/", CONF_PATH_EXACT, "/", "", "", false, false},
    {"/*", CONF_PATH_PREFIX, "/", "", "", false, false},
    {"\"/users/{id}\"", CONF_PATH_EXACT, "/users/{id}", "", "", true, false},
    {"\"/users/{id}/*\"", CONF_PATH_PREFIX, "/users/{id}", "", "", true, false},
    {"api.example.com", CONF_PATH_PREFIX, "/", "api.example.com", "", false, false},
    {"API.Example.COM/A", CONF_PATH_EXACT, "/A", "api.example.com", "", false, false},
    {"api.example.com./a", CONF_PATH_EXACT, "/a", "api.example.com", "", false, false},
    {"\"*.example.com/*\"", CONF_PATH_PREFIX, "/", "example.com", "", false, true},
    {"localhost/a", CONF_PATH_EXACT, "/a", "localhost", "", false, false},
    {"\"[::1]/a\"", CONF_PATH_EXACT, "/a", "[::1]", "", false, false},
    {"GET /a", CONF_PATH_EXACT, "/a", "", "GET,", false, false},
    {"\"GET,POST a.b/a/*\"", CONF_PATH_PREFIX, "/a", "a.b", "GET,POST,", false, false},
    {"\"M-SEARCH  /a\"", CONF_PATH_EXACT, "/a", "", "M-SEARCH,", false, false},
    {"/a%2Fb;c=d/~e", CONF_PATH_EXACT, "/a%2Fb;c=d/~e", "", "", false, false},
};

TEST(the_short_form_is_methods_host_and_path)
{
    for (size_t i = 0; i < COUNT_OF(shorts); i++) {
        const struct conf_match *match = match_of(shorts[i].written);
        char methods[64];
        struct strbuf out = strbuf_over(methods, sizeof methods);
        for (uint32_t j = 0; j < match->methods.count; j++) {
            strbuf_add(&out, match->methods.at[j]);
            strbuf_add_char(&out, ',');
        }
        WANT_STR(match->path, str_from_c(shorts[i].path));
        WANT_INT(match->path_kind, shorts[i].kind);
        WANT_INT(match->has_params, shorts[i].has_params);
        WANT_STR(strbuf_str(&out), str_from_c(shorts[i].methods));
        WANT_INT(match->hosts.count, shorts[i].host[0] != '\0');
        if (match->hosts.count > 0) {
            WANT_STR(match->hosts.at[0].name, str_from_c(shorts[i].host));
            WANT_INT(match->hosts.at[0].kind == CONF_HOST_WILDCARD, shorts[i].is_wildcard);
        }
    }
}

TEST(what_is_no_match_is_refused)
{
    static const char *const bad[] = {
        "\"\"",
        "\" \"",
        "/a*",
        "/*/a",
        "\"/a b\"",
        "\"/a#b\"",
        "\"/a?b\"",
        "\"/{a\"",
        "\"/{}\"",
        "\"/{1a}\"",
        "\"/{a b}\"",
        "\"/a{b}\"",
        "\"/{a}/{a}\"",
        "get /a",
        "\"GET, /a\"",
        "\",GET /a\"",
        "\"GET POST /a\"",
        "a:80/b",
        "\".a/b\"",
        "\"-a/b\"",
        "a..b/c",
        "\"*a.b/c\"",
        "\"*/c\"",
        "\"[::1/c\"",
        "\"a_b,c/d\"",
        "\"/\\0\"",
        "\"/\\x7f\"",
        "\"/ü\"",
        "\"ü.de/a\"",
        "{ path: a }",
        "{ path: { prefix: a } }",
        "{ path: { exact: \"/?\" } }",
        "{ host: [] }",
        "{ methods: [] }",
        "{ methods: \"GET POST\" }",
        "{ header: { a: [] } }",
        "{ header: { a: { is: [] } } }",
        "{ header: { a: { is: b, pattern: c } } }",
        "{ query: { \"\": b } }",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (match_of(bad[i])->path.len > 0) {
            printf("# %s is a match\n", bad[i]);
            test_has_failed = true;
        }
    }
}

TEST(any_cut_of_a_match_is_read_or_refused)
{
    static const char text[] = "GET,POST *.api.example.com/users/{id}/orders/*";
    for (size_t i = 0; i < sizeof text; i++) {
        char written[80];
        snprintf(written, sizeof written, "\"%.*s\"", (int)i, text);
        (void)match_of(written);
    }
    WANT_STR(match_of("\"GET,POST *.api.example.com/users/{id}/orders/*\"")->path,
             STR("/users/{id}/orders"));
}

TEST(the_long_form_says_more)
{
    const struct conf_match *match = match_of(
        "{ methods: [GET, HEAD], host: [a.b, \"*.c.d\"], path: { pattern: \"/x[0-9]+\" }, header: {"
        " X-A: [one, two], X-B: { pattern: \"b+\" }, X-C: { present: true }, X-D: { present: false "
        "} "
        "}, query: { q: \"\" } }");
    WANT_INT(match->methods.count, 2);
    WANT_INT(match->hosts.count, 2);
    WANT_INT(match->path_kind, CONF_PATH_PATTERN);
    WANT_STR(match->path, STR("/x[0-9]+"));
    WANT_INT(match->headers.count, 4);
    WANT_INT(match->headers.at[0].kind, CONF_EQUALS);
    WANT_STR(match->headers.at[0].values.at[1], STR("two"));
    WANT_INT(match->headers.at[1].kind, CONF_PATTERN);
    WANT_STR(match->headers.at[1].pattern, STR("b+"));
    WANT_INT(match->headers.at[2].kind, CONF_PRESENT);
    WANT_INT(match->headers.at[3].kind, CONF_ABSENT);
    WANT_STR(match->query.at[0].name, STR("q"));
    WANT_INT(match->query.at[0].values.at[0].len, 0);
}

TEST(a_prefix_has_no_closing_slash)
{
    WANT_STR(match_of("{ path: { prefix: /a/ } }")->path, STR("/a"));
    WANT_STR(match_of("{ path: { prefix: /a// } }")->path, STR("/a"));
    WANT_STR(match_of("/a///*")->path, STR("/a"));
    WANT_STR(match_of("//*")->path, STR("/"));
    WANT_STR(match_of("{ path: { prefix: / } }")->path, STR("/"));
    WANT_STR(match_of("{ path: { exact: /a/ } }")->path, STR("/a/"));
    WANT_STR(match_of("{}")->path, STR("/"));
    WANT_INT(match_of("{}")->path_kind, CONF_PATH_PREFIX);
}
