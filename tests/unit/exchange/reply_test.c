/* reply_test.c - replies of our own: problem+json that names its reason, and shorter without
 * memory. */
#define _GNU_SOURCE
#include "exchange/reply.h"

#include "exchange_kit.h"

static struct exchange_kit kit;

static struct exchange *open_exchange(void)
{
    exchange_kit_open(&kit);
    return exchange_kit_request(&kit, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
}

TEST(an_error_is_a_problem_with_code_sentence_and_request_id)
{
    struct exchange *ex = open_exchange();
    reply_error(ex, ERR_NO_ROUTE);
    WANT_INT(ex->response.status, 404);
    WANT(ex->is_own_reply);
    WANT_INT(ex->error, ERR_NO_ROUTE);
    WANT_STR(exchange_kit_show(&kit, &ex->response.fields),
             STR("Content-Type: application/problem+json|"));
    WANT_STR(ex->own_body,
             STR("{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":"
                 "\"no route matches this request\",\"code\":\"no_route\","
                 "\"request_id\":\"id-1\"}\n"));
    exchange_kit_close(&kit);
}

TEST(every_error_makes_a_whole_reply)
{
    for (int e = 1; e < ERR_COUNT; e++) {
        struct exchange *ex = open_exchange();
        reply_error(ex, (enum err)e);
        WANT(ex->response.status >= 400);
        WANT(ex->response.status <= 599);
        WANT(ex->response.status != 499);
        WANT(ex->own_body.len > 0);
        WANT(ex->own_body.at[ex->own_body.len - 1] == '\n');
        exchange_kit_close(&kit);
    }
}

TEST(waiting_is_proposed_where_it_helps)
{
    static const struct {
        enum err e;
        const char *value;
    } rows[] = {{ERR_QUEUE_FULL, "1"}, {ERR_ORIGIN_TIMEOUT, "5"}, {ERR_NO_ROUTE, NULL},
                {ERR_ORIGIN_RESET, NULL}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct exchange *ex = open_exchange();
        reply_error(ex, rows[i].e);
        const struct field *field = fields_find(&ex->response.fields, FIELD_RETRY_AFTER);
        WANT((field != NULL) == (rows[i].value != NULL));
        if (field != NULL && rows[i].value != NULL) {
            WANT_STR(field->value, str_from_c(rows[i].value));
        }
        exchange_kit_close(&kit);
    }
}

TEST(a_later_reply_replaces_an_earlier_one)
{
    struct exchange *ex = open_exchange();
    reply_start(ex, 200);
    WANT_INT(reply_field(ex, STR("X-One"), STR("1")), OK);
    WANT_INT(reply_body(ex, STR("text/plain"), STR("body")), OK);
    reply_problem(ex, 429, "slow_down", STR("say \"please\"\n"));
    WANT_STR(exchange_kit_show(&kit, &ex->response.fields),
             STR("Content-Type: application/problem+json|"));
    WANT(memmem(ex->own_body.at, ex->own_body.len, "say \\\"please\\\"\\n", 16) != NULL);
    WANT(memmem(ex->own_body.at, ex->own_body.len, "slow_down", 9) != NULL);
    exchange_kit_close(&kit);
}

TEST(a_field_that_would_end_its_line_is_refused)
{
    struct exchange *ex = open_exchange();
    reply_start(ex, 200);
    WANT_INT(reply_field(ex, STR("X-One"), STR("1\r\nX-Two: 2")), ERR_BAD_FIELD);
    WANT_STR(exchange_kit_show(&kit, &ex->response.fields), STR(""));
    exchange_kit_close(&kit);
}

TEST(without_memory_the_status_still_stands)
{
    for (uint32_t after = 0; after < 4; after++) {
        struct exchange *ex = open_exchange();
        /* What is left of the object, so that the next byte has to come from a slab. */
        while (arena_alloc(&ex->arena, 8) != NULL && kit.core.blocks.used_count == 0) {
        }
        arena_shrink(&ex->arena, ex->arena.at, 0, 0);
        ex->arena.at = ex->arena.end;
        kit.core.blocks.fail_after = after;
        reply_error(ex, ERR_QUEUE_FULL);
        WANT_INT(ex->response.status, 503);
        WANT(ex->own_body.len == 0 || ex->own_body.at[0] == '{');
        exchange_kit_close(&kit);
    }
}
