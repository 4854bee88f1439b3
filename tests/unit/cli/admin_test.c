/* admin_test.c - which socket is asked. */
#include "test.h"

#include "said.h"

TEST(the_socket_is_that_of_the_file)
{
    struct said said;
    SAID(&said, "status",
         said_file("routes: { \"/*\": \"http://127.0.0.1:1\" }\n"
                   "admin: unix:/nowhere/of/file.sock\n"));
    WANT_INT(said.code, EXIT_FAILED);
    WANT_HAS(said.err, "/nowhere/of/file.sock");
    SAID(&said, "status", said_file(said_good));
    WANT_INT(said.code, EXIT_FAILED);
    WANT_HAS(said.err, "has no admin socket: write \"admin: unix:/run/sluice/admin.sock\"");
}

TEST(what_is_too_long_to_be_asked_is_refused)
{
    static char url[20000];
    struct said said;
    memset(url, 'x', sizeof url - 1);
    url[0] = '/';
    SAID(&said, "explain", "GET", url, "--live", "--socket", "/nowhere/at/all.sock");
    WANT_INT(said.code, EXIT_USAGE);
    WANT_HAS(said.err, "too long");
}
