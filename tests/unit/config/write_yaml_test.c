/* write_yaml_test.c - the long form reads back to the same meaning, and the hash sees no more and no
 * less than the meaning. */
#include "kit.h"

static const char rich[] =
    "version: 1\n"
    "cores: 2\n"
    "defaults: { timeout: { total: 15s, connect: 2s }, balance: round_robin, mark: { level: 3 } }\n"
    "enforce: { body_limit: 10MiB, timeout: 20s }\n"
    "listeners:\n"
    "  a: { listen: \"127.0.0.1:80\", trusted_proxies: [10.0.0.0/8, \"fd00::/8\"], timeout: { "
    "head: 5s "
    "} }\n"
    "  b: { port: 81, request_id: new, limits: { head: 16KiB } }\n"
    "services:\n"
    "  orders:\n"
    "    versions:\n"
    "      v1: { weight: 95, targets: [10.0.0.1:1, { address: \"dns://x.y:2\", weight: 3 }] }\n"
    "      v2: { weight: 5, targets: \"[::1]:3\" }\n"
    "    cohort: header X-User\n"
    "    host: target\n"
    "    timeout: { response: 3s }\n"
    "    queue: { size: 10 }\n"
    "    gate: north\n"
    "  users: [a:1, b:2]\n"
    "policies:\n"
    "  p: { mark: { level: 7, words: [a, \"b c\", \"yes\", \"1\"], rate: 5/min per consumer } }\n"
    "routes:\n"
    "  orders:\n"
    "    match: [\"GET,POST api.example.com/orders/*\", \"*.example.com\", { host: [a.b, c.d],"
    " path: { pattern: \"/x[0-9]+\" }, header: { X-A: \"1\", X-B: { present: false }, X-C: { "
    "pattern: "
    "a+ } },"
    " query: { q: [x, y] } }]\n"
    "    to: orders\n"
    "    use: p\n"
    "    timeout: { response: 3s }\n"
    "  \"/users/{id}\": { to: users, rewrite: \"/u/{id}\", skip: mark, priority: 5 }\n"
    "  old: { match: /old/*, redirect: https://www.example.com/new/* }\n"
    "  ping: { match: /ping, respond: { status: 204, headers: { X-Pong: \"yes\" }, body: \"a\\nb "
    "$${x} "
    "\xc3\xbc\" } }\n"
    "  any: { match: /any, to: http://localhost:3000, body_limit: 1MiB }\n"
    "observe: { access_log: off, metrics: { listen: \"127.0.0.1:9\" } }\n"
    "admin: unix:/run/sluice/admin.sock\n"
    "drain: { timeout: 1m30s }\n"
    "tests:\n"
    "  - { request: GET http://a/x, headers: { A: b }, from: 10.0.0.1, expect: { status: 200, "
    "header: {"
    " X: y } } }\n";

static uint64_t hash_of(const char *text)
{
    const struct config *config = kit_load(text);
    WANT(config != NULL);
    return config == NULL ? 0 : config_hash(config);
}

TEST(the_long_form_reads_back_to_the_same_meaning)
{
    struct arena kept;
    arena_init_heap(&kept, 1 << 20);
    const struct config *config = kit_load(rich);
    WANT_STR(kit_said(), STR(""));
    uint64_t hash = config_hash(config);
    char *yaml = arena_keep_c(&kept, kit_yaml(config));
    WANT(yaml != NULL);
    config = kit_load(yaml);
    if (config == NULL) {
        printf("# %s\n# %.*s\n", yaml, STR_FMT(kit_said()));
    }
    WANT(config != NULL);
    WANT(config_hash(config) == hash);
    WANT_STR(kit_yaml(config), str_from_c(yaml));
    arena_reset(&kept);
}

TEST(form_order_and_comments_do_not_count)
{
    uint64_t hash = hash_of("services: { s: [a:1] }\nroutes: { r: { match: /r/*, to: s } }\n");
    WANT(hash ==
         hash_of("# comment\nroutes:\n  r:\n    to: s\n    match:\n      path: { prefix: /r/ }\n"
                 "services:\n  s:\n    targets: http://a:1/\n"));
}

TEST(every_change_of_meaning_counts)
{
    static const char *const texts[] = {
        "services: { s: [a:1] }\nroutes: { r: { match: /r/*, to: s } }",
        "services: { s: [a:2] }\nroutes: { r: { match: /r/*, to: s } }",
        "services: { s: [a:1, b:1] }\nroutes: { r: { match: /r/*, to: s } }",
        "services: { s: { targets: a:1, host: target } }\nroutes: { r: { match: /r/*, to: s } }",
        "services: { s: [{ address: a:1, weight: 2 }] }\nroutes: { r: { match: /r/*, to: s } }",
        "services: { s: [a:1] }\nroutes: { r: { match: /r, to: s } }",
        "services: { s: [a:1] }\nroutes: { q: { match: /r/*, to: s } }",
        "services: { s: [a:1] }\nroutes: { r: { match: /r/*, to: s, mark: {} } }",
        "services: { s: [a:1] }\nroutes: { r: { match: /r/*, to: s, mark: { level: 6 } } }",
        "services: { s: [a:1] }\nroutes: { r: { match: /r/*, to: s, mark: { secret: a } } }",
        "services: { s: [a:1] }\nroutes: { r: { match: /r/*, to: s, mark: { secret: b } } }",
        "services: { s: [a:1] }\nroutes: { r: { match: /r/*, to: s, timeout: 5s } }",
        ("services: { s: [a:1] }\nroutes: { r: { match: /r/*, to: s } }\n"
         "listeners: { http: { port: 81 } }"),
        "services: { s: [a:1] }\nroutes: { r: { match: /r/*, to: s }, t: { match: /t, to: s } }",
        "services: { s: [a:1] }\nroutes: { t: { match: /t, to: s }, r: { match: /r/*, to: s } }",
    };
    uint64_t hashes[COUNT_OF(texts)];
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        hashes[i] = hash_of(texts[i]);
        for (size_t j = 0; j < i; j++) {
            WANT(hashes[i] != hashes[j]);
        }
    }
}

TEST(what_old_readers_would_take_for_something_else_is_quoted)
{
    const struct config *config = kit_load(
        "routes: { r: { match: /r, respond: { headers: { A: \"yes\", B: \"12:30\", C: \"1_0\","
        " D: \"2026-01-02\", E: \"null\", F: \"-\", G: \"a: b\", H: plain } } } }");
    struct str yaml = kit_yaml(config);
    WANT(str_find_str(yaml,
                      STR("{A: \"yes\", B: \"12:30\", C: \"1_0\", D: \"2026-01-02\", E: \"null\", "
                          "F: \"-\", G: \"a: b\", H: plain}")) < yaml.len);
}
