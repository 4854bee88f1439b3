#include "proxy/fallback.h"

#include "proxy/life.h"
#include "test.h"

TEST(without_a_plan_or_a_fallback_nothing_is_taken_over)
{
    struct exchange ex = {.state = EX_PICKING};
    struct plan plan = {0};
    WANT(!fallback_take(&ex, ERR_BREAKER_OPEN));
    ex.plan = &plan;
    WANT(!fallback_take(&ex, ERR_BREAKER_OPEN));
    WANT_INT(ex.fallback_why, OK);
}

TEST(what_is_not_the_fault_of_the_service_or_has_gone_out_already_is_not_taken_over)
{
    const struct plan other = {.action = PLAN_RESPOND};
    const struct plan plan = {.fallback = &other};
    struct exchange ex = {.state = EX_PICKING, .plan = &plan};
    static const enum err others[] = {ERR_CLIENT_GONE, ERR_ORIGIN_TIMEOUT, ERR_MEMORY,
                                      ERR_BODY_BYTES,  ERR_ORIGIN_RESET,   ERR_EXCHANGE_TIMEOUT};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        WANT(!fallback_take(&ex, others[i]));
    }
    ex.is_body_unbuffered = true;
    WANT(!fallback_take(&ex, ERR_NO_ENDPOINT));
    ex.is_body_unbuffered = false;
    ex.state = EX_SENDING;
    WANT(!fallback_take(&ex, ERR_NO_ENDPOINT));
    WANT(ex.plan == &plan);
}
