/* table_health.c - the keys of a health check; see conf_health.h. What they do stands in
 * upstream/health/. */
#include "config/grammar_health.h"
#include "config/internals.h"

static const char *const role_names[] = {"any", "primary", "replica", NULL};
static const char *const initial_names[] = {"up", "down", NULL};
static const char *const unimplemented_names[] = {"fail", "pass", NULL};

static const struct conf_field http_fields[] = {
    {.name = "method",
     .type = CONF_STRING,
     CONF_IS(struct conf_health_http, method),
     .preset = "GET",
     .max = 32,
     .flags = CONF_TOKEN,
     .summary = "The method of the request."},
    {.name = "path",
     .type = CONF_CUSTOM,
     .grammar = &conf_health_path_grammar,
     CONF_IS(struct conf_health_http, path),
     .preset = "/",
     .summary = "Its path, with a query if there is one."},
    {.name = "host",
     .type = CONF_STRING,
     CONF_IS(struct conf_health_http, host),
     .flags = CONF_FIELD_VALUE,
     .max = 255,
     .summary = "The Host that is sent; left out: the target as it is written."},
    {.name = "send_headers",
     .type = CONF_PAIRS,
     CONF_IS(struct conf_health_http, send_headers),
     .flags = CONF_TOKEN | CONF_FIELD_VALUE,
     .summary = "Header fields that are sent too."},
    {.name = "status",
     .type = CONF_CUSTOM,
     .grammar = &conf_statuses_grammar,
     CONF_IS(struct conf_health_http, status),
     .preset = "200-299",
     .summary = "Statuses that pass."},
    {.name = "header",
     .type = CONF_PAIRS,
     CONF_IS(struct conf_health_http, header),
     .flags = CONF_TOKEN | CONF_FIELD_VALUE,
     .summary = "Header fields that the response must have, with their values."},
    {.name = "body",
     .type = CONF_STRING,
     CONF_IS(struct conf_health_http, body),
     .max = 1024,
     .summary = "Text that the body must contain, within what is read of it."},
    {.name = "drain_on",
     .type = CONF_CUSTOM,
     .grammar = &conf_statuses_grammar,
     CONF_IS(struct conf_health_http, drain_on),
     .summary = "Statuses, such as 404, with which an instance asks to be drained: it stays up, "
                "and gets no new exchanges."},
};
static const struct conf_table http_table = {
    .name = "http check",
    .summary = "A request, and what its response must be.",
    .fields = http_fields,
    .field_count = COUNT_OF(http_fields),
    .bytes = sizeof(struct conf_health_http),
    .pos_at = CONF_AT(struct conf_health_http, pos),
    .shorthand = &conf_health_http_grammar};

static const struct conf_field grpc_fields[] = {
    {.name = "service",
     .type = CONF_STRING,
     CONF_IS(struct conf_health_grpc, service),
     .max = 256,
     .summary = "The service that is asked for; left out: the server as a whole."},
    {.name = "host",
     .type = CONF_STRING,
     CONF_IS(struct conf_health_grpc, host),
     .flags = CONF_FIELD_VALUE,
     .max = 255,
     .summary = "The :authority that is sent; left out: the target as it is written."},
    {.name = "unimplemented",
     .type = CONF_ENUM,
     CONF_IS(struct conf_health_grpc, unimplemented),
     .preset = "fail",
     .names = unimplemented_names,
     .summary = "What a server that does not offer the health service counts as."},
};
static const struct conf_table grpc_table = {
    .name = "grpc check",
    .summary = "grpc.health.v1.Health/Check over HTTP/2 with prior knowledge.",
    .fields = grpc_fields,
    .field_count = COUNT_OF(grpc_fields),
    .bytes = sizeof(struct conf_health_grpc),
    .pos_at = CONF_AT(struct conf_health_grpc, pos)};

#define ROLE(owner)                                                                                \
    {                                                                                              \
        .name = "role", .type = CONF_ENUM, CONF_IS(owner, role), .preset = "any",                  \
        .names = role_names, .summary = "The role that an instance must have to be used."          \
    }
#define LAG(owner)                                                                                 \
    {                                                                                              \
        .name = "lag", .type = CONF_DURATION, CONF_IS(owner, lag_ms), .preset = "0s",              \
        .max = CONF_HEALTH_INTERVAL_MS_MAX,                                                        \
        .summary = "How far a replica may be behind; 0s: as far as it likes."                      \
    }
#define TEXT(owner, key, member, flag, sentence)                                                   \
    {                                                                                              \
        .name = key, .type = CONF_STRING, CONF_IS(owner, member), .max = 255, .flags = flag,       \
        .summary = sentence                                                                        \
    }

static const struct conf_field sql_fields[] = {
    TEXT(struct conf_health_sql, "user", user, 0, "Who logs in."),
    TEXT(struct conf_health_sql, "password", password, CONF_SECRET, "Its password, if it has one."),
    TEXT(struct conf_health_sql, "database", database, 0, "The database; left out: the user's."),
    ROLE(struct conf_health_sql),
    LAG(struct conf_health_sql),
};
#define SQL_TABLE(noun, sentence)                                                                  \
    {                                                                                              \
        .name = noun, .summary = sentence, .fields = sql_fields,                                   \
        .field_count = COUNT_OF(sql_fields), .bytes = sizeof(struct conf_health_sql),              \
        .pos_at = CONF_AT(struct conf_health_sql, pos)                                             \
    }
static const struct conf_table postgres_table =
    SQL_TABLE("postgres check", "A PostgreSQL server: alive, or of a role and near enough.");
static const struct conf_table mysql_table =
    SQL_TABLE("mysql check", "A MySQL or MariaDB server: alive, or of a role and near enough.");

static const struct conf_field redis_fields[] = {
    TEXT(struct conf_health_redis, "user", user, 0, "Who logs in; left out: the default user."),
    TEXT(struct conf_health_redis, "password", password, CONF_SECRET,
         "Its password, if it has one."),
    ROLE(struct conf_health_redis),
    LAG(struct conf_health_redis),
};
static const struct conf_table redis_table = {
    .name = "redis check",
    .summary = "A Redis or Valkey server: alive, or of a role and near enough.",
    .fields = redis_fields,
    .field_count = COUNT_OF(redis_fields),
    .bytes = sizeof(struct conf_health_redis),
    .pos_at = CONF_AT(struct conf_health_redis, pos)};

static const struct conf_field step_fields[] = {
    {.name = "send",
     .type = CONF_STRING,
     CONF_IS(struct conf_health_step, send),
     .group = 1,
     .flags = CONF_NOT_EMPTY,
     .max = 4096,
     .summary = "Text to send; line ends and others as in \"PING\\r\\n\"."},
    {.name = "send_hex",
     .type = CONF_CUSTOM,
     .grammar = &conf_hex_grammar,
     CONF_IS(struct conf_health_step, send_hex),
     .group = 1,
     .summary = "Bytes to send."},
    {.name = "expect",
     .type = CONF_STRING,
     CONF_IS(struct conf_health_step, expect),
     .group = 1,
     .flags = CONF_NOT_EMPTY,
     .max = 4096,
     .summary = "Text that must come; what comes before it is skipped."},
    {.name = "expect_hex",
     .type = CONF_CUSTOM,
     .grammar = &conf_hex_grammar,
     CONF_IS(struct conf_health_step, expect_hex),
     .group = 1,
     .summary = "Bytes that must come."},
};

static bool check_step(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_health_step *step = place;
    return step->send.len + step->expect.len + step->send_hex.len + step->expect_hex.len > 0 ||
           conf_refuse(reader, node, DIAG_E0108, "send or expect is missing");
}

static const struct conf_table step_table = {.name = "script step",
                                             .summary = "One step of a scripted check.",
                                             .fields = step_fields,
                                             .field_count = COUNT_OF(step_fields),
                                             .bytes = sizeof(struct conf_health_step),
                                             .check = check_step};

static const struct conf_field tls_fields[] = {
    {.name = "verify",
     .type = CONF_BOOL,
     CONF_IS(struct conf_health_tls, is_verified),
     .preset = "false",
     .summary = "Whether its certificate must be right for the name."},
    TEXT(struct conf_health_tls, "name", name, 0,
         "The name that is asked for and verified; left out: the target's."),
    {.name = "ca",
     .type = CONF_STRING,
     CONF_IS(struct conf_health_tls, ca),
     .max = 4096,
     .summary = "A file of certificates to trust; left out: those of the system."},
};
static const struct conf_table tls_table = {.name = "tls check",
                                            .summary = "TLS beneath the check.",
                                            .fields = tls_fields,
                                            .field_count = COUNT_OF(tls_fields),
                                            .bytes = sizeof(struct conf_health_tls),
                                            .pos_at = CONF_AT(struct conf_health_tls, pos)};

#define KIND(key, member, its_table, sentence)                                                     \
    {                                                                                              \
        .name = key, .type = CONF_STRUCT, .table = its_table,                                      \
        CONF_IS(struct conf_health, member), .group = 1, .flags = CONF_OPTIONAL,                   \
        .summary = sentence                                                                        \
    }
#define TIME(key, member, standard, sentence)                                                      \
    {                                                                                              \
        .name = key, .type = CONF_DURATION, CONF_IS(struct conf_health, member),                   \
        .preset = standard, .min = CONF_HEALTH_INTERVAL_MS_MIN,                                    \
        .max = CONF_HEALTH_INTERVAL_MS_MAX, .summary = sentence                                    \
    }
#define COUNT(key, member, standard, least, most, sentence)                                        \
    {                                                                                              \
        .name = key, .type = CONF_INT, CONF_IS(struct conf_health, member), .preset = standard,    \
        .min = least, .max = most, .summary = sentence                                             \
    }

static const struct conf_field health_fields[] = {
    {.name = "tcp",
     .type = CONF_BOOL,
     CONF_IS(struct conf_health, is_tcp),
     .preset = "false",
     .summary = "Whether a connection alone is enough."},
    KIND("http", http, &http_table, "A request over HTTP/1.1."),
    KIND("grpc", grpc, &grpc_table, "The health service of gRPC."),
    KIND("postgres", postgres, &postgres_table, "A PostgreSQL server."),
    KIND("mysql", mysql, &mysql_table, "A MySQL or MariaDB server."),
    KIND("redis", redis, &redis_table, "A Redis or Valkey server."),
    {.name = "script",
     .type = CONF_LIST,
     .item = CONF_STRUCT,
     .table = &step_table,
     CONF_IS(struct conf_health, script),
     .group = 1,
     .flags = CONF_NOT_EMPTY,
     .summary = "What to send and what must come back, step by step."},
    {.name = "tls",
     .type = CONF_STRUCT,
     .table = &tls_table,
     CONF_IS(struct conf_health, tls),
     .flags = CONF_OPTIONAL,
     .summary = "TLS beneath the check; alone, a handshake is enough."},
    COUNT("port", port, "0", 0, 65535, "The port that is checked; 0: that of the target."),
    TIME("interval", interval_ms, "2s", "Time from one check to the next while all is well."),
    TIME("timeout", timeout_ms, "1s", "Time for a whole check, from connecting to the verdict."),
    COUNT("rise", rise, "2", 1, 1000, "Checks in a row that must pass to bring an instance up."),
    COUNT("fall", fall, "3", 1, 1000, "Checks in a row that must fail to take it down."),
    TIME("fast_interval", fast_interval_ms, "500ms",
         "Time between checks while the verdict may be about to change."),
    TIME("down_interval", down_interval_ms, "1s",
         "Time between checks of an instance that is down; doubles with each that fails."),
    TIME("down_interval_max", down_interval_max_ms, "30s", "The most that it doubles to."),
    COUNT("jitter", jitter_percent, "10", 0, 50,
          "Per cent by which each interval is made longer or shorter at random."),
    {.name = "initial",
     .type = CONF_ENUM,
     CONF_IS(struct conf_health, initial),
     .preset = "up",
     .names = initial_names,
     .summary = "What an instance counts as until its first check has ended."},
};

/* Which kind of check was written. At most one was: they are a group. */
static enum conf_health_kind kind_of(const struct conf_health *health)
{
    const struct {
        bool is_written;
        enum conf_health_kind kind;
    } kinds[] = {{source_pos_is_set(&health->http.pos), CONF_HEALTH_HTTP},
                 {source_pos_is_set(&health->grpc.pos), CONF_HEALTH_GRPC},
                 {source_pos_is_set(&health->postgres.pos), CONF_HEALTH_POSTGRES},
                 {source_pos_is_set(&health->mysql.pos), CONF_HEALTH_MYSQL},
                 {source_pos_is_set(&health->redis.pos), CONF_HEALTH_REDIS},
                 {health->script.count > 0, CONF_HEALTH_SCRIPT},
                 {source_pos_is_set(&health->tls.pos), CONF_HEALTH_TLS},
                 {health->is_tcp, CONF_HEALTH_TCP}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (kinds[i].is_written) {
            return kinds[i].kind;
        }
    }
    return CONF_HEALTH_NONE;
}

/* A role can be asked only of a server that one may log in to. */
static bool check_sql(struct conf_reader *reader, struct node *node,
                      const struct conf_health_sql *sql, const char *name)
{
    if (sql->lag_ms > 0 && sql->role != CONF_ROLE_REPLICA) {
        conf_hint(reader, "write role: replica, or leave lag out");
        return conf_refuse(reader, node, DIAG_E0150, "%s: lag is of replicas alone", name);
    }
    bool needs_user = sql->role != CONF_ROLE_ANY || sql->password.len > 0;
    if (needs_user && sql->user.len == 0) {
        conf_hint(reader, "add user: NAME, of a user that may do nothing else");
        return conf_refuse(reader, node, DIAG_E0108, "%s: a role can be asked only by a user",
                           name);
    }
    return true;
}

static bool check_script(struct conf_reader *reader, struct node *node,
                         const struct conf_health *health)
{
    uint32_t count = health->script.count;
    if (count > CONF_HEALTH_STEPS_MAX) {
        return conf_refuse(reader, node, DIAG_E0104, "a script has at most %d steps",
                           CONF_HEALTH_STEPS_MAX);
    }
    const struct conf_health_step *last = &health->script.at[count - 1];
    if (last->expect.len + last->expect_hex.len == 0) {
        conf_hint(reader, "add a step with expect");
        return conf_refuse(reader, node, DIAG_E0150, "a script ends with what must come back");
    }
    return true;
}

static bool check_kind(struct conf_reader *reader, struct node *node,
                       const struct conf_health *health)
{
    switch ((enum conf_health_kind)health->kind) {
    case CONF_HEALTH_NONE:
        conf_hint(reader, "write http: /healthz, or tcp: true");
        return conf_refuse(reader, node, DIAG_E0108, "nothing says what to check");
    case CONF_HEALTH_POSTGRES: return check_sql(reader, node, &health->postgres, "postgres");
    case CONF_HEALTH_MYSQL: return check_sql(reader, node, &health->mysql, "mysql");
    case CONF_HEALTH_REDIS:
        if (health->redis.lag_ms > 0 && health->redis.role != CONF_ROLE_REPLICA) {
            conf_hint(reader, "write role: replica, or leave lag out");
            return conf_refuse(reader, node, DIAG_E0150, "redis: lag is of replicas alone");
        }
        return true;
    case CONF_HEALTH_SCRIPT: return check_script(reader, node, health);
    case CONF_HEALTH_TCP:
    case CONF_HEALTH_TLS:
    case CONF_HEALTH_HTTP:
    case CONF_HEALTH_GRPC:
    case CONF_HEALTH_KIND_COUNT: break;
    }
    return true;
}

static bool check_health(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_health *out = place;
    out->kind = (uint8_t)kind_of(out);
    if (out->is_tcp && out->kind != CONF_HEALTH_TCP && out->kind != CONF_HEALTH_TLS) {
        conf_hint(reader, "leave tcp out: every check makes a connection");
        return conf_refuse(reader, node, DIAG_E0113, "tcp and another check exclude each other");
    }
    if (out->down_interval_ms > out->down_interval_max_ms) {
        conf_hint(reader, "make down_interval_max longer");
        return conf_refuse(reader, node, DIAG_E0150, "down_interval is over down_interval_max");
    }
    if (out->timeout_ms > out->interval_ms) {
        diag_hint(reader->diags, "make timeout shorter or interval longer");
        diag_add(reader->diags, DIAG_W0210, node->pos,
                 "health: a check may take longer than the interval, which then stretches");
    }
    return check_kind(reader, node, out);
}

const struct conf_table conf_health_table = {
    .name = "health check",
    .summary = "How the instances of a service are checked; left out: they are not.",
    .fields = health_fields,
    .field_count = COUNT_OF(health_fields),
    .bytes = sizeof(struct conf_health),
    .pos_at = CONF_AT(struct conf_health, pos),
    .shorthand = &conf_health_grammar,
    .check = check_health};
