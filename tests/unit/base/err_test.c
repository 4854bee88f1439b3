#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "test.h"

static bool is_code_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static enum err three_steps(enum err second, int *steps)
{
    TRY(OK);
    ++*steps;
    TRY(second);
    ++*steps;
    return OK;
}

TEST(ok_is_zero_and_no_error)
{
    WANT_INT(OK, 0);
    WANT_INT(err_status(OK), 200);
    WANT_STR(str_from_c(err_code(OK)), STR("ok"));
    WANT_STR(str_from_c(err_text(OK)), STR("no error"));
    WANT_INT(err_level(OK), LOG_DEBUG);
}

TEST(every_error_has_a_code_that_a_label_can_carry)
{
    for (enum err e = OK; e < ERR_COUNT; e++) {
        struct str code = str_from_c(err_code(e));
        WANT(code.len > 0 && code.len <= 32);
        for (size_t i = 0; i < code.len; i++) {
            WANT(is_code_char(code.at[i]));
        }
    }
}

TEST(no_two_errors_share_a_code)
{
    for (enum err left = OK; left < ERR_COUNT; left++) {
        for (enum err right = left + 1; right < ERR_COUNT; right++) {
            if (strcmp(err_code(left), err_code(right)) == 0) {
                printf("# %s\n", err_code(left));
                WANT(left == right);
            }
        }
    }
}

TEST(every_error_has_one_sentence_without_a_full_stop)
{
    for (enum err e = OK; e < ERR_COUNT; e++) {
        struct str text = str_from_c(err_text(e));
        WANT(text.len > 5 && text.at[text.len - 1] != '.');
    }
}

TEST(what_clients_are_answered_with_is_an_error_status)
{
    for (enum err e = OK + 1; e < ERR_COUNT; e++) {
        uint16_t status = err_status(e);
        WANT(status == 0 || (status >= 400 && status <= 599));
    }
    WANT_INT(err_status(ERR_METHOD_NOT_ALLOWED), 405);
    WANT_INT(err_status(ERR_FRAMING), 400);
    WANT_INT(err_status(ERR_ORIGIN_TIMEOUT), 504);
    WANT_INT(err_status(ERR_AGAIN), 0);
}

TEST(faults_of_clients_are_not_logged_as_ours)
{
    for (enum err e = OK + 1; e < ERR_COUNT; e++) {
        bool is_of_client = err_status(e) >= 400 && err_status(e) < 500;
        WANT(!is_of_client || err_level(e) <= LOG_INFO);
        WANT(err_level(e) >= LOG_DEBUG && err_level(e) <= LOG_ERROR);
    }
    WANT_INT(err_level(ERR_BUG), LOG_ERROR);
}

TEST(try_returns_the_first_error_and_nothing_runs_after_it)
{
    int steps = 0;
    WANT_INT(three_steps(OK, &steps), OK);
    WANT_INT(steps, 2);
    steps = 0;
    WANT_INT(three_steps(ERR_CLOSED, &steps), ERR_CLOSED);
    WANT_INT(steps, 1);
}
