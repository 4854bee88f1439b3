/* mysql.c - a MySQL or MariaDB server (protocol 10): a greeting says that it is alive; with a user
 * it must let that one in, and with a role it is asked whether it only reads, and how far it is
 * behind. Passwords by mysql_native_password, and by caching_sha2_password when the server has the
 * user in its cache; the other way of that one needs TLS, which this check does not do. */
#include "upstream/health/sql_auth.h"
#include "upstream/health/talk.h"
#include "upstream/health/wire.h"

enum step { STEP_GREETING, STEP_LOGIN, STEP_COLUMN_COUNT, STEP_COLUMNS, STEP_ROWS };
enum question { ASK_READ_ONLY, ASK_LAG_OLD, ASK_LAG_NEW };
enum {
    HEAD_BYTES = 4,
    SALT_BYTES = 20,
    CAN_LONG_PASSWORD = 1,
    CAN_CONNECT_WITH_DB = 8,
    CAN_PROTOCOL_41 = 0x200,
    CAN_SECURE = 0x8000,
    CAN_PLUGIN_AUTH = 0x80000,
    UTF8 = 33,
    COM_QUIT = 1,
    COM_QUERY = 3,
    IS_OK = 0,
    IS_MORE_AUTH = 1,
    IS_SWITCH = 0xfe,
    IS_END = 0xfe,
    IS_ERROR = 0xff,
    IS_NULL = 0xfb,
    COLUMNS_MAX = 200
};

struct state {
    uint8_t step, question; /* enum step, enum question */
    uint8_t sequence;       /* of the packet that is answered */
    uint32_t column_count, column;
    uint32_t wanted; /* the column that holds the answer, from 1; 0: not seen */
    bool is_read_only;
};

static void say(struct health_talk *talk, uint8_t sequence, struct str body)
{
    wire_add_little(&talk->out, body.len, 3);
    strbuf_add_char(&talk->out, (char)sequence);
    strbuf_add(&talk->out, body);
}

static enum health_verdict pass(struct health_talk *talk)
{
    const char quit = COM_QUIT;
    say(talk, 0, str_of(&quit, 1));
    return HEALTH_PASS;
}

static enum health_verdict ask(struct health_talk *talk, enum question question)
{
    static const char *const texts[] = {[ASK_READ_ONLY] = "SELECT @@global.read_only",
                                        [ASK_LAG_OLD] = "SHOW SLAVE STATUS",
                                        [ASK_LAG_NEW] = "SHOW REPLICA STATUS"};
    struct state *state = talk->state;
    char text[64];
    struct strbuf body = strbuf_over(text, sizeof text);
    strbuf_add_char(&body, COM_QUERY);
    strbuf_add_c(&body, texts[question]);
    state->question = (uint8_t)question;
    state->step = STEP_COLUMN_COUNT;
    state->column = state->wanted = 0;
    say(talk, 0, strbuf_str(&body));
    return HEALTH_MORE;
}

static enum err open_mysql(struct health_talk *talk)
{
    (void)talk; /* the server speaks first */
    return OK;
}

static enum health_verdict take_error(struct health_talk *talk, struct wire *wire)
{
    struct state *state = talk->state;
    uint64_t code = wire_little(wire, 2);
    struct str message = wire->rest;
    if (str_starts(message, STR("#"))) {
        message = str_skip(message, 6);
    }
    if (wire->is_short) {
        return health_fail(talk, "malformed error");
    }
    enum { PARSE_ERROR = 1064 }; /* the old words are gone in MySQL 8.4 */
    if (state->step == STEP_COLUMN_COUNT && state->question == ASK_LAG_OLD &&
        code == PARSE_ERROR) {
        return ask(talk, ASK_LAG_NEW);
    }
    return health_fail(talk, "%llu: %.*s", (unsigned long long)code,
                       STR_FMT(str_sub(message, 0, 120)));
}

/* The proof for a plugin; false: not one that checks do. */
static bool prove(const struct conf_health_sql *conf, struct str plugin, struct str salt,
                  struct strbuf *out)
{
    if (conf->password.len == 0) {
        return true;
    }
    salt = str_sub(salt, 0, SALT_BYTES);
    if (str_eq(plugin, STR("mysql_native_password"))) {
        return sql_auth_mysql_native(out, conf->password, salt) == OK;
    }
    return str_eq(plugin, STR("caching_sha2_password")) &&
           sql_auth_mysql_sha2(out, conf->password, salt) == OK;
}

/* HandshakeResponse41. */
static enum health_verdict log_in(struct health_talk *talk, struct str plugin, struct str salt)
{
    const struct conf_health_sql *conf = &talk->plan->conf.mysql;
    struct state *state = talk->state;
    uint32_t can = CAN_LONG_PASSWORD | CAN_PROTOCOL_41 | CAN_SECURE | CAN_PLUGIN_AUTH;
    char text[1024], proof_text[64];
    struct strbuf body = strbuf_over(text, sizeof text);
    struct strbuf proof = strbuf_over(proof_text, sizeof proof_text);
    if (!prove(conf, plugin, salt, &proof)) {
        plugin = STR("mysql_native_password"); /* the server may switch to one that we have */
        if (!prove(conf, plugin, salt, &proof)) {
            return health_fail(talk, "libcrypto does not do what its password needs");
        }
    }
    can |= conf->database.len > 0 ? CAN_CONNECT_WITH_DB : 0;
    wire_add_little(&body, can, 4);
    wire_add_little(&body, 1 << 24, 4);
    strbuf_add_char(&body, UTF8);
    for (int i = 0; i < 23; i++) {
        strbuf_add_char(&body, '\0');
    }
    wire_add_text(&body, conf->user);
    strbuf_add_char(&body, (char)proof.len);
    strbuf_add(&body, strbuf_str(&proof));
    if (conf->database.len > 0) {
        wire_add_text(&body, conf->database);
    }
    wire_add_text(&body, plugin);
    say(talk, (uint8_t)(state->sequence + 1), strbuf_str(&body));
    state->step = STEP_LOGIN;
    return HEALTH_MORE;
}

static enum health_verdict take_greeting(struct health_talk *talk, struct wire *wire)
{
    char salt_text[SALT_BYTES + 1];
    struct strbuf salt = strbuf_over(salt_text, sizeof salt_text);
    uint64_t version = wire_big(wire, 1);
    if (version == IS_ERROR) {
        return take_error(talk, wire);
    }
    (void)wire_text(wire);     /* the version in words */
    (void)wire_bytes(wire, 4); /* the number of the connection */
    strbuf_add(&salt, wire_bytes(wire, 8));
    (void)wire_bytes(wire, 1 + 2 + 1 + 2 + 2); /* filler, capabilities, character set, status */
    uint64_t salt_bytes = wire_big(wire, 1);
    (void)wire_bytes(wire, 10);
    if (version != 10 || wire->is_short) {
        return health_fail(talk, "this is no greeting of MySQL");
    }
    if (talk->plan->conf.mysql.user.len == 0) {
        return HEALTH_PASS;
    }
    struct str rest = wire_bytes(wire, salt_bytes > 21 ? salt_bytes - 8 : 13);
    strbuf_add(&salt, str_sub(rest, 0, SALT_BYTES - 8));
    struct str plugin = wire->rest.len > 0 ? wire_text(wire) : STR("mysql_native_password");
    if (salt.len != SALT_BYTES) {
        return health_fail(talk, "this is no greeting of MySQL");
    }
    return log_in(talk, plugin, strbuf_str(&salt));
}

static enum health_verdict take_switch(struct health_talk *talk, struct wire *wire)
{
    const struct conf_health_sql *conf = &talk->plan->conf.mysql;
    const struct state *state = talk->state;
    char text[64];
    struct strbuf proof = strbuf_over(text, sizeof text);
    struct str plugin = wire_text(wire);
    if (wire->is_short || wire->rest.len < SALT_BYTES ||
        !prove(conf, plugin, wire->rest, &proof)) {
        return health_fail(talk, "it wants %.*s, which checks do not do",
                           STR_FMT(str_sub(plugin, 0, 60)));
    }
    say(talk, (uint8_t)(state->sequence + 1), strbuf_str(&proof));
    return HEALTH_MORE;
}

static enum health_verdict take_login(struct health_talk *talk, struct wire *wire)
{
    enum { FAST_IS_OK = 3 };
    switch (wire_big(wire, 1)) {
    case IS_OK:
        return talk->plan->conf.mysql.role == CONF_ROLE_ANY ? pass(talk)
                                                            : ask(talk, ASK_READ_ONLY);
    case IS_ERROR: return take_error(talk, wire);
    case IS_SWITCH: return take_switch(talk, wire);
    case IS_MORE_AUTH:
        return wire_big(wire, 1) == FAST_IS_OK
                   ? HEALTH_MORE
                   : health_fail(talk, "caching_sha2_password wants TLS: log in once by other "
                                       "means, or use mysql_native_password");
    default: return health_fail(talk, "malformed answer to the log-in");
    }
}

/* A string with its length before it; NULL and what is malformed are empty. */
static struct str take_string(struct wire *wire)
{
    uint64_t first = wire_big(wire, 1);
    if (first == IS_NULL) {
        return (struct str){0};
    }
    size_t more = first == 0xfc ? 2 : first == 0xfd ? 3 : first == 0xfe ? 8 : 0;
    uint64_t bytes = more > 0 ? wire_little(wire, more) : first;
    return wire_bytes(wire, bytes > SIZE_MAX ? SIZE_MAX : (size_t)bytes);
}

static enum health_verdict take_column_count(struct health_talk *talk, struct wire *wire)
{
    struct state *state = talk->state;
    uint64_t count = wire_big(wire, 1);
    if (count == IS_ERROR) {
        return take_error(talk, wire);
    }
    if (count == 0 || count > COLUMNS_MAX || wire->rest.len > 0) {
        return health_fail(talk, "malformed answer to a question");
    }
    state->column_count = (uint32_t)count;
    state->step = STEP_COLUMNS;
    return HEALTH_MORE;
}

static bool is_end(const struct wire *wire)
{
    return wire->rest.len > 0 && wire->rest.len < 9 && (unsigned char)wire->rest.at[0] == IS_END;
}

static enum health_verdict take_column(struct health_talk *talk, struct wire *wire)
{
    struct state *state = talk->state;
    struct str name = STR("");
    if (state->column == state->column_count) {
        state->step = STEP_ROWS;
        return is_end(wire) ? HEALTH_MORE : health_fail(talk, "malformed answer to a question");
    }
    for (int i = 0; i < 5; i++) { /* catalog, schema, table, table's own name, name */
        name = take_string(wire);
    }
    if (wire->is_short) {
        return health_fail(talk, "malformed answer to a question");
    }
    state->column++;
    bool is_lag = str_eq_nocase(name, STR("Seconds_Behind_Master")) ||
                  str_eq_nocase(name, STR("Seconds_Behind_Source"));
    if (state->question == ASK_READ_ONLY ? state->column == 1 : is_lag) {
        state->wanted = state->column;
    }
    return HEALTH_MORE;
}

static enum health_verdict judge_role(struct health_talk *talk, struct str value)
{
    const struct conf_health_sql *conf = &talk->plan->conf.mysql;
    struct state *state = talk->state;
    bool is_off = str_eq(value, STR("0")) || str_eq_nocase(value, STR("OFF"));
    state->is_read_only = !is_off;
    if (state->is_read_only != (conf->role == CONF_ROLE_REPLICA)) {
        return health_fail(talk, "it is a %s, wanted a %s",
                           state->is_read_only ? "replica" : "primary",
                           state->is_read_only ? "primary" : "replica");
    }
    return HEALTH_MORE;
}

static enum health_verdict judge_lag(struct health_talk *talk, struct str value)
{
    int64_t lag_ms = talk->plan->conf.mysql.lag_ms;
    uint64_t behind_sec;
    if (!str_to_u64(value, &behind_sec) || behind_sec > INT32_MAX) {
        return health_fail(talk, "its replication does not run");
    }
    if ((int64_t)behind_sec * 1000 > lag_ms) {
        return health_fail(talk, "%llus behind, %llds allowed", (unsigned long long)behind_sec,
                           (long long)(lag_ms / 1000));
    }
    return pass(talk);
}

/* The first row holds the answer; what follows until the end of the rows is taken in silence. */
static enum health_verdict take_row(struct health_talk *talk, struct wire *wire)
{
    struct state *state = talk->state;
    struct str value = STR("");
    bool is_question = state->question == ASK_READ_ONLY;
    if (is_end(wire)) {
        if (!is_question) {
            return health_fail(talk, "it replicates from nobody");
        }
        bool wants_lag = talk->plan->conf.mysql.lag_ms > 0;
        return wants_lag ? ask(talk, ASK_LAG_OLD) : pass(talk);
    }
    for (uint32_t i = 0; i < state->wanted; i++) {
        value = take_string(wire);
    }
    if (wire->is_short || state->wanted == 0) {
        return health_fail(talk, "malformed answer to a question");
    }
    return is_question ? judge_role(talk, value) : judge_lag(talk, value);
}

static enum health_verdict take_packet(struct health_talk *talk, struct str body)
{
    const struct state *state = talk->state;
    struct wire wire = {.rest = body};
    if (body.len == 0) {
        return health_fail(talk, "malformed packet");
    }
    switch ((enum step)state->step) {
    case STEP_GREETING: return take_greeting(talk, &wire);
    case STEP_LOGIN: return take_login(talk, &wire);
    case STEP_COLUMN_COUNT: return take_column_count(talk, &wire);
    case STEP_COLUMNS: return take_column(talk, &wire);
    case STEP_ROWS: return take_row(talk, &wire);
    }
    return HEALTH_FAIL;
}

static enum health_verdict take_mysql(struct health_talk *talk)
{
    struct state *state = talk->state;
    for (;;) {
        struct wire wire = {.rest = talk->in};
        uint64_t bytes = wire_little(&wire, 3);
        state->sequence = (uint8_t)wire_big(&wire, 1);
        struct str body = wire_bytes(&wire, bytes);
        if (wire.is_short) {
            return health_more(talk);
        }
        health_took(talk, HEAD_BYTES + body.len);
        enum health_verdict verdict = take_packet(talk, body);
        if (verdict != HEALTH_MORE) {
            return verdict;
        }
    }
}

const struct health_protocol health_mysql = {
    .name = "mysql", .state_bytes = sizeof(struct state), .open = open_mysql, .take = take_mysql};
