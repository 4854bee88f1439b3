/* proxy_test.c - what the quick form prints. The form itself: quick_test.c. */
#include "test.h"

#include "said.h"

TEST(print_shows_a_file_that_is_right)
{
    struct said said, checked;
    SAID(&said, "proxy", "--print", ":8080", "/orders/*=10.0.1.1:80", "10.0.2.1:80");
    WANT_INT(said.code, EXIT_OK);
    said.rooms[0][said.out.len] = '\0';
    SAID(&checked, "check", said_file(said.rooms[0]));
    WANT_INT(checked.code, EXIT_OK);
    WANT_HAS(checked.out, "2 routes, 2 services, 1 listener");
}

TEST(wrong_words_are_a_wrong_call)
{
    struct said said;
    SAID(&said, "proxy", "8080", "localhost:3000");
    WANT_INT(said.code, EXIT_USAGE);
    WANT_STR(said.err, STR("sluice proxy: \"8080\" is no place to listen; did you mean "
                           "\":8080\"?\n"));
    SAID(&said, "proxy", "--print", ":8080", "/a{/*=localhost:3000");
    WANT_INT(said.code, EXIT_USAGE);
    SAID(&said, "proxy", ":8080", "localhost:3000", "--cores", "0");
    WANT_INT(said.code, EXIT_USAGE);
}
