/* postgres.c - a PostgreSQL server (protocol 3.0): a startup message, and any answer but "not now"
 * says that it is alive. With a password the log-in must succeed; with a role it is asked whether
 * it is in recovery, and how old the last change is that it has replayed. */
#include "upstream/health/sql_auth.h"
#include "upstream/health/talk.h"
#include "upstream/health/wire.h"

enum { PROTOCOL_3_0 = 196608, HEAD_BYTES = 5 };
enum auth { AUTH_OK = 0, AUTH_CLEAR = 3, AUTH_MD5 = 5, AUTH_SASL = 10, AUTH_SASL_GO_ON = 11,
            AUTH_SASL_END = 12 };

/* A replica that has replayed all it was sent is not behind, however long ago the last change was,
 * as long as somebody sends. */
static const char role_query[] =
    "SELECT pg_catalog.pg_is_in_recovery(),"
    " CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN 0"
    " WHEN pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn()"
    " AND EXISTS (SELECT 1 FROM pg_catalog.pg_stat_wal_receiver) THEN 0"
    " ELSE COALESCE((EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()"
    " - pg_catalog.pg_last_xact_replay_timestamp()) * 1000)::bigint, -1) END";

struct state {
    struct scram scram;
    bool has_asked, has_row, has_proof;
};

static void say(struct strbuf *out, char type, struct str body)
{
    strbuf_add_char(out, type);
    wire_add_big(out, body.len + 4, 4);
    strbuf_add(out, body);
}

static bool wants_login(const struct conf_health_sql *conf)
{
    return conf->password.len > 0 || conf->role != CONF_ROLE_ANY;
}

static enum err open_postgres(struct health_talk *talk)
{
    const struct conf_health_sql *conf = &talk->plan->conf.postgres;
    char text[1024];
    struct strbuf body = strbuf_over(text, sizeof text);
    wire_add_big(&body, PROTOCOL_3_0, 4);
    wire_add_text(&body, STR("user"));
    wire_add_text(&body, conf->user.len > 0 ? conf->user : STR("sluice"));
    if (conf->database.len > 0) {
        wire_add_text(&body, STR("database"));
        wire_add_text(&body, conf->database);
    }
    wire_add_text(&body, STR("application_name"));
    wire_add_text(&body, STR("sluice-health"));
    strbuf_add_char(&body, '\0');
    if (strbuf_overflowed(&body)) {
        return ERR_MEMORY;
    }
    wire_add_big(&talk->out, body.len + 4, 4);
    strbuf_add(&talk->out, strbuf_str(&body));
    return OK;
}

/* Says good-bye, so that the server does not log a client that vanished. */
static enum health_verdict pass(struct health_talk *talk)
{
    say(&talk->out, 'X', STR(""));
    return HEALTH_PASS;
}

static enum health_verdict say_password(struct health_talk *talk, struct str proof)
{
    char text[512];
    struct strbuf body = strbuf_over(text, sizeof text);
    wire_add_text(&body, proof);
    say(&talk->out, 'p', strbuf_str(&body));
    return HEALTH_MORE;
}

static enum health_verdict start_scram(struct health_talk *talk, struct wire *wire)
{
    struct state *state = talk->state;
    char text[256], first_text[128];
    struct strbuf body = strbuf_over(text, sizeof text);
    struct strbuf first = strbuf_over(first_text, sizeof first_text);
    bool is_offered = false;
    while (wire->rest.len > 1 && !wire->is_short) {
        is_offered |= str_eq(wire_text(wire), STR("SCRAM-SHA-256"));
    }
    if (!is_offered || scram_first(&state->scram, &first) != OK) {
        return health_fail(talk, "it offers no SCRAM-SHA-256");
    }
    wire_add_text(&body, STR("SCRAM-SHA-256"));
    wire_add_big(&body, first.len, 4);
    strbuf_add(&body, strbuf_str(&first));
    say(&talk->out, 'p', strbuf_str(&body));
    return HEALTH_MORE;
}

static enum health_verdict go_on_scram(struct health_talk *talk, struct str challenge)
{
    const struct conf_health_sql *conf = &talk->plan->conf.postgres;
    struct state *state = talk->state;
    char text[1024];
    struct strbuf body = strbuf_over(text, sizeof text);
    enum err e = state->scram.nonce[0] == '\0'
                     ? ERR_SYNTAX
                     : scram_answer(&state->scram, conf->password, challenge, &body);
    if (e != OK || strbuf_overflowed(&body)) {
        return health_fail(talk, "SCRAM: %s",
                           e == ERR_LIMIT ? "it asks for too many rounds" : "malformed challenge");
    }
    say(&talk->out, 'p', strbuf_str(&body));
    return HEALTH_MORE;
}

static enum health_verdict take_md5(struct health_talk *talk, struct wire *wire)
{
    const struct conf_health_sql *conf = &talk->plan->conf.postgres;
    char text[64];
    struct strbuf proof = strbuf_over(text, sizeof text);
    if (sql_auth_md5(&proof, conf->user, conf->password, wire_bytes(wire, 4)) != OK) {
        return health_fail(talk, "it wants MD5, which this machine does not do");
    }
    return say_password(talk, strbuf_str(&proof));
}

/* PostgreSQL 55.7, Authentication*. */
static enum health_verdict take_auth(struct health_talk *talk, struct wire *wire)
{
    const struct conf_health_sql *conf = &talk->plan->conf.postgres;
    struct state *state = talk->state;
    uint64_t kind = wire_big(wire, 4);
    if (wire->is_short) {
        return health_fail(talk, "malformed message");
    }
    if (!wants_login(conf)) {
        return pass(talk);
    }
    switch (kind) {
    case AUTH_OK: return HEALTH_MORE;
    case AUTH_CLEAR: return say_password(talk, conf->password);
    case AUTH_MD5: return take_md5(talk, wire);
    case AUTH_SASL: return start_scram(talk, wire);
    case AUTH_SASL_GO_ON: return go_on_scram(talk, wire->rest);
    case AUTH_SASL_END:
        state->has_proof = scram_is_proved(&state->scram, wire->rest);
        return state->has_proof ? HEALTH_MORE
                                : health_fail(talk, "it does not know the password itself");
    default:
        return health_fail(talk, "it wants authentication %llu, which checks do not do",
                           (unsigned long long)kind);
    }
}

/* SQLSTATE 57P: shutting down or starting up; 53: out of something. Others are answers of a server
 * that lives: it does not know the user, or wants another password. */
static enum health_verdict take_error(struct health_talk *talk, struct wire *wire)
{
    const struct conf_health_sql *conf = &talk->plan->conf.postgres;
    struct str code = STR(""), message = STR("");
    while (wire->rest.len > 1 && !wire->is_short) {
        char field = (char)wire_big(wire, 1);
        struct str text = wire_text(wire);
        code = field == 'C' ? text : code;
        message = field == 'M' ? text : message;
    }
    if (wire->is_short || code.len != 5) {
        return health_fail(talk, "malformed error");
    }
    bool is_away = str_starts(code, STR("57P")) || str_starts(code, STR("53"));
    if (!wants_login(conf) && !is_away) {
        return pass(talk);
    }
    return health_fail(talk, "%.*s: %.*s", STR_FMT(code), STR_FMT(str_sub(message, 0, 120)));
}

static enum health_verdict judge_row(struct health_talk *talk, bool is_replica, struct str lag)
{
    const struct conf_health_sql *conf = &talk->plan->conf.postgres;
    uint64_t behind_ms;
    if (is_replica != (conf->role == CONF_ROLE_REPLICA)) {
        return health_fail(talk, "it is a %s, wanted a %s", is_replica ? "replica" : "primary",
                           is_replica ? "primary" : "replica");
    }
    if (conf->lag_ms == 0) {
        return pass(talk);
    }
    if (!str_to_u64(lag, &behind_ms)) {
        return health_fail(talk, "it does not say how far it is behind");
    }
    if (behind_ms > (uint64_t)conf->lag_ms) {
        return health_fail(talk, "%llums behind, %lldms allowed", (unsigned long long)behind_ms,
                           (long long)conf->lag_ms);
    }
    return pass(talk);
}

static enum health_verdict take_row(struct health_talk *talk, struct wire *wire)
{
    uint64_t columns = wire_big(wire, 2);
    struct str recovery = wire_bytes(wire, wire_big(wire, 4));
    struct str lag = wire_bytes(wire, wire_big(wire, 4));
    const struct state *state = talk->state;
    bool is_boolean = str_eq(recovery, STR("t")) || str_eq(recovery, STR("f"));
    if (!state->has_asked || columns != 2 || wire->is_short || !is_boolean) {
        return health_fail(talk, "malformed row");
    }
    return judge_row(talk, recovery.at[0] == 't', lag);
}

static enum health_verdict take_ready(struct health_talk *talk)
{
    const struct conf_health_sql *conf = &talk->plan->conf.postgres;
    struct state *state = talk->state;
    if (state->scram.nonce[0] != '\0' && !state->has_proof) {
        return health_fail(talk, "it skipped the proof of its own password");
    }
    if (conf->role == CONF_ROLE_ANY) {
        return pass(talk);
    }
    if (state->has_asked) {
        return health_fail(talk, "it did not answer what its role is");
    }
    state->has_asked = true;
    say(&talk->out, 'Q', str_of(role_query, sizeof role_query)); /* with its NUL */
    return HEALTH_MORE;
}

static enum health_verdict take_message(struct health_talk *talk, char type, struct str body)
{
    struct wire wire = {.rest = body};
    switch (type) {
    case 'R': return take_auth(talk, &wire);
    case 'E': return take_error(talk, &wire);
    case 'Z': return take_ready(talk);
    case 'D': return take_row(talk, &wire);
    case 'S': /* a parameter, a key, a notice, the columns of the row: of no interest */
    case 'K':
    case 'N':
    case 'T':
    case 'C': return HEALTH_MORE;
    default: return health_fail(talk, "this is no answer of PostgreSQL");
    }
}

static enum health_verdict take_postgres(struct health_talk *talk)
{
    for (;;) {
        struct wire wire = {.rest = talk->in};
        char type = (char)wire_big(&wire, 1);
        uint64_t bytes = wire_big(&wire, 4);
        if (talk->in.len > 0 && memchr("REZDSKNTC", type, 9) == NULL) {
            return health_fail(talk, "this is no answer of PostgreSQL");
        }
        if (wire.is_short) {
            return health_more(talk);
        }
        if (bytes < 4 || bytes > INT32_MAX) {
            return health_fail(talk, "malformed message");
        }
        struct str body = wire_bytes(&wire, bytes - 4);
        if (wire.is_short) {
            return health_more(talk);
        }
        health_took(talk, HEAD_BYTES + body.len);
        enum health_verdict verdict = take_message(talk, type, body);
        if (verdict != HEALTH_MORE) {
            return verdict;
        }
    }
}

const struct health_protocol health_postgres = {.name = "postgres",
                                                .state_bytes = sizeof(struct state),
                                                .open = open_postgres,
                                                .take = take_postgres};
