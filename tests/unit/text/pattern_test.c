#include "text/pattern.h"

#include "base/limits.h"
#include "test.h"

#include <stdlib.h>

static enum err match_once(struct str text, const struct pattern_options *options,
                           struct str subject)
{
    struct pattern pattern;
    struct pattern_error error;
    struct pattern_scratch scratch;
    WANT_INT(pattern_init(&pattern, text, options, &error), OK);
    WANT_INT(pattern_scratch_init(&scratch), OK);
    enum err result = pattern_match(&pattern, subject, &scratch);
    pattern_drop(&pattern);
    pattern_scratch_drop(&scratch);
    return result;
}

static const struct pattern_options whole = {0};

TEST(a_pattern_takes_the_whole_subject)
{
    static const struct {
        const char *text, *subject;
        enum err result;
    } rows[] = {
        {"/v[0-9]+/users", "/v1/users", OK},
        {"/v[0-9]+/users", "/v1/users/", ERR_NOT_FOUND},
        {"/v[0-9]+/users", "x/v1/users", ERR_NOT_FOUND},
        {"/a|/b", "/ab", ERR_NOT_FOUND},
        {"/a|/b/c", "/b/c", OK},
        {"/a", "/a\n", ERR_NOT_FOUND},
        {"/a$", "/a\n", ERR_NOT_FOUND},
        {"/A", "/a", ERR_NOT_FOUND},
        {"(?i)/A", "/a", OK},
        {"", "", OK},
        {".*", "", OK},
        {"a.c", "a\nc", OK},
        {"..", "\xc3\xa9", OK}, /* bytes, not characters */
        {"\\x00", "", ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        WANT_INT(match_once(str_from_c(rows[i].text), &whole, str_from_c(rows[i].subject)),
                 rows[i].result);
    }
    WANT_INT(match_once(STR("a.b"), &whole, STR("a\0b")), OK);
}

TEST(options_change_case_and_place)
{
    const struct pattern_options loose = {.is_caseless = true, .is_search = true};
    WANT_INT(match_once(STR("fox"), &loose, STR("The FOX runs")), OK);
    WANT_INT(match_once(STR("fox"), &whole, STR("The fox runs")), ERR_NOT_FOUND);
}

TEST(a_bad_pattern_says_where_and_why)
{
    static const char *const bad[] = {"(", "[a", "a{2,1}", "(?<n>a)(?<n>b)", "\\C", "(*UTF)a", "*a"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct pattern pattern;
        struct pattern_error error = {0};
        WANT_INT(pattern_init(&pattern, str_from_c(bad[i]), &whole, &error), ERR_SYNTAX);
        WANT(error.text[0] != '\0');
        WANT(error.offset <= strlen(bad[i]));
        WANT(pattern.code == NULL);
        pattern_drop(&pattern);
    }
    struct pattern pattern;
    struct pattern_error error = {0};
    WANT_INT(pattern_init(&pattern, STR("/ab(c"), &whole, &error), ERR_SYNTAX);
    WANT_INT(error.offset, 5);
}

TEST(size_and_groups_have_ceilings)
{
    static char text[PATTERN_BYTES_MAX + 1];
    memset(text, 'a', sizeof text);
    struct pattern pattern;
    struct pattern_error error;
    WANT_INT(pattern_init(&pattern, str_of(text, sizeof text), &whole, &error), ERR_SYNTAX);
    WANT_INT(pattern_init(&pattern, str_of(text, sizeof text - 1), &whole, &error), OK);
    pattern_drop(&pattern);
    for (size_t i = 0; i < 33; i++) {
        memcpy(text + i * 3, "(a)", 3);
    }
    WANT_INT(pattern_init(&pattern, str_of(text, 33 * 3), &whole, &error), ERR_SYNTAX);
    WANT_INT(pattern_init(&pattern, str_of(text, 32 * 3), &whole, &error), OK);
    pattern_drop(&pattern);
}

TEST(groups_are_parts_of_the_subject)
{
    struct pattern pattern;
    struct pattern_error error;
    struct pattern_scratch scratch;
    struct str subject = STR("/users/42/x");
    WANT_INT(pattern_init(&pattern, STR("/users/(?<id>\\d+)(/x)?(?<rest>/y)?"), &whole, &error), OK);
    WANT_INT(pattern_scratch_init(&scratch), OK);
    WANT_INT(pattern_match(&pattern, subject, &scratch), OK);
    WANT_INT(pattern.group_count, 3);
    WANT_STR(pattern_group(&scratch, subject, 0), subject);
    WANT_STR(pattern_group(&scratch, subject, 1), STR("42"));
    WANT_STR(pattern_group(&scratch, subject, 2), STR("/x"));
    WANT(pattern_group(&scratch, subject, 3).at == NULL);
    WANT(pattern_group(&scratch, subject, 33).at == NULL);
    WANT_STR(pattern_group_name(&pattern, 1), STR("id"));
    WANT_STR(pattern_group_name(&pattern, 2), STR(""));
    WANT_STR(pattern_group_name(&pattern, 3), STR("rest"));
    pattern_drop(&pattern);
    pattern_scratch_drop(&scratch);
}

/* Patterns whose time grows without bound are cut off, and that is not "no match". */
TEST(a_pattern_that_explodes_runs_into_limit_pattern_steps)
{
    enum { SUBJECT_BYTES = 65536 };
    static char subject[SUBJECT_BYTES];
    memset(subject, 'a', sizeof subject);
    subject[SUBJECT_BYTES - 1] = '!';
    static const char *const evil[] = {"(a+)+$", "(a|aa)+$", "(.*a){12}[bc]", "(a*)*[bc]"};
    for (size_t i = 0; i < COUNT_OF(evil); i++) {
        WANT_INT(match_once(str_from_c(evil[i]), &whole, str_of(subject, sizeof subject)),
                 limit_rows[LIMIT_pattern_steps].error);
    }
    struct pattern pattern;
    struct pattern_error error;
    struct pattern_scratch scratch;
    WANT_INT(pattern_init(&pattern, STR("(a+)+$"), &whole, &error), OK);
    WANT_INT(pattern_scratch_init(&scratch), OK);
    WANT_INT(pattern_match(&pattern, str_of(subject, sizeof subject), &scratch), ERR_LIMIT);
    WANT_INT(scratch.limited_total, 1);
    WANT_INT(pattern_match(&pattern, STR("aaaa"), &scratch), OK);
    pattern_drop(&pattern);
    pattern_scratch_drop(&scratch);
}

TEST(a_simple_pattern_on_64_kib_fits_the_budget)
{
    static char subject[65536];
    memset(subject, 'a', sizeof subject);
    subject[0] = '/';
    WANT_INT(match_once(STR("/[a-z]+"), &whole, str_of(subject, sizeof subject)), OK);
    WANT_INT(match_once(STR("/.*"), &whole, str_of(subject, sizeof subject)), OK);
    WANT_INT(match_once(STR("/.*b"), &whole, str_of(subject, sizeof subject)), ERR_NOT_FOUND);
}

/* The interpreter serves where the system forbids machine code; its memory is bounded too. */
TEST(the_interpreter_stays_within_pattern_heap_bytes)
{
    static char subject[65536];
    memset(subject, 'a', sizeof subject);
    const struct pattern_options options = {0};
    WANT_INT(match_once(STR("(*NO_JIT)(a|b)*"), &options, str_of(subject, sizeof subject)),
             limit_rows[LIMIT_pattern_heap_bytes].error);
    WANT_INT(match_once(STR("(*NO_JIT)(a|b)*"), &options, str_of(subject, 1000)), OK);
    WANT_INT(match_once(STR("(*NO_JIT)(a+)+$"), &options, STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")), ERR_LIMIT);
}
