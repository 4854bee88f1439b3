/* chain_test.c - policies run in order, wait, reply, see every response in reverse, and end once. */
#include "exchange/policy.h"

#include "exchange/reply.h"
#include "exchange_kit.h"

static struct exchange_kit kit;
static char order[64];
static size_t order_len;
static enum verdict next_verdict;
static enum err response_e;
static unsigned resumed;

static void note(const void *compiled)
{
    order[order_len++] = *(const char *)compiled;
}

static enum verdict on_request(struct exchange *ex, const void *compiled, void *state)
{
    (void)ex;
    note(compiled);
    ++*(uint64_t *)state;
    return *(const char *)compiled == 'b' ? next_verdict : VERDICT_NEXT;
}

static enum err on_response(struct exchange *ex, const void *compiled, void *state)
{
    (void)ex;
    (void)state;
    note(compiled);
    return *(const char *)compiled == 'b' ? response_e : OK;
}

static void on_end(struct exchange *ex, const void *compiled, void *state)
{
    (void)ex;
    note(compiled);
    WANT(*(uint64_t *)state <= 1);
}

static void on_resume(struct exchange *ex)
{
    (void)ex;
    resumed++;
}

static const struct policy_type noted = {.name = "noted",
                                         .state_bytes = 8,
                                         .on_request = on_request,
                                         .on_response = on_response,
                                         .on_end = on_end};
static const struct chain_step steps[] = {{.type = &noted, .compiled = "a", .state_at = 0},
                                          {.type = &noted, .compiled = "b", .state_at = 8},
                                          {.type = &noted, .compiled = "c", .state_at = 16}};
static const struct chain chain = {steps, COUNT_OF(steps), 24};
static const struct conductor conductor = {.on_resume = on_resume};

static struct exchange *start(enum verdict verdict)
{
    exchange_kit_open(&kit);
    kit.core.conductor = &conductor;
    struct exchange *ex = exchange_kit_request(&kit, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    order_len = 0;
    next_verdict = verdict;
    response_e = OK;
    WANT_INT(chain_bind(ex, &chain), OK);
    return ex;
}

TEST(requests_go_forward_and_responses_backward)
{
    struct exchange *ex = start(VERDICT_NEXT);
    WANT_INT(chain_run_request(ex), VERDICT_NEXT);
    WANT_INT(chain_run_response(ex), OK);
    chain_run_end(ex);
    WANT_STR(str_of(order, order_len), STR("abccbacba"));
    exchange_kit_close(&kit);
}

TEST(a_reply_ends_the_way_and_a_wait_goes_on_behind_itself)
{
    struct exchange *ex = start(VERDICT_REPLIED);
    WANT_INT(chain_run_request(ex), VERDICT_REPLIED);
    WANT_STR(str_of(order, order_len), STR("ab"));
    exchange_kit_close(&kit);
    ex = start(VERDICT_WAIT);
    resumed = 0;
    exchange_move(ex, EX_ROUTING);
    exchange_move(ex, EX_REQUEST_POLICIES);
    WANT_INT(chain_run_request(ex), VERDICT_WAIT);
    WANT(ex->is_waiting);
    exchange_resume(ex);
    WANT_INT(resumed, 1);
    WANT(!ex->is_waiting);
    WANT_INT(chain_run_request(ex), VERDICT_NEXT);
    WANT_STR(str_of(order, order_len), STR("abc"));
    exchange_kit_close(&kit);
}

TEST(a_policy_can_give_up_an_origins_answer_but_not_ours)
{
    struct exchange *ex = start(VERDICT_NEXT);
    exchange_kit_response(&kit, STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    response_e = ERR_POLICY;
    WANT_INT(chain_run_response(ex), ERR_POLICY);
    reply_error(ex, ERR_POLICY);
    WANT_INT(chain_run_response(ex), OK);
    exchange_kit_close(&kit);
}

TEST(no_chain_and_no_memory_are_both_fine)
{
    struct exchange *ex = start(VERDICT_NEXT);
    WANT_INT(chain_bind(ex, NULL), OK);
    WANT_INT(chain_run_request(ex), VERDICT_NEXT);
    WANT_INT(chain_run_response(ex), OK);
    chain_run_end(ex);
    ex->arena.limit_bytes = 0;
    while (arena_alloc(&ex->arena, 8) != NULL) {
    }
    WANT_INT(chain_bind(ex, &chain), ERR_MEMORY);
    chain_run_end(ex);
    WANT_INT(order_len, 0);
    exchange_kit_close(&kit);
}
