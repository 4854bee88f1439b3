#include "kit.h"

static const struct conf_retry *retry_of(const char *defaults, const char *service,
                                         const char *route)
{
    char text[600];
    snprintf(text, sizeof text,
             "%s\nservices: { s: { targets: a:1%s%s } }\nroutes: { r: { match: /r, to: s%s%s } }\n",
             defaults, service[0] == '\0' ? "" : ", retry: ", service,
             route[0] == '\0' ? "" : ", retry: ", route);
    const struct config *config = kit_load(text);
    return config == NULL ? NULL : kit_route(config, "r")->effective.retry;
}

TEST(without_a_word_there_are_two_retries_and_a_budget)
{
    const struct conf_retry *retry = retry_of("", "", "");
    WANT_INT(retry->tries, 2);
    WANT_INT(retry->budget.percent, 20);
    WANT_INT(retry->budget_floor, 3);
    WANT_INT(retry->on.count, 0);
    WANT_INT(retry->backoff.base_ms, 25);
    WANT_INT(retry->backoff.max_ms, 1000);
    WANT_INT(retry->retry_after_ms, 5000);
    WANT_INT(retry->body_bytes, 65536);
    WANT_INT(retry->per_try_ms, 0);
    WANT(retry->takes_idempotency_key);
}

TEST(the_nearest_place_says_all_of_it)
{
    WANT_INT(retry_of("defaults: { retry: 5 }", "", "")->tries, 5);
    WANT_INT(retry_of("defaults: { retry: 5 }", "1", "")->tries, 1);
    WANT_INT(retry_of("defaults: { retry: 5 }", "1", "off")->tries, 0);
    const struct conf_retry *retry = retry_of("", "{ budget: off, tries: 7 }", "{ per_try: 2s }");
    WANT_INT(retry->tries, 2);
    WANT_INT(retry->budget.percent, 20);
    WANT_INT(retry->per_try_ms, 2000);
}

TEST(the_long_form_says_each_thing)
{
    const struct conf_retry *retry = retry_of(
        "", "",
        "{ on: [connect-failure, 503], tries: 3, budget: 5%, budget_floor: 0, per_try: 2s, "
        "backoff: 10ms..2s, retry_after: 1m, body: 4KiB, methods: [GET, POST], "
        "idempotency_key: false }");
    WANT_INT(retry->on.count, 2);
    WANT_INT(retry->on.at[0], CONF_RETRY_CONNECT_FAILURE);
    WANT_INT(retry->on.at[1], CONF_RETRY_503);
    WANT_INT(retry->tries, 3);
    WANT_INT(retry->budget.percent, 5);
    WANT_INT(retry->budget_floor, 0);
    WANT_INT(retry->backoff.base_ms, 10);
    WANT_INT(retry->backoff.max_ms, 2000);
    WANT_INT(retry->retry_after_ms, 60000);
    WANT_INT(retry->body_bytes, 4096);
    WANT_STR(str_from_c(conf_method_names[retry->methods.at[1]]), STR("POST"));
    WANT(!retry->takes_idempotency_key);
    WANT_INT(retry_of("", "", "{ on: 503, backoff: 1s }")->backoff.max_ms, 1000);
    WANT_INT(retry_of("", "", "{ budget: off }")->budget.percent, -1);
}

TEST(what_makes_no_sense_is_refused_with_the_way_out)
{
    static const struct {
        const char *text, *code;
    } rows[] = {{"11", "E0104"},
                {"-1", "E0104"},
                {"{ on: [] }", "E0114"},
                {"{ on: 501 }", "E0109"},
                {"{ on: resets }", "E0109"},
                {"{ methods: LOCK }", "E0109"},
                {"{ budget: 20 }", "E0117"},
                {"{ budget: 101% }", "E0117"},
                {"{ budget: -1% }", "E0117"},
                {"{ budget: '%' }", "E0117"},
                {"{ backoff: 1s..25ms }", "E0117"},
                {"{ backoff: 25ms.1s }", "E0117"},
                {"{ backoff: 25ms.. }", "E0117"},
                {"{ backoff: 1s..2m }", "E0117"},
                {"{ backoff: fast }", "E0117"},
                {"{ body: 129KiB }", "E0104"},
                {"{ retry_after: 1h }", "E0104"},
                {"{ per_try: 0s }", "E0104"},
                {"{ tries: two }", "E0103"},
                {"yes", "E0103"}};
    WANT_INT(LIMIT_VALUE(retry_body_bytes), 128 * 1024);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        WANT(retry_of("", "", rows[i].text) == NULL);
        WANT(kit_said_only(rows[i].code));
    }
}

TEST(the_written_form_reads_back_to_the_same)
{
    static const char text[] =
        "defaults: { retry: off }\nservices: { s: { targets: a:1, retry: { on: [stale, 503], "
        "budget: off, backoff: 1ms..1s, methods: [GET, PATCH] } } }\nroutes: { /r: s }\n";
    struct config *config = kit_load(text);
    WANT(config != NULL);
    uint64_t hash = config_hash(config);
    char again[4096];
    snprintf(again, sizeof again, "%.*s", STR_FMT(kit_yaml(config)));
    config = kit_load(again);
    WANT(config != NULL);
    WANT(config != NULL && config_hash(config) == hash);
}
