/* retry_rules.c - whether an attempt that failed may be followed by another one; see
 * retry_rules.h. */
#include "proxy/retry_rules.h"

#include "http/message.h"

enum { DOUBLINGS_MAX = 16 };

struct str retry_refusal(uint8_t verdict)
{
    switch ((enum retry_verdict)verdict) {
    case RETRY_ALLOWED:
    case RETRY_REPEAT: break;
#define RETRY(name, word)                                                                          \
    case RETRY_NO_##name: return STR(word);
        RETRY_REFUSALS
#undef RETRY
    }
    return (struct str){0};
}

enum conf_retry_on retry_on_status(uint32_t status)
{
    switch (status) {
    case 404: return CONF_RETRY_404;
    case 408: return CONF_RETRY_408;
    case 425: return CONF_RETRY_425;
    case 429: return CONF_RETRY_429;
    case 500: return CONF_RETRY_500;
    case 502: return CONF_RETRY_502;
    case 503: return CONF_RETRY_503;
    case 504: return CONF_RETRY_504;
    default: return CONF_RETRY_ON_COUNT;
    }
}

int64_t retry_pause_ms(const struct retry_rules *rules, uint32_t count, uint32_t random)
{
    uint32_t doublings = count < DOUBLINGS_MAX ? count : DOUBLINGS_MAX;
    int64_t most_ms = rules->base_ms << doublings;
    most_ms = most_ms < rules->max_ms ? most_ms : rules->max_ms;
    return (int64_t)(((uint64_t)most_ms + 1) * random >> 32);
}

bool retry_may_send_twice(const struct retry_rules *rules, uint8_t method,
                          bool has_idempotency_key)
{
    return (rules->methods >> method & 1) != 0 ||
           (has_idempotency_key && rules->takes_idempotency_key);
}

/* How long to wait. Nothing is waited for when the instance has not seen the request and another
 * one takes it. */
static enum retry_verdict pause_for(const struct retry_rules *rules, const struct retry_case *c,
                                    uint32_t random, int64_t *pause_ms)
{
    *pause_ms = c->is_unprocessed ? 0 : retry_pause_ms(rules, c->retry_count, random);
    if (c->retry_after_ms >= 0) {
        if (c->retry_after_ms > rules->retry_after_ms_max) {
            return RETRY_NO_WAIT;
        }
        /* Spread over half of it again, or all who were told the same come back together. */
        int64_t spread_ms = (int64_t)((uint64_t)c->retry_after_ms / 2 * random >> 32);
        int64_t after_ms = c->retry_after_ms + spread_ms;
        *pause_ms = after_ms > *pause_ms ? after_ms : *pause_ms;
    }
    bool is_bounded = c->deadline_ms != INT64_MAX;
    return is_bounded && c->now_ms + *pause_ms >= c->deadline_ms ? RETRY_NO_TIME : RETRY_ALLOWED;
}

enum retry_verdict retry_decide(const struct retry_rules *rules, const struct retry_case *c,
                                uint32_t random, int64_t *pause_ms)
{
    bool is_repeatable =
        c->what == CONF_RETRY_STALE && !c->was_repeated && (rules->on >> CONF_RETRY_STALE & 1) != 0;
    enum conf_retry_on what =
        c->what == CONF_RETRY_STALE && !is_repeatable ? CONF_RETRY_RESET : c->what;
    *pause_ms = 0;
    if (rules->tries_max == 0 || (rules->on >> what & 1) == 0) {
        return RETRY_NO_OFF;
    }
    if (c->is_late) {
        return RETRY_NO_LATE;
    }
    if (!c->is_unprocessed &&
        !retry_may_send_twice(rules, c->method, c->has_idempotency_key)) {
        return RETRY_NO_METHOD;
    }
    if (!c->can_send_again) {
        return RETRY_NO_BODY;
    }
    if (is_repeatable) {
        return RETRY_REPEAT;
    }
    return c->retry_count >= rules->tries_max ? RETRY_NO_TRIES
                                              : pause_for(rules, c, random, pause_ms);
}

void retry_compile(struct retry_rules *rules, const struct conf_retry *conf, int64_t total_ms)
{
    *rules = (struct retry_rules){
        .tries_max = (uint8_t)conf->tries,
        .takes_idempotency_key = conf->takes_idempotency_key,
        .limits_tries = conf->tries > 0 && (conf->per_try_ms > 0 || total_ms > 0),
        .per_try_ms = conf->per_try_ms,
        .base_ms = conf->backoff.base_ms,
        .max_ms = conf->backoff.max_ms,
        .retry_after_ms_max = conf->retry_after_ms,
        .body_bytes_max = (uint32_t)conf->body_bytes,
        .budget = {.percent = conf->budget.percent, .floor_each = conf->budget_floor}};
    for (uint32_t i = 0; i < conf->on.count; i++) {
        rules->on |= 1u << conf->on.at[i];
    }
    if (conf->on.count == 0) {
        rules->on = 1u << CONF_RETRY_CONNECT_FAILURE | 1u << CONF_RETRY_STALE |
                    1u << CONF_RETRY_RESET | 1u << CONF_RETRY_TIMEOUT;
    }
    for (uint32_t i = 0; i < conf->methods.count; i++) {
        rules->methods |= 1u << method_of(str_from_c(conf_method_names[conf->methods.at[i]]));
    }
    for (uint32_t i = METHOD_OTHER + 1; conf->methods.count == 0 && i < METHOD_COUNT; i++) {
        rules->methods |= (uint32_t)method_is_idempotent((enum method)i) << i;
    }
}
