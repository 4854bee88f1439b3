/* verify_test.c - what only compiling can find is told with its place, and refuses the file. */
#include "proxy/world.h"

#include "test.h"
#include "text/sink.h"

static const struct world_policies none;

/* All diagnostics of a file as one text; the file was taken when `is_taken`. */
static void said(const char *text, bool is_taken, const char *wanted)
{
    struct diags diags;
    struct sink sink;
    struct arena arena;
    struct config *config = NULL;
    struct world_policies policies = none;
    const struct config_opts opts = {.verify = world_verify, .ctx = &policies};
    diags_init(&diags);
    arena_init_heap(&arena, 4 << 20);
    sink_to_memory(&sink, &arena);
    enum err e = config_load_text("t.yaml", str_from_c(text), &opts, &diags, &config);
    diags_write(&diags, &sink);
    WANT((e == OK) == is_taken);
    if (str_find_str(sink_str(&sink), str_from_c(wanted)) == sink_str(&sink).len) {
        WANT_STR(sink_str(&sink), str_from_c(wanted));
    }
    if (config != NULL) {
        config_free(config);
    }
    arena_reset(&arena);
    diags_drop(&diags);
}

#define HEAD "listeners: { http: { port: 1 } }\nservices: { s: { targets: [127.0.0.1:2] } }\n"

TEST(patterns_that_do_not_compile_are_errors_with_a_place)
{
    said(HEAD "routes: { r: { match: { path: { pattern: \"/a(\" } }, to: s } }\n", false,
         "t.yaml:3:");
    said(HEAD "routes: { r: { match: { path: { pattern: \"/a(\" } }, to: s } }\n", false, "E0208");
}

TEST(rewrites_need_the_parameters_that_they_name)
{
    said(HEAD "routes: { r: { match: \"/a/{id}\", to: s, rewrite: \"/b/{name}\" } }\n", false,
         "every match needs the same parameter");
}

TEST(routes_that_can_never_match_are_warned_of)
{
    said(HEAD "routes: { a: { match: /x, to: s }, b: { match: /x, to: s } }\n", true, "W0203");
    said(HEAD "routes: { a: { match: /x, to: s }, b: { match: /y, to: s } }\n", true, "");
}
