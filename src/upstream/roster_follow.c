/* roster_follow.c - clusters whose instances are listed by a source of discovery; see roster.h.
 * A source is known by what was configured: a reload that says the same keeps it, with its list and
 * what it waits for. One that is new takes effect with the reload that brings it, and the instances
 * before it serve until its first list has come. */
#include "base/check.h"
#include "base/log.h"
#include "upstream/roster_inner.h"

static void on_list(struct discover *source)
{
    struct roster_cluster *state = source->owner;
    /* Between the stage and its use no turn of the loop ends. */
    CHECK(source == state->source);
    if (roster_relist(state, &source->list) != OK) {
        log_line(LOG_ERROR, "upstream", "no memory for the instances of %.*s",
                 STR_FMT(state->cluster->service->name));
    }
    if (state->roster->updates != NULL) {
        state->roster->on_change(state->roster);
    }
}

enum err roster_follow(struct roster_cluster *state, const struct conf_discover *conf)
{
    struct roster *roster = state->roster;
    if (conf == NULL || conf->kind == CONF_DISCOVER_NONE) {
        return OK;
    }
    if (state->source != NULL && discover_is_same(state->source, conf)) {
        state->stage.source = state->source;
        return OK;
    }
    const struct discover_env env = {roster->loop, roster->resolver, roster->fetcher};
    state->stage.source = discover_open(&env, conf, on_list, state);
    return state->stage.source == NULL ? ERR_MEMORY : OK;
}
