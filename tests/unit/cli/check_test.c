/* check_test.c - files that are right, and files that are not. */
#include "test.h"

#include "said.h"

TEST(a_right_file_is_counted)
{
    struct said said;
    const char *path = said_file(said_good);
    char wanted[128];
    (void)snprintf(wanted, sizeof wanted, "%s: ok, 1 route, 1 service, 1 listener\n", path);
    SAID(&said, "check", path);
    WANT_INT(said.code, EXIT_OK);
    WANT_STR(said.out, str_from_c(wanted));
    WANT_STR(said.err, STR(""));
}

TEST(services_without_a_name_are_not_counted)
{
    struct said said;
    SAID(&said, "check", said_file("routes: { \"/*\": \"http://localhost:3000\" }\n"));
    WANT_INT(said.code, EXIT_OK);
    WANT_HAS(said.out, "ok, 1 route, 0 services, ");
}

TEST(all_errors_are_told_together)
{
    struct said said;
    SAID(&said, "check", said_file(said_bad));
    WANT_INT(said.code, EXIT_FAILED);
    WANT_STR(said.out, STR(""));
    WANT_HAS(said.err, "error[E0107]: unknown key \"prot\"");
    WANT_HAS(said.err, "did you mean \"port\"?");
    SAID(&said, "check", "/nowhere/at/all.yaml");
    WANT_INT(said.code, EXIT_FAILED);
    WANT_HAS(said.err, "E0001");
}

TEST(json_is_for_programs)
{
    struct said said;
    SAID(&said, "check", "--json", said_file(said_bad));
    WANT_INT(said.code, EXIT_FAILED);
    WANT_STR(said.err, STR(""));
    WANT(str_starts(said.out, STR("[")));
    WANT_HAS(said.out, "\"code\":\"E0107\"");
    SAID(&said, "check", "--json", said_file(said_good));
    WANT_INT(said.code, EXIT_OK);
    WANT_STR(str_trim(str_sub(said.out, 0, 2)), STR("[]"));
}
