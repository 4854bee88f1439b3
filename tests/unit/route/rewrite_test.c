#include "route/rewrite.h"

#include "base/limits.h"
#include "rules_kit.h"
#include "test.h"

struct row {
    const char *rule, *request, *text, *wanted; /* wanted: "!code" for an error */
    enum rewrite_kind kind;
};

static enum err rewrite_row(struct kit *kit, const struct row *row, struct str *out)
{
    static const struct uri_rules uri = {0};
    struct rewrite rewrite;
    struct route_match match;
    size_t offset;
    struct route_input input = kit_input(kit, row->request);
    TRY(router_match(kit->router, &input, kit->scratch, &match));
    TRY(rewrite_init(&rewrite, &kit->arena, row->kind, str_from_c(row->text), &offset));
    const struct rewrite_input from = {input.path, &match, &uri};
    return rewrite_path(&rewrite, &from, &kit->arena, out);
}

TEST(paths_are_rewritten_by_prefix_or_as_a_whole)
{
    static const struct row rows[] = {
        {"/a/...", "GET h/a", "/b", "/b", REWRITE_PREFIX},
        {"/a/...", "GET h/a/", "/b", "/b/", REWRITE_PREFIX},
        {"/a/...", "GET h/a/c/d", "/b", "/b/c/d", REWRITE_PREFIX},
        {"/a/...", "GET h/a/c", "/b/", "/b/c", REWRITE_PREFIX},
        {"/a/...", "GET h/a/c", "/", "/c", REWRITE_PREFIX},
        {"/a/...", "GET h/a", "/", "/", REWRITE_PREFIX},
        {"/a/...", "GET h/a/", "/", "/", REWRITE_PREFIX},
        {"/...", "GET h/c", "/b", "/b/c", REWRITE_PREFIX},
        {"/...", "GET h/", "/b", "/b/", REWRITE_PREFIX},
        {"", "GET h/c", "/b", "/b/c", REWRITE_PREFIX},
        {"/a", "GET h/a", "/b", "/b", REWRITE_PREFIX},
        {"/t/{x}/...", "GET h/t/1/2", "/of/{x}", "/of/1/2", REWRITE_PREFIX},
        {"/a/...", "GET h/a/c", "/b", "/a/c", REWRITE_NONE},
        {"/a/...", "GET h/a/c", "/fixed", "/fixed", REWRITE_TEMPLATE},
        {"/u/{id}", "GET h/u/7%2F", "/x/{id}", "!bad_path", REWRITE_TEMPLATE},
        {"/u/{id}", "GET h/u/7%25", "/x/{id}/y-{id}", "/x/7%25/y-7%25", REWRITE_TEMPLATE},
        {"~/p/(?<rest>.*)", "GET h/p/a/b", "/q/{rest}", "/q/a/b", REWRITE_TEMPLATE},
        {"~/p/(?<rest>.*)", "GET h/p/", "/q/{rest}", "/q/", REWRITE_TEMPLATE},
        /* Pieces that are harmless alone may not be so together. */
        {"~/p/(?<x>.*)/q", "GET h/p/./q", "/a/{x}{x}/b", "!bad_path", REWRITE_TEMPLATE},
        {"~/p(?<rest>/.*)", "GET h/p/a", "/{rest}", "!bad_path", REWRITE_TEMPLATE},
        {"/u/{id}", "GET h/u/7", "/%2e%2e/{id}", "!bad_path", REWRITE_TEMPLATE},
        {"/u/{id}", "GET h/u/F", "/a%2{id}b", "!bad_path", REWRITE_TEMPLATE},
        {"/u/{id}", "GET h/u/7", "/{none}", "/", REWRITE_TEMPLATE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *const rules[] = {rows[i].rule, NULL};
        struct kit kit;
        struct str out = {0};
        kit_load(&kit, rules);
        enum err result = rewrite_row(&kit, &rows[i], &out);
        struct str wanted = str_from_c(rows[i].wanted);
        if (wanted.at[0] == '!') {
            WANT_STR(str_from_c(err_code(result)), str_skip(wanted, 1));
        } else {
            WANT_INT(result, OK);
            WANT_STR(out, wanted);
        }
        kit_close(&kit);
    }
}

TEST(a_result_longer_than_target_bytes_is_refused)
{
    static char request[LIMIT_VALUE(target_bytes) + 8] = "GET h/a/";
    memset(request + 8, 'x', sizeof request - 9);
    const struct row row = {"/a/...", request, "/longer", NULL, REWRITE_PREFIX};
    const char *const rules[] = {row.rule, NULL};
    struct kit kit;
    struct str out;
    kit_load(&kit, rules);
    WANT_INT(rewrite_row(&kit, &row, &out), ERR_TARGET_BYTES);
    kit_close(&kit);
}

TEST(a_bad_rewrite_says_where)
{
    static const struct {
        const char *text;
        size_t offset;
    } bad[] = {
        {"", 0},         {"a", 0},         {"/a?b", 2},    {"/a#b", 2},  {"/a b", 2},
        {"/{", 1},       {"/x/{}", 3},     {"/x/{a", 3},   {"/x/a}", 0}, {"/{a b}", 3},
        {"/{a}{b!}", 4}, {"/\xc3\xa9", 1}, {"/{a{b}}", 1}, {"/{a}}", 4},
    };
    struct arena arena;
    arena_init_heap(&arena, 65536);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct rewrite rewrite;
        size_t offset = 99;
        WANT_INT(rewrite_init(&rewrite, &arena, REWRITE_TEMPLATE, str_from_c(bad[i].text), &offset),
                 ERR_SYNTAX);
        WANT_INT(offset, bad[i].offset);
        WANT_INT(rewrite.kind, REWRITE_NONE);
    }
    arena_reset(&arena);
}

TEST(parameters_that_no_request_brings_are_found_beforehand)
{
    static const struct {
        const char *text, *path;
        enum route_path_kind kind;
        const char *missing; /* NULL: none */
    } rows[] = {
        {"/x/{id}", "/u/{id}", ROUTE_PATH_EXACT, NULL},
        {"/x/{id}", "/u/{user_id}/{id}", ROUTE_PATH_PREFIX, NULL},
        {"/x/{id}", "/u/{user}/id", ROUTE_PATH_EXACT, "id"},
        {"/x/{a}/{b}", "/u/{a}", ROUTE_PATH_EXACT, "b"},
        {"/x/{a}", "/(?<a>.*)", ROUTE_PATH_PATTERN, NULL},
        {"/x/{a}", "/(?P<a>.*)", ROUTE_PATH_PATTERN, NULL},
        {"/x/{a}", "/(?'a'.*)", ROUTE_PATH_PATTERN, NULL},
        {"/x/{a}", "/a{a}", ROUTE_PATH_PATTERN, "a"},
        {"/x", "", ROUTE_PATH_ANY, NULL},
        {"/{x}", "", ROUTE_PATH_ANY, "x"},
    };
    struct arena arena;
    arena_init_heap(&arena, 65536);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rewrite rewrite;
        size_t offset;
        struct str missing = {0};
        const struct route_path path = {.text = str_from_c(rows[i].path),
                                        .kind = (uint8_t)rows[i].kind};
        WANT_INT(
            rewrite_init(&rewrite, &arena, REWRITE_TEMPLATE, str_from_c(rows[i].text), &offset),
            OK);
        WANT(rewrite_has_params(&rewrite, &path, &missing) == (rows[i].missing == NULL));
        WANT_STR(missing, str_from_c(rows[i].missing));
    }
    arena_reset(&arena);
}

TEST(location_is_absolute_and_keeps_what_the_redirect_does_not_set)
{
    static const struct uri_rules uri = {0};
    const struct {
        struct redirect redirect;
        const char *scheme, *host, *path, *query;
        uint16_t port;
        const char *wanted;
    } rows[] = {
        {{.scheme = STR("https"), .keeps_query = true},
         "http",
         "a.org",
         "/x",
         "q=1",
         8080,
         "https://a.org/x?q=1"},
        {{.scheme = STR("https"), .port = 8443},
         "http",
         "a.org",
         "/x",
         "q=1",
         8080,
         "https://a.org:8443/x"},
        {{.scheme = STR("https"), .port = 443}, "http", "a.org", "/", NULL, 0, "https://a.org/"},
        {{.host = STR("b.org"), .keeps_query = true},
         "http",
         "a.org",
         "/x",
         "",
         8080,
         "http://b.org:8080/x?"},
        {{.host = STR("b.org"), .port = 80}, "http", "a.org", "/x", "q", 8080, "http://b.org/x"},
        {{.keeps_query = true}, "https", "[::1]", "/a%20b", NULL, 0, "https://[::1]/a%20b"},
        {{.host = STR("b.org")},
         "http",
         "a.org",
         "//evil.org/",
         NULL,
         0,
         "http://b.org//evil.org/"},
    };
    struct arena arena;
    arena_init_heap(&arena, 65536);
    const struct route_match match = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct redirect_input input = {
            .rewrite = {str_from_c(rows[i].path), &match, &uri},
            .scheme = str_from_c(rows[i].scheme),
            .host = str_from_c(rows[i].host),
            .port = rows[i].port,
            .query = str_from_c(rows[i].query),
            .has_query = rows[i].query != NULL,
        };
        struct str out = {0};
        WANT_INT(redirect_location(&rows[i].redirect, &input, &arena, &out), OK);
        WANT_STR(out, str_from_c(rows[i].wanted));
    }
    arena_reset(&arena);
}

TEST(only_five_statuses_redirect)
{
    WANT(redirect_status_is_valid(301) && redirect_status_is_valid(302));
    WANT(redirect_status_is_valid(303) && redirect_status_is_valid(307));
    WANT(redirect_status_is_valid(308));
    WANT(!redirect_status_is_valid(300) && !redirect_status_is_valid(304));
    WANT(!redirect_status_is_valid(-301) && !redirect_status_is_valid(200));
}
