#include "http/uri.h"
#include "test.h"
#include "vectors.h"

#include <stdlib.h>

struct row {
    const char *path, *wanted; /* NULL: ERR_BAD_PATH */
};

/* Runs over a copy of exactly that size; the result lives in `arena`. */
static enum err canonical(struct arena *arena, const struct uri_rules *rules, struct str path,
                          struct str *out)
{
    char *copy = malloc(path.len + 1);
    char *exact = copy + 1; /* nothing behind it, and not aligned */
    memcpy(exact, path.at, path.len);
    struct str canonical_path = {0};
    enum err e = uri_canonical_path(arena, str_of(exact, path.len), rules, &canonical_path);
    if (e == OK) {
        e = arena_keep(arena, canonical_path, out);
    }
    free(copy);
    return e;
}

static void check_rows(const struct row *rows, size_t count, const struct uri_rules *rules)
{
    for (size_t i = 0; i < count; i++) {
        struct arena arena;
        struct str once = {0}, twice = {0};
        arena_init_heap(&arena, 1 << 16);
        enum err e = canonical(&arena, rules, str_from_c(rows[i].path), &once);
        WANT_INT(e, rows[i].wanted == NULL ? ERR_BAD_PATH : OK);
        if ((e == OK) != (rows[i].wanted != NULL)) {
            printf("# %s\n", rows[i].path);
        }
        if (e == OK) {
            WANT_STR(once, str_from_c(rows[i].wanted));
            WANT_INT(canonical(&arena, rules, once, &twice), OK);
            WANT_STR(twice, once);
        }
        arena_reset(&arena);
    }
}

static const struct row strict_rows[] = {
    {"/", "/"},
    {"/a/b", "/a/b"},
    {"/a/b/", "/a/b/"},
    {"/a-b.c_d~e!$&'()*+,;=:@f", "/a-b.c_d~e!$&'()*+,;=:@f"},
    /* Escapes. */
    {"/%41%5a%61%7A%30%39", "/AZaz09"},
    {"/%2d%2E%5f%7e", "/-._~"},
    {"/%c3%a9", "/%C3%A9"},
    {"/%C3%a9", "/%C3%A9"},
    {"/a%20b", "/a%20b"},
    {"/%25%32%35", "/%2525"},
    {"/%2525", "/%2525"},
    {"/%21%24%3a%40%3F%23", "/%21%24%3A%40%3F%23"},
    {"/a\"<>^`{|}b", "/a%22%3C%3E%5E%60%7B%7C%7Db"},
    {"/[1]", "/%5B1%5D"},
    {"/%", NULL},
    {"/%4", NULL},
    {"/%4/1", NULL},
    {"/%g0", NULL},
    {"/%0g", NULL},
    {"/%%41", NULL},
    {"/%u0041", NULL},
    {"/%00", NULL},
    {"/%0a", NULL},
    {"/%1f", NULL},
    {"/%7f", NULL},
    {"/a\x01", NULL},
    {"/a b", NULL},
    {"/a\x7f", NULL},
    {"/caf\xc3\xa9", NULL},
    {"/a?b", NULL},
    {"/a#b", NULL},
    /* Dot segments. */
    {"/.", "/"},
    {"/./", "/"},
    {"/a/.", "/a/"},
    {"/a/./b", "/a/b"},
    {"/a/..", "/"},
    {"/a/../", "/"},
    {"/a/../b", "/b"},
    {"/a/b/../c", "/a/c"},
    {"/a/b/../../c", "/c"},
    {"/a/%2e%2E/b", "/b"},
    {"/a/%2e/b", "/a/b"},
    {"/a/.%2e/b", "/b"},
    {"/...", "/..."},
    {"/.well-known/x", "/.well-known/x"},
    {"/..a/.b", "/..a/.b"},
    {"/a../b.", "/a../b."},
    {"/..", NULL},
    {"/../", NULL},
    {"/../a", NULL},
    {"/a/../..", NULL},
    {"/a/../../b", NULL},
    {"/%2e%2e/a", NULL},
    {"/a/..;/b", NULL},
    {"/a/..;x=1/b", NULL},
    {"/a/.;/b", NULL},
    {"/a/%2e%2e;/b", NULL},
    {"/a;/..b", "/a;/..b"},
    /* Slashes. */
    {"//", "/"},
    {"//a", "/a"},
    {"/a//b", "/a/b"},
    {"/a///b//", "/a/b/"},
    {"/a//../b", "/b"},
    {"/a/b//../c", "/a/c"},
    {"//../a", NULL},
    {"/a%2fb", NULL},
    {"/a%2Fb", NULL},
    {"/a%2f..%2fb", NULL},
    {"/a\\b", NULL},
    {"/a%5cb", NULL},
    {"/..\\a", NULL},
    /* Not absolute. */
    {"", NULL},
    {"a", NULL},
    {"*", NULL},
    {"http://a/", NULL},
};

TEST(a_path_has_one_canonical_form_or_is_refused)
{
    static const struct uri_rules strict = {0};
    check_rows(strict_rows, COUNT_OF(strict_rows), &strict);
}

TEST(rules_keep_what_they_name_and_nothing_else)
{
    static const struct uri_rules kept = {
        .encoded_slash = URI_SLASH_KEEP, .keeps_double_slashes = true, .keeps_backslash = true};
    static const struct row rows[] = {
        {"/a%2fb", "/a%2Fb"},
        {"/a%2f..%2fb", "/a%2F..%2Fb"},
        {"/a%2f../b", "/a%2F../b"},
        {"/x/..%2f..%2fb", "/x/..%2F..%2Fb"},
        {"//a", "//a"},
        {"/a//b", "/a//b"},
        {"/a//", "/a//"},
        {"/a//../b", "/a/b"},
        {"/a/..//b", "//b"},
        {"/a\\b", "/a%5Cb"},
        {"/a%5cb", "/a%5Cb"},
        {"/..\\a", "/..%5Ca"},
        {"/%00", NULL},
        {"/..", NULL},
    };
    check_rows(rows, COUNT_OF(rows), &kept);
}

TEST(a_canonical_path_is_not_copied)
{
    struct arena arena;
    struct str path = STR("/a/b;c=1/d.e"), out;
    arena_init_heap(&arena, 0);
    WANT_INT(uri_canonical_path(&arena, path, &(struct uri_rules){0}, &out), OK);
    WANT(out.at == path.at);
    WANT_INT(uri_canonical_path(&arena, STR("/a//b"), &(struct uri_rules){0}, &out), ERR_MEMORY);
    arena_reset(&arena);
}

struct host_row {
    const char *text, *host;
    int port; /* -1: ERR_BAD_HOST */
};

static const struct host_row hosts[] = {
    {"example.com", "example.com", 0},
    {"EXAMPLE.Com", "example.com", 0},
    {"example.com.", "example.com", 0},
    {"example.com.:8080", "example.com", 8080},
    {"example.com:1", "example.com", 1},
    {"example.com:65535", "example.com", 65535},
    {"my_service-1", "my_service-1", 0},
    {"127.0.0.1:80", "127.0.0.1", 80},
    {"[::1]", "[::1]", 0},
    {"[::1]:443", "[::1]", 443},
    {"[2001:DB8::A]", "[2001:db8::a]", 0},
    {"[0:0:0:0:0:0:0:1]", "[::1]", 0},
    {"xn--bcher-kva.example", "xn--bcher-kva.example", 0},
    {"", NULL, -1},
    {".", NULL, -1},
    {"..", NULL, -1},
    {".a", NULL, -1},
    {"a..b", NULL, -1},
    {"a..", NULL, -1},
    {":80", NULL, -1},
    {"a:", NULL, -1},
    {"a:0", NULL, -1},
    {"a:080", NULL, -1},
    {"a:65536", NULL, -1},
    {"a:4294967376", NULL, -1},
    {"a:+80", NULL, -1},
    {"a:80a", NULL, -1},
    {"a:80:80", NULL, -1},
    {"a:http", NULL, -1},
    {"user@a", NULL, -1},
    {"user:pass@a", NULL, -1},
    {"@a", NULL, -1},
    {"a b", NULL, -1},
    {"a,b", NULL, -1},
    {"a/b", NULL, -1},
    {"a?b", NULL, -1},
    {"a#b", NULL, -1},
    {"a\\b", NULL, -1},
    {"a%2eb", NULL, -1},
    {"b\xc3\xbc"
     "cher.example",
     NULL, -1},
    {"a\tb", NULL, -1},
    {"[::1", NULL, -1},
    {"::1", NULL, -1},
    {"[]", NULL, -1},
    {"[127.0.0.1]", NULL, -1},
    {"[::1]80", NULL, -1},
    {"[::1]:", NULL, -1},
    {"[fe80::1%eth0]", NULL, -1},
    {"[[::1]]", NULL, -1},
    {"[v1.a]", NULL, -1},
};

TEST(an_authority_is_a_host_and_perhaps_a_port)
{
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct arena arena;
        struct str host = {0}, text = str_from_c(hosts[i].text);
        uint16_t port = 7;
        arena_init_heap(&arena, 1 << 12);
        enum err e = uri_parse_authority(&arena, text, &host, &port);
        WANT_INT(e, hosts[i].port < 0 ? ERR_BAD_HOST : OK);
        WANT_INT(uri_is_authority(text), e == OK);
        if (e == OK) {
            WANT_STR(host, str_from_c(hosts[i].host));
            WANT_INT(port, hosts[i].port);
        } else if (hosts[i].port >= 0) {
            printf("# %s\n", hosts[i].text);
        }
        arena_reset(&arena);
    }
}

TEST(a_host_is_at_most_253_bytes)
{
    char text[300];
    struct arena arena;
    struct str host;
    uint16_t port;
    arena_init_heap(&arena, 1 << 12);
    memset(text, 'a', sizeof text);
    WANT_INT(uri_parse_authority(&arena, str_of(text, 253), &host, &port), OK);
    WANT_INT(uri_parse_authority(&arena, str_of(text, 254), &host, &port), ERR_BAD_HOST);
    arena_reset(&arena);
}

TEST(a_lower_case_host_is_not_copied)
{
    struct arena arena;
    struct str text = STR("a.example:80"), host;
    uint16_t port;
    arena_init_heap(&arena, 0);
    WANT_INT(uri_parse_authority(&arena, text, &host, &port), OK);
    WANT(host.at == text.at);
    WANT_INT(uri_parse_authority(&arena, STR("A.example"), &host, &port), ERR_MEMORY);
    WANT_INT(uri_parse_authority(&arena, STR("[0::1]"), &host, &port), ERR_MEMORY);
    arena_reset(&arena);
}

/* Whatever the bytes are: canonical stays canonical, and an authority reads back the same. */
static void run_seed(struct str bytes)
{
    static const struct uri_rules all_rules[] = {
        {0},
        {.encoded_slash = URI_SLASH_KEEP, .keeps_double_slashes = true, .keeps_backslash = true}};
    struct str text = str_cut(bytes, '\n').head;
    struct str path = str_skip(text, str_find(text, '/'));
    for (size_t i = 0; i < COUNT_OF(all_rules); i++) {
        struct arena arena;
        struct str once, twice, host, again;
        uint16_t port, port_again;
        arena_init_heap(&arena, 1 << 22);
        if (canonical(&arena, &all_rules[i], path, &once) == OK) {
            WANT_INT(canonical(&arena, &all_rules[i], once, &twice), OK);
            WANT_STR(twice, once);
        }
        if (uri_parse_authority(&arena, text, &host, &port) == OK) {
            WANT_INT(uri_parse_authority(&arena, host, &again, &port_again), OK);
            WANT_STR(again, host);
        }
        arena_reset(&arena);
    }
}

TEST(seeds_of_other_url_fuzzers_keep_the_promises)
{
    char path[VECTORS_PATH_MAX];
    if (!vectors_path(path, "fuzz-seeds/url-corpus")) {
        SKIP("no URL seeds");
    }
    WANT(vectors_each(path, run_seed) > 0);
}
