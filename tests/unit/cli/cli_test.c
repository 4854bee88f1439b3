/* cli_test.c - dispatch: verbs, what is like one, and lines that are none. */
#include "test.h"

#include "said.h"

TEST(no_words_print_help_and_are_a_wrong_call)
{
    struct said said;
    char name[] = "sluice";
    char *argv[] = {name, NULL};
    (void)!freopen("/dev/null", "w", stderr);
    WANT_INT(cli_run(1, argv), EXIT_USAGE);
    SAID(&said, "help");
    WANT_INT(said.code, EXIT_OK);
    WANT_STR(said.err, STR(""));
}

TEST(every_verb_is_found_by_its_name)
{
    for (uint32_t i = 0; i < verb_count; i++) {
        WANT(verb_find(str_from_c(verbs[i].name)) == &verbs[i]);
        WANT(verbs[i].face->run != NULL);
        WANT(verbs[i].face->operands_min <= verbs[i].face->operands_max);
        for (uint32_t n = 0; n < i; n++) {
            WANT(!str_eq(str_from_c(verbs[n].name), str_from_c(verbs[i].name)));
        }
    }
    WANT(verb_find(STR("")) == NULL);
}

TEST(the_nearest_verb_is_suggested)
{
    struct said said;
    SAID(&said, "chekc");
    WANT_INT(said.code, EXIT_USAGE);
    WANT_STR(said.err, STR("sluice: there is no verb \"chekc\"; did you mean \"check\"?\n"));
    SAID(&said, "frobnicate");
    WANT_INT(said.code, EXIT_USAGE);
    WANT_STR(said.err,
             STR("sluice: there is no verb \"frobnicate\"; \"sluice help\" lists them\n"));
    SAID(&said, "");
    WANT_INT(said.code, EXIT_USAGE);
}

TEST(what_is_wrong_with_a_line_is_said_before_anything_is_done)
{
    struct said said;
    SAID(&said, "check");
    WANT_INT(said.code, EXIT_USAGE);
    WANT_STR(said.err,
             STR("sluice check: something is missing: it is written \"sluice check FILE\"\n"));
    SAID(&said, "check", "a", "b");
    WANT_INT(said.code, EXIT_USAGE);
    WANT_STR(said.err,
             STR("sluice check: that is too much: it is written \"sluice check FILE\"\n"));
    SAID(&said, "check", "--jsno", "a");
    WANT_INT(said.code, EXIT_USAGE);
    WANT_STR(said.err, STR("sluice check: there is no option --jsno; did you mean --json?\n"));
}

TEST(help_is_printed_wherever_it_stands_but_behind_two_dashes)
{
    struct said said;
    SAID(&said, "check", "x", "y", "--help");
    WANT_INT(said.code, EXIT_OK);
    WANT_HAS(said.out, "sluice check FILE [options]");
    SAID(&said, "check", "--", "--help");
    WANT_INT(said.code, EXIT_FAILED); /* a file of that name does not exist */
    SAID(&said, "--version");
    WANT_INT(said.code, EXIT_OK);
    WANT(str_starts(said.out, STR("sluice ")));
    SAID(&said, "-h");
    WANT_INT(said.code, EXIT_OK);
}
