/* redis.c - a Redis or Valkey server: PING, or ROLE when a role is asked for, and how long ago a
 * replica heard of its primary. A server that wants a password which the check does not have is
 * alive. */
#include "upstream/health/resp.h"
#include "upstream/health/talk.h"

enum step { STEP_AUTH, STEP_PING, STEP_ROLE, STEP_LAG };

struct state {
    uint8_t step; /* enum step: what was asked */
};

static void say(struct strbuf *out, const struct str *words, uint32_t count)
{
    strbuf_add_fmt(out, "*%u\r\n", count);
    for (uint32_t i = 0; i < count; i++) {
        strbuf_add_fmt(out, "$%zu\r\n", words[i].len);
        strbuf_add(out, words[i]);
        strbuf_add(out, STR("\r\n"));
    }
}

static enum health_verdict ask(struct health_talk *talk, enum step step)
{
    const struct str role[] = {STR("ROLE")}, ping[] = {STR("PING")};
    const struct str info[] = {STR("INFO"), STR("replication")};
    struct state *state = talk->state;
    state->step = (uint8_t)step;
    if (step == STEP_LAG) {
        say(&talk->out, info, 2);
    } else {
        say(&talk->out, step == STEP_ROLE ? role : ping, 1);
    }
    return HEALTH_MORE;
}

static enum step first_question(const struct health_talk *talk)
{
    return talk->plan->conf.redis.role == CONF_ROLE_ANY ? STEP_PING : STEP_ROLE;
}

static enum err open_redis(struct health_talk *talk)
{
    const struct conf_health_redis *conf = &talk->plan->conf.redis;
    const struct str words[] = {STR("AUTH"), conf->user, conf->password};
    const struct str short_words[] = {STR("AUTH"), conf->password};
    struct state *state = talk->state;
    state->step = STEP_AUTH;
    if (conf->password.len == 0) {
        (void)ask(talk, first_question(talk));
    } else if (conf->user.len > 0) {
        say(&talk->out, words, 3);
    } else {
        say(&talk->out, short_words, 2);
    }
    return OK;
}

static enum health_verdict judge_role(struct health_talk *talk, const struct resp *reply)
{
    const struct conf_health_redis *conf = &talk->plan->conf.redis;
    struct str role = reply->values[0];
    bool is_primary = str_eq(role, STR("master")), is_replica = str_eq(role, STR("slave"));
    if (!is_primary && !is_replica) {
        return health_fail(talk, "its role is \"%.*s\"", STR_FMT(str_sub(role, 0, 40)));
    }
    if (is_primary != (conf->role == CONF_ROLE_PRIMARY)) {
        return health_fail(talk, "it is a %s, wanted a %s", is_primary ? "primary" : "replica",
                           is_primary ? "replica" : "primary");
    }
    if (is_primary) {
        return HEALTH_PASS;
    }
    if (!str_eq(reply->values[3], STR("connected"))) {
        return health_fail(talk, "its link to the primary is \"%.*s\"",
                           STR_FMT(str_sub(reply->values[3], 0, 40)));
    }
    return conf->lag_ms > 0 ? ask(talk, STEP_LAG) : HEALTH_PASS;
}

/* The value of "key:value" in a text of lines; empty when it is not there. */
static struct str info_value(struct str text, struct str key)
{
    while (text.len > 0) {
        struct str_pair line = str_cut(text, '\n');
        struct str_pair cut = str_cut(line.head, ':');
        if (str_eq(cut.head, key)) {
            size_t end = str_find(cut.tail, '\r');
            return str_sub(cut.tail, 0, end);
        }
        text = line.tail;
    }
    return (struct str){0};
}

static enum health_verdict judge_lag(struct health_talk *talk, const struct resp *reply)
{
    int64_t lag_ms = talk->plan->conf.redis.lag_ms;
    uint64_t behind_sec;
    struct str link = info_value(reply->values[0], STR("master_link_status"));
    if (!str_eq(link, STR("up"))) {
        return health_fail(talk, "its link to the primary is \"%.*s\"",
                           STR_FMT(str_sub(link, 0, 40)));
    }
    struct str value = info_value(reply->values[0], STR("master_last_io_seconds_ago"));
    if (!str_to_u64(value, &behind_sec) || behind_sec > INT32_MAX) {
        return health_fail(talk, "it does not say how far it is behind");
    }
    if ((int64_t)behind_sec * 1000 > lag_ms) {
        return health_fail(talk, "%llus behind, %llds allowed", (unsigned long long)behind_sec,
                           (long long)(lag_ms / 1000));
    }
    return HEALTH_PASS;
}

static enum health_verdict judge_error(struct health_talk *talk, struct str error)
{
    const struct state *state = talk->state;
    bool wants_password = str_starts(error, STR("NOAUTH")) && state->step == STEP_PING;
    return wants_password ? HEALTH_PASS
                          : health_fail(talk, "it says %.*s", STR_FMT(str_sub(error, 0, 100)));
}

static enum health_verdict take_reply(struct health_talk *talk, const struct resp *reply)
{
    const struct state *state = talk->state;
    if (reply->is_error) {
        return judge_error(talk, reply->values[0]);
    }
    switch ((enum step)state->step) {
    case STEP_AUTH: return ask(talk, first_question(talk));
    case STEP_PING:
        return str_eq(reply->values[0], STR("PONG")) ? HEALTH_PASS
                                                     : health_fail(talk, "no PONG came back");
    case STEP_ROLE: return judge_role(talk, reply);
    case STEP_LAG: return judge_lag(talk, reply);
    }
    return HEALTH_FAIL;
}

static enum health_verdict take_redis(struct health_talk *talk)
{
    for (;;) {
        struct resp reply;
        enum err e = resp_read(talk->in, &reply);
        if (e == ERR_AGAIN) {
            return health_more(talk);
        }
        if (e != OK || reply.count == 0) {
            return health_fail(talk, "this is no answer of Redis");
        }
        health_took(talk, reply.bytes);
        enum health_verdict verdict = take_reply(talk, &reply);
        if (verdict != HEALTH_MORE) {
            return verdict;
        }
    }
}

const struct health_protocol health_redis = {
    .name = "redis", .state_bytes = sizeof(struct state), .open = open_redis, .take = take_redis};
