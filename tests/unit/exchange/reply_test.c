/* reply_test.c - replies of our own: what they say, and that they are said without memory too. */
#include "exchange/reply.h"

#include "exchange_kit.h"

static struct exchange_kit kit;

static struct exchange *request(void)
{
    return exchange_kit_request(&kit, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
}

TEST(every_error_for_clients_has_a_problem_that_names_it)
{
    exchange_kit_open(&kit);
    for (int e = 1; e < ERR_COUNT; e++) {
        uint16_t status = err_status((enum err)e);
        if (status < 400 || status == 499) {
            continue;
        }
        struct exchange *ex = request();
        char code[128];
        struct strbuf wanted = strbuf_over(code, sizeof code);
        strbuf_add_fmt(&wanted, "\"code\":\"%s\"", err_code((enum err)e));
        reply_error(ex, (enum err)e);
        WANT_INT(ex->response.status, status);
        WANT_INT(ex->error, e);
        WANT(ex->is_own_reply);
        WANT(str_find_str(ex->own_body, strbuf_str(&wanted)) < ex->own_body.len);
        WANT(str_find_str(ex->own_body, STR("\"request_id\":\"id-1\"")) < ex->own_body.len);
        WANT(fields_find(&ex->response.fields, FIELD_CONTENT_TYPE) != NULL);
        bool helps_to_wait = status == 503 || status == 504;
        WANT((fields_find(&ex->response.fields, FIELD_RETRY_AFTER) != NULL) == helps_to_wait);
    }
    exchange_kit_close(&kit);
}

TEST(without_memory_the_status_still_goes_out)
{
    exchange_kit_open(&kit);
    struct exchange *ex = request();
    ex->arena.limit_bytes = 0;
    while (arena_alloc(&ex->arena, 64) != NULL) {
    }
    while (arena_alloc(&ex->arena, 8) != NULL) {
    }
    reply_error(ex, ERR_QUEUE_FULL);
    WANT_INT(ex->response.status, 503);
    WANT_INT(ex->own_body.len, 0);
    exchange_kit_close(&kit);
}

TEST(what_a_policy_says_is_escaped)
{
    exchange_kit_open(&kit);
    struct exchange *ex = request();
    reply_problem(ex, 403, "not_yours", STR("say \"please\"\r\n"));
    WANT_INT(ex->response.status, 403);
    WANT(str_find_str(ex->own_body, STR("say \\\"please\\\"\\r\\n")) < ex->own_body.len);
    WANT_INT(reply_field(ex, STR("X-A"), STR("a\r\nb")), ERR_BAD_FIELD);
    exchange_kit_close(&kit);
}
