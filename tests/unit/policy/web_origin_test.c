#include "policy/web_origin.h"

#include "base/limits.h"
#include "base/strbuf.h"
#include "test.h"

static const struct {
    const char *text;
    enum web_origin_kind kind;
} good[] = {
    {"*", WEB_ORIGIN_ANY},
    {"null", WEB_ORIGIN_NULL},
    {"https://app.example.com", WEB_ORIGIN_EXACT},
    {"http://localhost:3000", WEB_ORIGIN_EXACT},
    {"https://localhost:80", WEB_ORIGIN_EXACT},
    {"http://127.0.0.1:8080", WEB_ORIGIN_EXACT},
    {"http://[::1]:8080", WEB_ORIGIN_EXACT},
    {"https://xn--bcher-kva.example", WEB_ORIGIN_EXACT},
    {"chrome-extension://abcdefghijklmnopabcdefghijklmnop", WEB_ORIGIN_EXACT},
    {"capacitor://localhost", WEB_ORIGIN_EXACT},
    {"https://*.example.com", WEB_ORIGIN_BELOW},
    {"https://*.example.com:8443", WEB_ORIGIN_BELOW},
};

static const struct {
    const char *text, *way_out;
} bad[] = {
    {"https://app.example.com/", "did you mean \"https://app.example.com\"?"},
    {"https://app.example.com/a?b#c", "did you mean \"https://app.example.com\"?"},
    {"https://app.example.com:443", "did you mean \"https://app.example.com\"?"},
    {"http://app.example.com:80", "did you mean \"http://app.example.com\"?"},
    {"https://App.example.com", "did you mean \"https://app.example.com\"?"},
    {"HTTPS://app.example.com", "did you mean \"https://app.example.com\"?"},
    {"https://app.example.com.", "did you mean \"https://app.example.com\"?"},
    {"https://user:pw@app.example.com", "did you mean \"https://app.example.com\"?"},
    {"app.example.com", "did you mean \"https://app.example.com\"?"},
    {"localhost:3000", "did you mean \"https://localhost:3000\"?"},
    {"*.example.com", "did you mean \"https://*.example.com\"?"},
    {"https://*.Example.com:443/", "did you mean \"https://*.example.com\"?"},
    {"http://[::0001]:8080", "did you mean \"http://[::1]:8080\"?"},
    {"https://b\xc3\xbc"
     "cher.example",
     "write the name as browsers send it, in Punycode (xn--...)"},
    {"file:///home/me/page.html", "pages from files send \"null\""},
    {"https://*.10.0.0.1", "nothing is below an address; write it without *."},
    {"https://*", "a * stands for the beginning of a host, as in https://*.example.com, or alone; "
                  "for all else write {pattern: ...}"},
    {"http://localhost:*",
     "a * stands for the beginning of a host, as in https://*.example.com, or "
     "alone; for all else write {pattern: ...}"},
    {"https://app-*.example.com", "a * stands for the beginning of a host, as in "
                                  "https://*.example.com, or alone; for all else write "
                                  "{pattern: ...}"},
    {"https://*.*.example.com", "a * stands for the beginning of a host, as in "
                                "https://*.example.com, or alone; for all else write "
                                "{pattern: ...}"},
    {"*://app.example.com", "a * stands for the beginning of a host, as in https://*.example.com, "
                            "or alone; for all else write {pattern: ...}"},
    {"", "write scheme://host or scheme://host:port, as in https://app.example.com"},
    {"https://", "write scheme://host or scheme://host:port, as in https://app.example.com"},
    {"://app.example.com",
     "write scheme://host or scheme://host:port, as in https://app.example.com"},
    {"1http://app.example.com", "write scheme://host or scheme://host:port, as in "
                                "https://app.example.com"},
    {"https://a b", "write scheme://host or scheme://host:port, as in https://app.example.com"},
    {"https://app.example.com:99999", "write scheme://host or scheme://host:port, as in "
                                      "https://app.example.com"},
};

TEST(an_origin_as_browsers_send_it_is_taken)
{
    struct arena arena;
    arena_init_heap(&arena, 1 << 16);
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct web_origin origin;
        struct str way_out = {0};
        WANT_INT(web_origin_parse(&arena, str_from_c(good[i].text), &origin, &way_out), OK);
        WANT_INT(origin.kind, good[i].kind);
        WANT_STR(origin.text, str_from_c(good[i].text));
    }
    arena_reset(&arena);
}

TEST(anything_else_is_refused_with_the_way_out)
{
    struct arena arena;
    arena_init_heap(&arena, 1 << 16);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct web_origin origin;
        struct str way_out = {0};
        WANT_INT(web_origin_parse(&arena, str_from_c(bad[i].text), &origin, &way_out), ERR_SYNTAX);
        WANT_STR(way_out, str_from_c(bad[i].way_out));
    }
    arena_reset(&arena);
}

TEST(no_memory_is_an_error_and_not_a_wrong_origin)
{
    struct web_origin origin;
    struct web_origin_set set;
    struct str way_out;
    struct arena arena;
    arena_init_heap(&arena, 1);
    WANT_INT(web_origin_parse(&arena, STR("https://App.example.com"), &origin, &way_out),
             ERR_MEMORY);
    WANT_INT(web_origin_set_init(&set, &arena, &origin, 1), ERR_MEMORY);
    web_origin_set_drop(&set);
    arena_reset(&arena);
}

static struct web_origin_set set;
static struct arena memory;
static struct pattern_scratch scratch;

static enum err make(const struct web_origin *origins, uint32_t count)
{
    arena_init_heap(&memory, 1 << 20);
    WANT_INT(pattern_scratch_init(&scratch), OK);
    return web_origin_set_init(&set, &memory, origins, count);
}

static void drop(void)
{
    web_origin_set_drop(&set);
    pattern_scratch_drop(&scratch);
    arena_reset(&memory);
}

static bool has(const char *origin)
{
    return web_origin_set_has(&set, str_from_c(origin), &scratch);
}

TEST(exact_origins_are_compared_byte_by_byte)
{
    const struct web_origin origins[] = {{WEB_ORIGIN_EXACT, STR("https://b.example.com")},
                                         {WEB_ORIGIN_EXACT, STR("https://a.example.com")},
                                         {WEB_ORIGIN_EXACT, STR("http://localhost:3000")}};
    WANT_INT(make(origins, COUNT_OF(origins)), OK);
    WANT(has("https://a.example.com"));
    WANT(has("https://b.example.com"));
    WANT(has("http://localhost:3000"));
    WANT(!has("http://a.example.com"));
    WANT(!has("https://a.example.com:443"));
    WANT(!has("https://a.example.com/"));
    WANT(!has("https://a.example.co"));
    WANT(!has("https://a.example.com.evil.example"));
    WANT(!has("https://A.example.com"));
    WANT(!has("null"));
    WANT(!has(""));
    drop();
}

TEST(a_wildcard_takes_names_below_and_nothing_that_only_looks_so)
{
    const struct web_origin origins[] = {{WEB_ORIGIN_BELOW, STR("https://*.example.com")},
                                         {WEB_ORIGIN_BELOW, STR("http://*.local:8080")}};
    WANT_INT(make(origins, COUNT_OF(origins)), OK);
    WANT(has("https://a.example.com"));
    WANT(has("https://a-1.b_2.example.com"));
    WANT(has("http://x.local:8080"));
    WANT(!has("https://example.com"));
    WANT(!has("https://.example.com"));
    WANT(!has("https://a..example.com"));
    WANT(!has("https://..example.com"));
    WANT(!has("https://evilexample.com"));
    WANT(!has("https://a.example.com:8443"));
    WANT(!has("http://a.example.com"));
    WANT(!has("https://evil.example/.example.com"));
    WANT(!has("https://evil.example?.example.com"));
    WANT(!has("https://evil.example#.example.com"));
    WANT(!has("https://user@a.example.com"));
    WANT(!has("https://evil.example:1.example.com"));
    WANT(!has("https://A.example.com"));
    WANT(!has("https://a%2e.example.com"));
    WANT(!has("https://*.example.com"));
    WANT(!has("http://x.local"));
    WANT(!has("null"));
    drop();
}

TEST(a_pattern_matches_all_of_an_origin)
{
    const struct web_origin origins[] = {
        {WEB_ORIGIN_PATTERN, STR("https://pr-[0-9]+\\.example\\.dev|http://localhost(:[0-9]+)?")}};
    WANT_INT(make(origins, 1), OK);
    WANT(has("https://pr-17.example.dev"));
    WANT(has("http://localhost"));
    WANT(has("http://localhost:5173"));
    WANT(!has("https://pr-17.example.dev.evil.example"));
    WANT(!has("https://evil.example?https://pr-17.example.dev"));
    WANT(!has("http://localhost:5173\n"));
    drop();
}

TEST(null_is_meant_only_when_it_is_listed)
{
    const struct web_origin all[] = {{WEB_ORIGIN_PATTERN, STR(".*")}};
    const struct web_origin null[] = {{WEB_ORIGIN_NULL, STR("null")}};
    WANT_INT(make(all, 1), OK);
    WANT(has("https://a.example.com"));
    WANT(!has("null"));
    drop();
    WANT_INT(make(null, 1), OK);
    WANT(has("null"));
    WANT(!has("NULL"));
    drop();
}

TEST(any_is_any)
{
    const struct web_origin any[] = {{WEB_ORIGIN_ANY, STR("*")}};
    WANT_INT(make(any, 1), OK);
    WANT(has("https://a.example.com"));
    WANT(has("null"));
    drop();
}

TEST(a_pattern_out_of_its_budget_does_not_match)
{
    const struct web_origin origins[] = {{WEB_ORIGIN_PATTERN, STR("(a+)+b|.*c")}};
    char subject[64];
    WANT_INT(make(origins, 1), OK);
    memset(subject, 'a', sizeof subject);
    subject[sizeof subject - 1] = 'c';
    WANT(!web_origin_set_has(&set, str_of(subject, sizeof subject), &scratch));
    WANT_INT(scratch.limited_total, 1);
    drop();
}

/* LIMIT_web_origin_bytes bounds what patterns are asked about. */
TEST(an_origin_longer_than_any_real_one_is_not_looked_for)
{
    const struct web_origin origins[] = {{WEB_ORIGIN_PATTERN, STR("a*")}};
    char subject[LIMIT_VALUE_web_origin_bytes + 1];
    WANT_INT(make(origins, 1), OK);
    memset(subject, 'a', sizeof subject);
    WANT(!web_origin_set_has(&set, str_of(subject, sizeof subject), &scratch));
    WANT(web_origin_set_has(&set, str_of(subject, sizeof subject - 1), &scratch));
    drop();
}

static enum err make_many(enum web_origin_kind kind, struct str text, uint32_t count)
{
    static struct web_origin many[LIMIT_VALUE_web_origin_wildcards + 1];
    for (uint32_t i = 0; i < count; i++) {
        many[i] = (struct web_origin){kind, text};
    }
    enum err e = make(many, count);
    drop();
    return e;
}

/* LIMIT_web_origin_wildcards, LIMIT_web_origin_patterns: each is tried in turn. */
TEST(wildcards_and_patterns_are_counted)
{
    enum { BELOW_MAX = LIMIT_VALUE_web_origin_wildcards, MAX = LIMIT_VALUE_web_origin_patterns };
    WANT_INT(make_many(WEB_ORIGIN_BELOW, STR("https://*.a"), BELOW_MAX), OK);
    WANT_INT(make_many(WEB_ORIGIN_BELOW, STR("https://*.a"), BELOW_MAX + 1), ERR_LIMIT);
    WANT_INT(make_many(WEB_ORIGIN_PATTERN, STR("a"), MAX), OK);
    WANT_INT(make_many(WEB_ORIGIN_PATTERN, STR("a"), MAX + 1), ERR_LIMIT);
    WANT_INT(make_many(WEB_ORIGIN_PATTERN, STR("("), 1), ERR_SYNTAX);
}
