#include "exchange/tries.h"

#include "exchange_kit.h"

static struct exchange_kit kit;

#define REQUEST STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n")

TEST(the_record_begins_with_the_first_attempt_that_is_told)
{
    char name[] = "10.0.0.1:80";
    exchange_kit_open(&kit);
    struct exchange *ex = exchange_kit_request(&kit, REQUEST);
    WANT(ex->tries == NULL);
    tries_add(ex, &(struct tried){.instance = str_from_c(name), .us = 12, .reason = ERR_ORIGIN_RESET});
    name[0] = 'x'; /* the instance is gone */
    tries_add(ex, &(struct tried){.instance = STR("10.0.0.2:80"), .us = 7, .status = 200});
    WANT_INT(ex->tries->count, 2);
    WANT_STR(ex->tries->at[0].instance, STR("10.0.0.1:80"));
    WANT_INT(ex->tries->at[0].reason, ERR_ORIGIN_RESET);
    WANT_INT(ex->tries->at[1].status, 200);
    exchange_kit_close(&kit);
}

TEST(more_attempts_than_there_is_room_for_are_counted)
{
    exchange_kit_open(&kit);
    struct exchange *ex = exchange_kit_request(&kit, REQUEST);
    for (int i = 0; i < LIMIT_VALUE(tries_recorded) + 3; i++) {
        tries_add(ex, &(struct tried){.instance = STR("a:1"), .us = i});
    }
    WANT_INT(ex->tries->count, LIMIT_VALUE(tries_recorded));
    WANT_INT(ex->tries->left_out, 3);
    WANT_INT(ex->tries->at[0].us, 0);
    exchange_kit_close(&kit);
}

TEST(without_memory_nothing_is_recorded_and_nothing_else_happens)
{
    exchange_kit_open(&kit);
    struct exchange *ex = exchange_kit_request(&kit, REQUEST);
    ex->arena.end = ex->arena.at;
    ex->arena.limit_bytes = ex->arena.used_bytes;
    tries_add(ex, &(struct tried){.instance = STR("a:1")});
    WANT(ex->tries == NULL);
    exchange_kit_close(&kit);
}
