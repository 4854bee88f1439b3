/* load_test.c - what loading says on stderr. */
#include "cli/load.h"

#include "test.h"

#include "said.h"

TEST(text_is_checked_like_a_file)
{
    struct config *config = NULL;
    (void)!freopen("/dev/null", "w", stderr);
    WANT_INT(load_text("text", str_from_c(said_good), &config), EXIT_OK);
    WANT(config != NULL);
    config_free(config);
    WANT_INT(load_text("text", str_from_c(said_bad), &config), EXIT_FAILED);
    WANT(config == NULL);
}

TEST(routes_that_can_never_match_are_warned_of)
{
    struct said said;
    SAID(&said, "check",
         said_file("listeners: { http: { port: 8080 } }\n"
                   "services: { app: 127.0.0.1:9101 }\n"
                   "routes:\n"
                   "  all: { match: /*, to: app, priority: 1 }\n"
                   "  never: { match: /x, to: app }\n"));
    WANT_INT(said.code, EXIT_OK);
    WANT_HAS(said.err, "warning[W0203]");
    WANT_HAS(said.err, "never");
}

TEST(kinds_are_in_running_order)
{
    uint32_t count = 0;
    const struct conf_kind *kinds = load_kinds(&count);
    WANT(kinds != NULL || count == 0);
}
