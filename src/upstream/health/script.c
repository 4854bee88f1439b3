/* script.c - what an operator wrote down: send this, expect that, step by step. What comes before
 * the expected bytes is skipped. */
#include "upstream/health/talk.h"

struct state {
    uint32_t at; /* the step that is next */
};

static struct str bytes_of(struct str text, struct str hex)
{
    return text.len > 0 ? text : hex;
}

/* Says what is to be said before something is expected again. */
static void send_steps(struct health_talk *talk)
{
    const struct conf_health *conf = &talk->plan->conf;
    struct state *state = talk->state;
    while (state->at < conf->script.count) {
        const struct conf_health_step *step = &conf->script.at[state->at];
        struct str bytes = bytes_of(step->send, step->send_hex);
        if (bytes.len == 0) {
            return;
        }
        strbuf_add(&talk->out, bytes);
        state->at++;
    }
}

static enum err open_script(struct health_talk *talk)
{
    send_steps(talk);
    return OK;
}

static enum health_verdict take_script(struct health_talk *talk)
{
    const struct conf_health *conf = &talk->plan->conf;
    struct state *state = talk->state;
    while (state->at < conf->script.count) {
        const struct conf_health_step *step = &conf->script.at[state->at];
        struct str wanted = bytes_of(step->expect, step->expect_hex);
        size_t found = str_find_str(talk->in, wanted);
        if (found == talk->in.len) {
            return talk->has_ended ? health_fail(talk, "closed before step %u", state->at + 1)
                                   : HEALTH_MORE;
        }
        health_took(talk, found + wanted.len);
        state->at++;
        send_steps(talk);
    }
    return HEALTH_PASS;
}

const struct health_protocol health_script = {.name = "script",
                                              .state_bytes = sizeof(struct state),
                                              .open = open_script,
                                              .take = take_script};
