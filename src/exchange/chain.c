/* chain.c - runs the policies of a route: requests forward, responses backward.
 * The only place that calls the hooks, so that what may wait, what may reply and what is called
 * when an exchange ends early is decided once. See policy.h. */
#include "exchange/policy.h"

#include "base/check.h"

enum err chain_bind(struct exchange *ex, const struct chain *chain)
{
    ex->chain = chain;
    ex->chain_at = 0;
    if (chain == NULL || chain->state_bytes == 0) {
        return OK;
    }
    ex->policy_state = arena_zalloc(&ex->arena, chain->state_bytes);
    if (ex->policy_state == NULL) {
        /* No hook may run without its state, not even on the error reply. */
        ex->chain = NULL;
        return ERR_MEMORY;
    }
    return OK;
}

static void *step_state(const struct exchange *ex, const struct chain_step *step)
{
    return step->type->state_bytes == 0 ? NULL : (char *)ex->policy_state + step->state_at;
}

enum verdict chain_run_request(struct exchange *ex)
{
    const struct chain *chain = ex->chain;
    while (chain != NULL && ex->chain_at < chain->count) {
        const struct chain_step *step = &chain->steps[ex->chain_at++];
        if (step->type->on_request == NULL) {
            continue;
        }
        enum verdict verdict = step->type->on_request(ex, step->compiled, step_state(ex, step));
        ex->is_waiting = verdict == VERDICT_WAIT;
        if (verdict != VERDICT_NEXT) {
            return verdict;
        }
    }
    return VERDICT_NEXT;
}

enum err chain_run_response(struct exchange *ex)
{
    const struct chain *chain = ex->chain;
    for (uint32_t i = chain == NULL ? 0 : chain->count; i > 0; i--) {
        const struct chain_step *step = &chain->steps[i - 1];
        if (step->type->on_response == NULL) {
            continue;
        }
        enum err e = step->type->on_response(ex, step->compiled, step_state(ex, step));
        if (e != OK && !ex->is_own_reply) {
            return e;
        }
    }
    return OK;
}

void chain_run_end(struct exchange *ex)
{
    const struct chain *chain = ex->chain;
    for (uint32_t i = chain == NULL ? 0 : chain->count; i > 0; i--) {
        const struct chain_step *step = &chain->steps[i - 1];
        if (step->type->on_end != NULL) {
            step->type->on_end(ex, step->compiled, step_state(ex, step));
        }
    }
}

void exchange_resume(struct exchange *ex)
{
    CHECK(ex->is_waiting);
    ex->is_waiting = false;
    /* Its time may be over and the answer on its way: then there is nothing to go on with. */
    if (ex->state == EX_REQUEST_POLICIES) {
        ex->core->conductor->on_resume(ex);
    }
}
