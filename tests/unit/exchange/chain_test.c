/* chain_test.c - policies of a route: forward for the request, backward for the response, each with
 * its own state, waiting and replying, and told the end. */
#include "exchange_kit.h"

#include "exchange/policy.h"
#include "exchange/reply.h"

static struct exchange_kit kit;
static char ran[64];
static size_t ran_len;
static unsigned resumed;

/* What a policy of this test does, and its letter. */
struct conf {
    char letter;
    enum verdict verdict;
    enum err response_e;
};

static enum verdict on_request(struct exchange *ex, const void *compiled, void *state)
{
    const struct conf *conf = compiled;
    uint64_t *own = state;
    (void)ex;
    WANT_INT(*own, 0);
    *own = (uint64_t)conf->letter;
    ran[ran_len++] = conf->letter;
    return conf->verdict;
}

static enum err on_response(struct exchange *ex, const void *compiled, void *state)
{
    const struct conf *conf = compiled;
    const uint64_t *own = state;
    (void)ex;
    WANT(*own == 0 || *own == (uint64_t)conf->letter);
    ran[ran_len++] = (char)(conf->letter - 'a' + 'A');
    return conf->response_e;
}

static void on_end(struct exchange *ex, const void *compiled, void *state)
{
    const struct conf *conf = compiled;
    (void)ex;
    (void)state;
    ran[ran_len++] = (char)(conf->letter - 'a' + '1');
}

static const struct policy_type whole = {.name = "whole",
                                         .state_bytes = sizeof(uint64_t),
                                         .on_request = on_request,
                                         .on_response = on_response,
                                         .on_end = on_end};
static const struct policy_type bare = {.name = "bare"};

static void on_resume(struct exchange *ex)
{
    (void)ex;
    resumed++;
}
static const struct conductor conductor = {.on_resume = on_resume};

static struct exchange *open_exchange(struct chain_step *steps, struct conf *confs, uint32_t count,
                                      struct chain *chain)
{
    exchange_kit_open(&kit);
    kit.core.conductor = &conductor;
    ran_len = 0;
    for (uint32_t i = 0; i < count; i++) {
        steps[i] = (struct chain_step){.type = &whole, .compiled = &confs[i], .state_at = i * 8};
    }
    *chain = (struct chain){.steps = steps, .count = count, .state_bytes = count * 8};
    struct exchange *ex = exchange_kit_request(&kit, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    WANT_INT(chain_bind(ex, chain), OK);
    return ex;
}

static struct str all_that_ran(void)
{
    return str_of(ran, ran_len);
}

TEST(requests_run_forward_and_responses_backward)
{
    struct chain_step steps[3];
    struct conf confs[3] = {{.letter = 'a'}, {.letter = 'b'}, {.letter = 'c'}};
    struct chain chain;
    struct exchange *ex = open_exchange(steps, confs, 3, &chain);
    WANT_INT(chain_run_request(ex), VERDICT_NEXT);
    WANT_INT(chain_run_response(ex), OK);
    chain_run_end(ex);
    WANT_STR(all_that_ran(), STR("abcCBA321"));
    exchange_kit_close(&kit);
}

TEST(a_reply_stops_the_request_and_every_policy_sees_the_response)
{
    struct chain_step steps[3];
    struct conf confs[3] = {
        {.letter = 'a'}, {.letter = 'b', .verdict = VERDICT_REPLIED}, {.letter = 'c'}};
    struct chain chain;
    struct exchange *ex = open_exchange(steps, confs, 3, &chain);
    WANT_INT(chain_run_request(ex), VERDICT_REPLIED);
    reply_start(ex, 403);
    WANT_INT(chain_run_response(ex), OK);
    WANT_STR(all_that_ran(), STR("abCBA"));
    exchange_kit_close(&kit);
}

TEST(an_error_ends_the_response_of_an_origin_and_not_our_own)
{
    struct chain_step steps[2];
    struct conf confs[2] = {{.letter = 'a'}, {.letter = 'b', .response_e = ERR_POLICY}};
    struct chain chain;
    struct exchange *ex = open_exchange(steps, confs, 2, &chain);
    WANT_INT(chain_run_response(ex), ERR_POLICY);
    WANT_STR(all_that_ran(), STR("B"));
    reply_error(ex, ERR_POLICY);
    WANT_INT(chain_run_response(ex), OK);
    WANT_STR(all_that_ran(), STR("BBA"));
    exchange_kit_close(&kit);
}

TEST(who_waits_goes_on_behind_itself_once_and_not_after_an_answer)
{
    struct chain_step steps[2];
    struct conf confs[2] = {{.letter = 'a', .verdict = VERDICT_WAIT}, {.letter = 'b'}};
    struct chain chain;
    struct exchange *ex = open_exchange(steps, confs, 2, &chain);
    resumed = 0;
    exchange_move(ex, EX_ROUTING);
    exchange_move(ex, EX_REQUEST_POLICIES);
    WANT_INT(chain_run_request(ex), VERDICT_WAIT);
    WANT(ex->is_waiting);
    exchange_resume(ex);
    WANT_INT(resumed, 1);
    WANT(!ex->is_waiting);
    WANT_INT(chain_run_request(ex), VERDICT_NEXT);
    WANT_STR(all_that_ran(), STR("ab"));
    ex->is_waiting = true;
    exchange_move(ex, EX_REPLYING); /* its time was over */
    exchange_resume(ex);
    WANT_INT(resumed, 1);
    exchange_kit_close(&kit);
}

TEST(hooks_and_chains_that_are_not_there_are_passed_over)
{
    struct chain_step steps[1];
    struct conf confs[1] = {{.letter = 'a'}};
    struct chain chain;
    struct exchange *ex = open_exchange(steps, confs, 1, &chain);
    steps[0].type = &bare;
    WANT_INT(chain_run_request(ex), VERDICT_NEXT);
    WANT_INT(chain_run_response(ex), OK);
    chain_run_end(ex);
    WANT_INT(chain_bind(ex, NULL), OK);
    WANT_INT(chain_run_request(ex), VERDICT_NEXT);
    WANT_INT(ran_len, 0);
    exchange_kit_close(&kit);
}

TEST(without_memory_for_its_state_no_hook_runs)
{
    struct chain_step steps[1];
    struct conf confs[1] = {{.letter = 'a'}};
    struct chain chain;
    struct exchange *ex = open_exchange(steps, confs, 1, &chain);
    chain.state_bytes = BLOCK_BYTES / 2;
    kit.core.blocks.fail_after = 0;
    WANT_INT(chain_bind(ex, &chain), ERR_MEMORY);
    WANT_INT(chain_run_response(ex), OK);
    chain_run_end(ex);
    WANT_INT(ran_len, 0);
    exchange_kit_close(&kit);
}
