#include "proxy/retry_rules.h"

#include "http/message.h"
#include "test.h"

#define BIT(name) (1u << CONF_RETRY_##name)
#define ANY_STATUS (BIT(429) | BIT(500) | BIT(502) | BIT(503) | BIT(504))
#define USUAL (BIT(CONNECT_FAILURE) | BIT(STALE) | BIT(RESET) | BIT(TIMEOUT))

/* One row: a case as it differs from a GET that can be sent again, and what is to come of it. */
struct row {
    uint32_t on;
    enum conf_retry_on what;
    enum retry_verdict wanted;
    uint8_t method;
    uint8_t retries;
    bool is_unprocessed, is_late, is_body_gone, has_key, was_repeated;
    int64_t after_ms; /* Retry-After + 1; 0: none */
    int64_t left_ms;  /* of the whole time; 0: no limit */
};

static const struct retry_rules base = {.tries_max = 2,
                                        .takes_idempotency_key = true,
                                        .base_ms = 25,
                                        .max_ms = 1000,
                                        .retry_after_ms_max = 5000};

static enum retry_verdict decide(const struct row *row, uint32_t random, int64_t *pause_ms)
{
    struct retry_rules rules;
    static const struct conf_retry conf = {.tries = 2};
    retry_compile(&rules, &conf, 0);
    uint32_t methods = rules.methods;
    rules = base;
    rules.methods = methods;
    rules.on = row->on;
    struct retry_case c = {.what = row->what,
                           .is_unprocessed = row->is_unprocessed,
                           .is_late = row->is_late,
                           .can_send_again = !row->is_body_gone,
                           .has_idempotency_key = row->has_key,
                           .was_repeated = row->was_repeated,
                           .method = row->method == 0 ? METHOD_GET : row->method,
                           .retry_count = row->retries,
                           .retry_after_ms = row->after_ms - 1,
                           .now_ms = 1000000,
                           .deadline_ms = row->left_ms == 0 ? INT64_MAX : 1000000 + row->left_ms};
    return retry_decide(&rules, &c, random, pause_ms);
}

TEST(each_case_has_one_answer)
{
    static const struct row rows[] = {
        /* Conditions: what is listed, and nothing else. */
        {USUAL, CONF_RETRY_CONNECT_FAILURE, RETRY_ALLOWED, .is_unprocessed = true},
        {USUAL, CONF_RETRY_RESET, RETRY_ALLOWED, .method = 0},
        {USUAL, CONF_RETRY_TIMEOUT, RETRY_ALLOWED, .method = 0},
        {USUAL, CONF_RETRY_BAD_RESPONSE, RETRY_NO_OFF, .method = 0},
        {USUAL, CONF_RETRY_503, RETRY_NO_OFF, .method = 0},
        {USUAL | BIT(503), CONF_RETRY_503, RETRY_ALLOWED, .method = 0},
        {BIT(503), CONF_RETRY_RESET, RETRY_NO_OFF, .method = 0},
        {BIT(BAD_RESPONSE), CONF_RETRY_BAD_RESPONSE, RETRY_ALLOWED, .method = 0},
        {0, CONF_RETRY_CONNECT_FAILURE, RETRY_NO_OFF, .is_unprocessed = true},
        /* Methods: not idempotent only when nobody has seen it, or with a key. */
        {USUAL, CONF_RETRY_CONNECT_FAILURE, RETRY_ALLOWED, .method = METHOD_POST, .is_unprocessed = true},
        {USUAL, CONF_RETRY_RESET, RETRY_NO_METHOD, .method = METHOD_POST},
        {USUAL, CONF_RETRY_RESET, RETRY_ALLOWED, .method = METHOD_POST, .is_unprocessed = true},
        {USUAL, CONF_RETRY_RESET, RETRY_ALLOWED, .method = METHOD_POST, .has_key = true},
        {USUAL, CONF_RETRY_RESET, RETRY_ALLOWED, .method = METHOD_PATCH, .has_key = true},
        {USUAL, CONF_RETRY_TIMEOUT, RETRY_NO_METHOD, .method = METHOD_PATCH},
        {ANY_STATUS, CONF_RETRY_503, RETRY_NO_METHOD, .method = METHOD_POST},
        {ANY_STATUS, CONF_RETRY_503, RETRY_ALLOWED, .method = METHOD_PUT},
        {ANY_STATUS, CONF_RETRY_500, RETRY_ALLOWED, .method = METHOD_DELETE},
        {ANY_STATUS, CONF_RETRY_502, RETRY_ALLOWED, .method = METHOD_QUERY},
        /* What reached the client cannot be taken back. */
        {USUAL, CONF_RETRY_RESET, RETRY_NO_LATE, .is_late = true},
        {USUAL, CONF_RETRY_CONNECT_FAILURE, RETRY_NO_LATE, .is_unprocessed = true, .is_late = true},
        /* A body that is gone cannot be sent. */
        {USUAL, CONF_RETRY_RESET, RETRY_NO_BODY, .method = METHOD_PUT, .is_body_gone = true},
        {USUAL, CONF_RETRY_STALE, RETRY_NO_BODY, .method = METHOD_PUT, .is_body_gone = true},
        /* Stale: repeated once, uncounted; then it is a reset like any other. */
        {USUAL, CONF_RETRY_STALE, RETRY_REPEAT, .method = 0},
        {USUAL, CONF_RETRY_STALE, RETRY_REPEAT, .retries = 2},
        {USUAL, CONF_RETRY_STALE, RETRY_ALLOWED, .was_repeated = true},
        {USUAL, CONF_RETRY_STALE, RETRY_NO_TRIES, .was_repeated = true, .retries = 2},
        {USUAL, CONF_RETRY_STALE, RETRY_NO_METHOD, .method = METHOD_POST},
        {USUAL, CONF_RETRY_STALE, RETRY_REPEAT, .method = METHOD_POST, .is_unprocessed = true},
        {BIT(RESET), CONF_RETRY_STALE, RETRY_ALLOWED, .method = 0},
        {BIT(STALE), CONF_RETRY_STALE, RETRY_NO_OFF, .was_repeated = true},
        /* Tries. */
        {USUAL, CONF_RETRY_RESET, RETRY_ALLOWED, .retries = 1},
        {USUAL, CONF_RETRY_RESET, RETRY_NO_TRIES, .retries = 2},
        {USUAL, CONF_RETRY_CONNECT_FAILURE, RETRY_NO_TRIES, .is_unprocessed = true, .retries = 2},
        /* Retry-After: waited for up to the cap, and never over the whole time. */
        {ANY_STATUS, CONF_RETRY_503, RETRY_ALLOWED, .after_ms = 5001},
        {ANY_STATUS, CONF_RETRY_503, RETRY_NO_WAIT, .after_ms = 6001},
        {ANY_STATUS, CONF_RETRY_429, RETRY_NO_WAIT, .after_ms = INT64_MAX},
        {ANY_STATUS, CONF_RETRY_429, RETRY_ALLOWED, .after_ms = 1},
        {ANY_STATUS, CONF_RETRY_503, RETRY_NO_TIME, .after_ms = 2001, .left_ms = 2000},
        {ANY_STATUS, CONF_RETRY_503, RETRY_ALLOWED, .after_ms = 2001, .left_ms = 3001},
        /* The whole time wins. */
        {USUAL, CONF_RETRY_RESET, RETRY_ALLOWED, .left_ms = 26},
        {USUAL, CONF_RETRY_RESET, RETRY_NO_TIME, .left_ms = -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t pause_ms;
        WANT_INT(decide(&rows[i], UINT32_MAX, &pause_ms), rows[i].wanted);
    }
}

TEST(what_no_instance_has_seen_goes_elsewhere_at_once)
{
    const struct row row = {
        USUAL, CONF_RETRY_CONNECT_FAILURE, RETRY_ALLOWED, .is_unprocessed = true};
    int64_t pause_ms;
    WANT_INT(decide(&row, UINT32_MAX, &pause_ms), RETRY_ALLOWED);
    WANT_INT(pause_ms, 0);
}

TEST(pauses_double_up_to_the_longest_and_are_random_from_nothing)
{
    WANT_INT(retry_pause_ms(&base, 0, 0), 0);
    WANT_INT(retry_pause_ms(&base, 0, UINT32_MAX), 25);
    WANT_INT(retry_pause_ms(&base, 1, UINT32_MAX), 50);
    WANT_INT(retry_pause_ms(&base, 5, UINT32_MAX), 800);
    WANT_INT(retry_pause_ms(&base, 6, UINT32_MAX), 1000);
    WANT_INT(retry_pause_ms(&base, UINT32_MAX, UINT32_MAX), 1000);
    WANT_INT(retry_pause_ms(&base, 6, 1u << 31), 500);
}

TEST(who_is_told_to_come_back_does_so_later_and_not_with_all_others)
{
    const struct row row = {ANY_STATUS, CONF_RETRY_503, RETRY_ALLOWED, .after_ms = 2001};
    int64_t pause_ms;
    (void)decide(&row, 0, &pause_ms);
    WANT_INT(pause_ms, 2000);
    (void)decide(&row, UINT32_MAX, &pause_ms);
    WANT(pause_ms >= 2999 && pause_ms <= 3000);
}

TEST(what_is_not_written_is_the_usual)
{
    struct retry_rules rules;
    struct conf_retry conf = {.tries = 2, .body_bytes = 65536, .per_try_ms = 0};
    retry_compile(&rules, &conf, 0);
    WANT_INT(rules.on, USUAL);
    WANT((rules.methods >> METHOD_GET & 1) && (rules.methods >> METHOD_DELETE & 1));
    WANT(!(rules.methods >> METHOD_POST & 1) && !(rules.methods >> METHOD_OTHER & 1));
    WANT(!rules.limits_tries);
    retry_compile(&rules, &conf, 1000);
    WANT(rules.limits_tries);
    uint8_t on[] = {CONF_RETRY_503}, methods[] = {2};
    conf.on.at = on;
    conf.methods.at = methods;
    conf.on.count = conf.methods.count = 1;
    retry_compile(&rules, &conf, 0);
    WANT_INT(rules.on, BIT(503));
    WANT_INT(rules.methods, 1u << METHOD_POST);
    conf.tries = 0;
    retry_compile(&rules, &conf, 1000);
    WANT(!rules.limits_tries);
}

TEST(each_status_that_can_be_named_is_a_condition)
{
    static const uint32_t statuses[] = {404, 408, 425, 429, 500, 502, 503, 504};
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        WANT_INT(retry_on_status(statuses[i]), CONF_RETRY_404 + (int)i);
    }
    WANT_INT(retry_on_status(501), CONF_RETRY_ON_COUNT);
    WANT_INT(retry_on_status(400), CONF_RETRY_ON_COUNT);
}

TEST(every_refusal_has_its_word_in_the_log)
{
    WANT_STR(retry_refusal(RETRY_ALLOWED), STR(""));
    WANT_STR(retry_refusal(RETRY_NO_OFF), STR(""));
    WANT_STR(retry_refusal(RETRY_NO_BUDGET), STR("budget"));
    WANT_STR(retry_refusal(RETRY_NO_WAIT), STR("retry_after"));
}
