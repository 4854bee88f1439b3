/* test_test.c - the tests of a file, met and not met. */
#include "test.h"

#include "said.h"

#define FILE_HEAD                                                                                  \
    "listeners: { http: { port: 8080 } }\n"                                                        \
    "services:\n"                                                                                  \
    "  app: { versions: { a: { weight: 1, targets: [127.0.0.1:1] },"                               \
    " b: { weight: 1, targets: [127.0.0.1:2] } } }\n"                                              \
    "  one: { versions: { c: { weight: 1, targets: [127.0.0.1:3] } } }\n"                          \
    "routes:\n"                                                                                    \
    "  app: { match: /app/*, to: app }\n"                                                          \
    "  one: { match: /one/*, to: one }\n"                                                          \
    "  moved: { match: /moved, redirect: { path: /app, status: 301 } }\n"                          \
    "tests:\n"

TEST(tests_that_are_met)
{
    struct said said;
    SAID(&said, "test",
         said_file(
             FILE_HEAD
             "  - { request: GET http://localhost/app/1, expect: { route: app, service: app } }\n"
             "  - { request: GET http://localhost/one/1, expect: { version: c } }\n"
             "  - { request: GET http://localhost/no, expect: { status: 404 } }\n"
             "  - { request: GET http://h/moved, expect: { status: 301, route: moved,\n"
             "      header: { Location: \"http://h/app\" } } }\n"));
    WANT_INT(said.code, EXIT_OK);
    WANT_HAS(said.out, ":10: GET http://localhost/app/1 ... ok\n");
    WANT_HAS(said.out, "4 passed, 0 failed\n");
}

TEST(tests_that_are_not_met_say_why)
{
    static const struct {
        const char *test, *said;
    } rows[] = {
        {"{ request: GET http://localhost/app/1, expect: { route: one } }",
         "route: wanted \"one\", got \"app\""},
        {"{ request: GET http://localhost/no, expect: { route: one } }",
         "route: wanted \"one\", got \"none\""},
        {"{ request: GET http://localhost/app/1, expect: { service: one } }",
         "service: wanted \"one\", got \"app\""},
        {"{ request: GET http://localhost/app/1, expect: { version: a } }",
         "version: wanted \"a\", got \"chance, by weight\""},
        {"{ request: GET http://localhost/no, expect: { version: a } }",
         "version: wanted \"a\", got \"none\""},
        {"{ request: GET http://localhost/no, expect: { status: 403 } }",
         "status: wanted 403, got 404 (no_route)"},
        {"{ request: GET http://localhost/moved, expect: { status: 302 } }",
         "status: wanted 302, got 301 (as its route says)"},
        {"{ request: GET http://localhost/one/1, expect: { status: 200 } }",
         "status: wanted 200, but service one answers, which no test asks"},
        {"{ request: GET http://localhost/moved, expect: { header: { Location: x, X-No: y } } }",
         "header Location: wanted \"x\", got \"http://localhost/app\"; "
         "header X-No: wanted \"y\", got \"none\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct said said;
        char text[2048];
        (void)snprintf(text, sizeof text, FILE_HEAD "  - %s\n", rows[i].test);
        SAID(&said, "test", said_file(text));
        WANT_INT(said.code, EXIT_FAILED);
        WANT_HAS(said.out, rows[i].said);
        WANT_HAS(said.out, "0 passed, 1 failed\n");
    }
}

TEST(a_file_without_tests_passes_none)
{
    struct said said;
    SAID(&said, "test", said_file(said_good));
    WANT_INT(said.code, EXIT_OK);
    WANT_STR(said.out, STR("0 passed, 0 failed\n"));
    SAID(&said, "test", said_file(said_bad));
    WANT_INT(said.code, EXIT_FAILED);
}
