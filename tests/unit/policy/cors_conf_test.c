#include "policy_kit.h"

static struct policy_kit kit;

/* What is said of a wrong key or type is the config room's: its code and place are enough here. */
#define WANT_PLACE(policies, place)                                                                \
    WANT(str_starts(str_from_c(policy_kit_refusal(&kit, policies)), STR(place " ")))
#define WANT_REFUSED(policies, said)                                                               \
    WANT_STR(str_from_c(policy_kit_refusal(&kit, policies)), STR(said))

TEST(short_and_long_forms_are_taken)
{
    static const char *const good[] = {
        "cors: https://app.example.com",
        "cors: \"*\"",
        "cors: [https://app.example.com, \"https://*.example.com\", \"null\"]",
        "cors: {origins: \"*\", methods: \"*\", request_headers: [\"*\", Authorization], expose: "
        "\"*\"}",
        "cors: {origins: [{pattern: 'https://pr-[0-9]+\\.example\\.dev'}, {origin: "
        "https://a.example}]}",
        "cors: {origins: https://a.example, methods: [GET, PATCH, PURGE], max_age: 0s}",
        "cors: {origins: https://a.example, credentials: true, private_network: true, max_age: "
        "24h}",
        "cors: {origins: [{pattern: 'https://[a-z]+\\.example\\.com'}], credentials: true}",
        "cors: {origins: https://a.example, preflight: strict}",
        "cors: {origins: https://a.example, preflight: forward}",
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        WANT_STR(str_from_c(policy_kit_refusal(&kit, good[i])), STR(""));
        policy_kit_round_trip(&kit, good[i]);
    }
}

TEST(an_origin_that_no_browser_sends_is_refused_at_its_place)
{
    WANT_REFUSED("cors: [https://a.example, https://b.example/]",
                 "E0130 5:31 routes.r.cors[1]: \"https://b.example/\" is not the origin of a web "
                 "page (did you mean \"https://b.example\"?)");
    WANT_REFUSED("cors: {origins: [App.example.com]}",
                 "E0130 5:22 routes.r.cors.origins[0]: \"App.example.com\" is not the origin of a "
                 "web page (did you mean \"https://app.example.com\"?)");
    WANT_REFUSED("cors: [null]", "E0123 5:12 routes.r.cors[0]: without quotes, null is no text "
                                 "(write \"null\" in quotes for pages without an origin)");
    WANT_PLACE("cors: [~]", "E0114 5:12");
    WANT_REFUSED("cors: {origins: [{origin: \"http://localhost:*\"}]}",
                 "E0130 5:31 routes.r.cors.origins[0]: \"http://localhost:*\" is not the origin of "
                 "a web page (a * stands for the beginning of a host, as in https://*.example.com, "
                 "or alone; for all else write {pattern: ...})");
    WANT_REFUSED("cors: {origins: [{}]}",
                 "E0130 5:22 routes.r.cors.origins[0]: a map is not the origin of a web page "
                 "(write scheme://host or scheme://host:port, as in https://app.example.com)");
    WANT_REFUSED("cors: {origins: [{pattern: 'https://('}]}",
                 "E0131 5:32 routes.r.cors.origins[0]: missing closing parenthesis at byte 10 of "
                 "the pattern");
    WANT_PLACE("cors: {origins: [{pattern: a, origin: https://a.example}]}", "E0113 5:22");
    WANT_PLACE("cors: {origins: []}", "E0114 5:21");
    WANT_PLACE("cors: {methods: [GET]}", "E0108 5:11");
}

TEST(every_wrong_origin_of_a_list_is_named)
{
    WANT_REFUSED("cors: [a.example, https://b.example, https://c.example:443]",
                 "E0130 5:12 routes.r.cors[0]: \"a.example\" is not the origin of a web page (did "
                 "you mean \"https://a.example\"?)\n"
                 "E0130 5:42 routes.r.cors[2]: \"https://c.example:443\" is not the origin of a "
                 "web page (did you mean \"https://c.example\"?)");
}

TEST(what_browsers_refuse_with_credentials_is_refused_here)
{
    WANT_REFUSED("cors: {origins: \"*\", credentials: true}",
                 "E0209 5:21 routes.r.cors: with credentials, browsers refuse * for origins (list "
                 "the origins, or leave credentials out)");
    WANT_REFUSED("cors: {origins: https://a.example, credentials: true, methods: \"*\", "
                 "request_headers: \"*\","
                 " expose: \"*\"}",
                 "E0209 5:68 routes.r.cors: with credentials, browsers refuse * for methods (list "
                 "the methods, or leave credentials out)\n"
                 "E0209 5:90 routes.r.cors: with credentials, browsers refuse * for "
                 "request_headers (list the fields, or leave credentials out)\n"
                 "E0209 5:103 routes.r.cors: with credentials, browsers refuse * for expose (list "
                 "the fields, or leave credentials out)");
    WANT_REFUSED(
        "cors: {origins: [{pattern: '.*'}], credentials: true}",
        "E0209 5:21 routes.r.cors: with credentials, a pattern that takes any host lets every web "
        "page act as the user (name the hosts in the pattern, or leave credentials out)");
    WANT_REFUSED(
        "cors: {origins: [https://a.example, {pattern: 'https?://.+'}], credentials: true}",
        "E0209 5:21 routes.r.cors: with credentials, a pattern that takes any host lets every web "
        "page act as the user (name the hosts in the pattern, or leave credentials out)");
}

TEST(a_star_stands_alone_among_origins)
{
    WANT_REFUSED(
        "cors: [\"*\", https://a.example]",
        "E0209 5:11 routes.r.cors: \"*\" already stands for every origin (leave the others out)");
}

TEST(methods_are_compared_as_browsers_do)
{
    WANT_REFUSED(
        "cors: {origins: \"*\", methods: [patch]}",
        "E0117 5:35 routes.r.cors: the method \"patch\" is not PATCH (did you mean PATCH?)");
    WANT_REFUSED("cors: {origins: \"*\", methods: [GET, TRACE]}",
                 "E0117 5:35 routes.r.cors: no browser lets a page send TRACE (leave it out)");
    WANT_PLACE("cors: {origins: \"*\", methods: [\"G T\"]}", "E0117 5:36");
    WANT_PLACE("cors: {origins: \"*\", methods: []}", "E0114 5:35");
}

TEST(other_values_are_checked)
{
    WANT_PLACE("cors: {origins: \"*\", request_headers: [\"X A\"]}", "E0117 5:44");
    WANT_REFUSED(
        "cors: {origins: \"*\", max_age: 500ms}",
        "E0105 5:35 routes.r.cors: browsers are told the age in whole seconds (write 10m or 600s)");
    WANT_PLACE("cors: {origins: \"*\", max_age: 25h}", "E0104 5:35");
    WANT_PLACE("cors: {origins: \"*\", preflight: reflect}", "E0109 5:37");
    WANT_PLACE("cors: {origins: \"*\", credentials: yes}", "E0102 5:39");
    WANT_PLACE("cors: {origins: \"*\", origns: \"*\"}", "E0107 5:26");
}

/* LIMIT_web_origin_patterns: more would be tried one after the other for each request. */
TEST(too_many_patterns_are_refused)
{
    WANT_REFUSED("cors: {origins: [{pattern: a}, {pattern: b}, {pattern: c}, {pattern: d}, "
                 "{pattern: e}, {pattern: f},"
                 " {pattern: g}, {pattern: h}, {pattern: i}]}",
                 "E0104 5:21 routes.r.cors: at most 64 origins with * and 8 patterns, each is "
                 "tried in turn");
}
