/* help_test.c - help says everything that the tables say. */
#include "cli/help.h"

#include "config/diag.h"
#include "test.h"

#include "said.h"

TEST(every_verb_and_option_is_in_its_help)
{
    struct said all;
    SAID(&all, "help");
    for (uint32_t i = 0; i < verb_count; i++) {
        struct said said;
        const struct verb_face *face = verbs[i].face;
        WANT_HAS(all.out, verbs[i].name);
        WANT_HAS(all.out, verbs[i].summary);
        SAID(&said, "help", verbs[i].name);
        WANT_INT(said.code, EXIT_OK);
        WANT_HAS(said.out, verbs[i].summary);
        for (uint32_t n = 0; n < face->option_count; n++) {
            WANT_HAS(said.out, face->options[n].name);
            WANT_HAS(said.out, face->options[n].summary);
        }
    }
}

TEST(help_fits_into_a_terminal)
{
    for (uint32_t i = 0; i <= verb_count; i++) {
        struct said said;
        if (i < verb_count) {
            SAID(&said, "help", verbs[i].name);
        } else {
            SAID(&said, "help");
        }
        for (struct str rest = said.out; rest.len > 0;) {
            struct str_pair line = str_cut(rest, '\n');
            WANT(line.head.len <= 100);
            rest = line.tail;
        }
    }
}

TEST(every_code_has_its_long_text)
{
    for (uint32_t i = 0; i < DIAG_CODE_COUNT; i++) {
        struct said said;
        SAID(&said, "help", diag_rows[i].code);
        WANT_INT(said.code, EXIT_OK);
        WANT_HAS(said.out, diag_rows[i].title);
        WANT_HAS(said.out, diag_rows[i].help);
    }
}

TEST(the_page_holds_every_verb_and_code)
{
    static struct said said;
    SAID(&said, "help", "--markdown");
    WANT_INT(said.code, EXIT_OK);
    WANT(str_starts(said.out, STR("# ")));
    for (uint32_t i = 0; i < verb_count; i++) {
        WANT_HAS(said.out, verbs[i].summary);
    }
    for (uint32_t i = 0; i < DIAG_CODE_COUNT; i++) {
        WANT_HAS(said.out, diag_rows[i].code);
    }
}

TEST(what_there_is_no_help_for)
{
    struct said said;
    SAID(&said, "help", "E9999");
    WANT_INT(said.code, EXIT_USAGE);
    WANT_STR(said.err, STR("sluice help: there is no verb and no code \"E9999\"\n"));
    SAID(&said, "help", "rum");
    WANT_INT(said.code, EXIT_USAGE);
    WANT_HAS(said.err, "did you mean \"run\"?");
}
