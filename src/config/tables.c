/* tables.c - the keys of listeners, services, levels and routes, and the root of the file.
 * One row a key; what a row cannot say is in the check of its table. Defaults that are bounds come
 * from limits.def, so that a number stands in one place. */
#include "base/limits.h"
#include "config/internals.h"

#define DAY_MS (24 * 3600 * 1000)
#define TIMEOUT(key, member, standard, sentence)                                                   \
    {                                                                                              \
        .name = key, .type = CONF_DURATION, CONF_IS(struct conf_timeout, member),                  \
        .preset = (standard), .max = DAY_MS, .summary = (sentence)                                 \
    }
#define TIMEOUT_HEAD(standard)                                                                     \
    TIMEOUT("head", head_ms, standard,                                                             \
            "Time for a request head, from its first byte; 0s: no limit.")
#define TIMEOUT_IDLE(standard)                                                                     \
    TIMEOUT("idle", idle_ms, standard, "Time that an idle client connection is kept.")
#define TIMEOUT_BODY(standard)                                                                     \
    TIMEOUT("body", body_ms, standard, "Time without progress of a body, in either direction.")
#define TIMEOUT_CONNECT(standard)                                                                  \
    TIMEOUT("connect", connect_ms, standard, "Time for a connection to an instance.")
#define TIMEOUT_RESPONSE(standard)                                                                 \
    TIMEOUT("response", response_ms, standard,                                                     \
            "Time from the last byte of the request to the head of the response.")
#define TIMEOUT_TOTAL(standard)                                                                    \
    TIMEOUT("total", total_ms, standard, "Time for a whole exchange; 0s: no limit.")

static const struct conf_field listener_timeout_fields[] = {
    TIMEOUT_HEAD("10s"), TIMEOUT_BODY("30s"), TIMEOUT_IDLE("1m")};
static const struct conf_field timeout_fields[] = {TIMEOUT_CONNECT("1s"), TIMEOUT_RESPONSE("15s"),
                                                   TIMEOUT_BODY("30s"), TIMEOUT_TOTAL("0s")};
static const struct conf_field default_timeout_fields[] = {
    TIMEOUT_HEAD("10s"),   TIMEOUT_BODY("30s"),     TIMEOUT_IDLE("1m"),
    TIMEOUT_CONNECT("1s"), TIMEOUT_RESPONSE("15s"), TIMEOUT_TOTAL("0s")};
static const struct conf_field enforced_timeout_fields[] = {
    TIMEOUT_HEAD(NULL),    TIMEOUT_BODY(NULL),     TIMEOUT_IDLE(NULL),
    TIMEOUT_CONNECT(NULL), TIMEOUT_RESPONSE(NULL), TIMEOUT_TOTAL(NULL)};

static_assert(LIMIT_VALUE_head_timeout_ms == 10000 && LIMIT_VALUE_body_timeout_ms == 30000 &&
                  LIMIT_VALUE_idle_timeout_ms == 60000 && LIMIT_VALUE_connect_timeout_ms == 1000 &&
                  LIMIT_VALUE_response_timeout_ms == 15000 && LIMIT_VALUE_total_timeout_ms == 0,
              "the presets above are those of limits.def");

static bool read_total(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_timeout *out = place;
    const struct conf_field *total = &timeout_fields[3];
    out->written = (uint64_t)1 << (total->offset / 8);
    return conf_read_field(reader, total, node, out);
}

static const struct conf_grammar total_grammar = {.form = "the time for a whole exchange",
                                                  .example = "15s",
                                                  .pattern = "^([0-9]{1,5}(h|ms|m|s)){1,4}$",
                                                  .bytes = sizeof(struct conf_timeout),
                                                  .read = read_total};

#define TIMEOUT_TABLE(noun, rows, short_form, sentence)                                            \
    {                                                                                              \
        .name = noun, .summary = sentence, .fields = rows, .field_count = COUNT_OF(rows),          \
        .bytes = sizeof(struct conf_timeout), .pos_at = CONF_AT(struct conf_timeout, pos),         \
        .written_at = CONF_AT(struct conf_timeout, written), .shorthand = short_form               \
    }

const struct conf_table conf_listener_timeout_table =
    TIMEOUT_TABLE("listener timeout", listener_timeout_fields, NULL, "How long a client may take.");
const struct conf_table conf_timeout_table = TIMEOUT_TABLE(
    "timeout", timeout_fields, &total_grammar, "How long an exchange and its parts may take.");
const struct conf_table conf_default_timeout_table =
    TIMEOUT_TABLE("default timeout", default_timeout_fields, &total_grammar,
                  "Times where nothing nearer is said.");
static const struct conf_table enforced_timeout_table =
    TIMEOUT_TABLE("enforced timeout", enforced_timeout_fields, &total_grammar,
                  "Times that nothing below may exceed.");

static const char *const request_id_names[] = {"keep", "new", "off", NULL};
static const char *const slash_names[] = {"refuse", "keep", NULL};
static const char *const underscore_names[] = {"drop", "refuse", "keep", NULL};

static const char *const send_proxy_names[] = {"off", "v1", "v2", NULL};

static const struct conf_field listener_limits_fields[] = {
    {.name = "head",
     .type = CONF_SIZE,
     CONF_IS(struct conf_listener_limits, head_bytes),
     .preset = "64KiB",
     .min = 1024,
     .max = LIMIT_VALUE(head_bytes),
     .summary = "Bytes of a request head."},
    {.name = "fields",
     .type = CONF_INT,
     CONF_IS(struct conf_listener_limits, field_count),
     .preset = "128",
     .min = 8,
     .max = 4096,
     .summary = "Header fields of a request."},
    {.name = "target",
     .type = CONF_SIZE,
     CONF_IS(struct conf_listener_limits, target_bytes),
     .preset = "8KiB",
     .min = 256,
     .max = 1 << 20,
     .summary = "Bytes of a request target."},
};
static_assert(LIMIT_VALUE_head_bytes == 64 << 10 && LIMIT_VALUE_field_count == 128 &&
                  LIMIT_VALUE_target_bytes == 8 << 10,
              "the presets above are those of limits.def");

static const struct conf_table listener_limits_table =
    CONF_TABLE("listener limits", struct conf_listener_limits, listener_limits_fields,
               "What a request may have at most.");

static const struct conf_field listener_fields[] = {
    {.name = "port",
     .type = CONF_CUSTOM,
     .grammar = &conf_port_grammar,
     CONF_IS(struct conf_listener, addr),
     .pos_at = CONF_AT(struct conf_listener, addr_pos),
     .group = 1,
     .summary = "The port, on every address of the machine."},
    {.name = "listen",
     .type = CONF_ADDR,
     CONF_IS(struct conf_listener, addr),
     .pos_at = CONF_AT(struct conf_listener, addr_pos),
     .group = 1,
     .summary = "Address and port: 127.0.0.1:8080, [::1]:8080, or :8080 for every address."},
    {.name = "trusted_proxies",
     .type = CONF_LIST,
     .item = CONF_PREFIX,
     CONF_IS(struct conf_listener, trusted_proxies),
     .summary = "Peers whose X-Forwarded-* and Forwarded fields are believed."},
    {.name = "forwarded",
     .type = CONF_BOOL,
     CONF_IS(struct conf_listener, sends_forwarded),
     .preset = "false",
     .summary = "Whether origins are also sent Forwarded (RFC 7239)."},
    {.name = "via",
     .type = CONF_BOOL,
     CONF_IS(struct conf_listener, sends_via),
     .preset = "true",
     .summary = "Whether Via is added to requests and responses (RFC 9110 7.6.3)."},
    {.name = "request_id",
     .type = CONF_ENUM,
     CONF_IS(struct conf_listener, request_id),
     .preset = "keep",
     .names = request_id_names,
     .summary = "X-Request-Id: keep that of the client if it has one, always a new one, or off."},
    {.name = "encoded_slash",
     .type = CONF_ENUM,
     CONF_IS(struct conf_listener, encoded_slash),
     .preset = "refuse",
     .names = slash_names,
     .summary = "%2F in a path: refused, or kept as it is and never a separator."},
    {.name = "merge_slashes",
     .type = CONF_BOOL,
     CONF_IS(struct conf_listener, merges_slashes),
     .preset = "true",
     .summary = "Whether // in a path becomes one slash."},
    {.name = "underscores",
     .type = CONF_ENUM,
     CONF_IS(struct conf_listener, underscores),
     .preset = "drop",
     .names = underscore_names,
     .summary = "Header fields with an underscore in their name: dropped, refused or kept."},
    {.name = "limits",
     .type = CONF_STRUCT,
     .table = &listener_limits_table,
     CONF_IS(struct conf_listener, limits),
     .summary = "What a request may have at most."},
    {.name = "keepalive_requests",
     .type = CONF_INT,
     CONF_IS(struct conf_listener, keepalive_requests),
     .preset = "0",
     .max = 1000000000,
     .summary = "Requests of one connection, after which it is closed; 0: no limit."},
    {.name = "timeout",
     .type = CONF_STRUCT,
     .table = &conf_listener_timeout_table,
     CONF_IS(struct conf_listener, timeout),
     .summary = "How long a client may take."},
    {.name = "tcp",
     .type = CONF_STRUCT,
     .table = &conf_tcp_table,
     CONF_IS(struct conf_listener, tcp),
     .flags = CONF_OPTIONAL,
     .group = 2,
     .summary = "Connections go straight to this service, whatever they carry."},
    {.name = "tls_passthrough",
     .type = CONF_STRUCT,
     .table = &conf_passthrough_table,
     CONF_IS(struct conf_listener, passthrough),
     .flags = CONF_OPTIONAL,
     .group = 2,
     .summary = "TLS goes unopened to the service of the name that the client asks for."},
    {.name = "proxy_protocol",
     .type = CONF_STRUCT,
     .table = &conf_proxy_protocol_table,
     CONF_IS(struct conf_listener, proxy_protocol),
     .flags = CONF_OPTIONAL,
     .summary = "Peers that tell whose connection it is, in a header before everything else."},
    {.name = "tls", .type = CONF_LATER, .summary = "TLS."},
    {.name = "udp", .type = CONF_LATER, .summary = "Datagrams."},
    {.name = "http3", .type = CONF_LATER, .summary = "HTTP/3."},
    {.name = "http2", .type = CONF_LATER, .summary = "HTTP/2."},
};

static bool check_listener(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_listener *out = place;
    if (out->addr.port == 0) {
        return conf_refuse(reader, node, DIAG_E0108, "port or listen is missing");
    }
    return true;
}

const struct conf_table conf_listener_table = {
    .name = "listener",
    .summary = "Where clients connect, and what is asked of their requests.",
    .fields = listener_fields,
    .field_count = COUNT_OF(listener_fields),
    .bytes = sizeof(struct conf_listener),
    .name_at = CONF_AT(struct conf_listener, name),
    .pos_at = CONF_AT(struct conf_listener, pos),
    .check = check_listener};

#define DISCOVER(owner)                                                                            \
    {                                                                                              \
        .name = "discover", .type = CONF_STRUCT, .table = &conf_discover_table,                    \
        CONF_IS(owner, discover), .flags = CONF_OPTIONAL, .group = 1,                              \
        .summary = "Who lists the instances, instead of targets."                                  \
    }

static const struct conf_field version_fields[] = {
    {.name = "weight",
     .type = CONF_INT,
     CONF_IS(struct conf_version, weight),
     .pos_at = CONF_AT(struct conf_version, weight_pos),
     .preset = "1",
     .max = 1000000,
     .summary = "Its share among the versions, whatever its number of targets; 0 drains it."},
    {.name = "targets",
     .type = CONF_LIST,
     .item = CONF_STRUCT,
     .table = &conf_target_table,
     CONF_IS(struct conf_version, targets),
     .flags = CONF_NOT_EMPTY,
     .group = 1,
     .summary = "Its instances."},
    DISCOVER(struct conf_version),
    {.name = "rollback_if", .type = CONF_LATER, .summary = "When a release undoes itself."},
};

static bool check_version(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_version *version = place;
    if (version->targets.count > 0 || version->discover.kind != CONF_DISCOVER_NONE) {
        return conf_check_targets(reader, node, &version->targets);
    }
    conf_hint(reader, "write targets: [host:port]");
    return conf_refuse(reader, node, DIAG_E0202, "the version has no targets");
}

static bool is_implicit_version(const void *value)
{
    const struct conf_version *version = value;
    return version->name.len == 0;
}

static const struct conf_table version_table = {
    .name = "version",
    .summary = "One version of a service, with its own instances and its share of the traffic.",
    .fields = version_fields,
    .field_count = COUNT_OF(version_fields),
    .bytes = sizeof(struct conf_version),
    .name_at = CONF_AT(struct conf_version, name),
    .pos_at = CONF_AT(struct conf_version, pos),
    .check = check_version,
    .is_hidden = is_implicit_version};

static const struct conf_field connections_fields[] = {
    {.name = "max",
     .type = CONF_INT,
     CONF_IS(struct conf_connections, max),
     .preset = "512",
     .min = 1,
     .max = 1000000,
     .summary = "Connections to one instance, over all cores."},
    {.name = "idle",
     .type = CONF_INT,
     CONF_IS(struct conf_connections, idle),
     .preset = "512",
     .max = 1000000,
     .summary = "Idle connections that are kept to one instance by each core."},
    {.name = "idle_time",
     .type = CONF_DURATION,
     CONF_IS(struct conf_connections, idle_ms),
     .preset = "55s",
     .min = 1,
     .max = DAY_MS,
     .summary = "How long an idle one is kept."},
};
const char *const conf_urgency_names[] = {"high", "normal", "low", NULL};

static const struct conf_field queue_fields[] = {
    {.name = "size",
     .type = CONF_INT,
     CONF_IS(struct conf_queue, size),
     .preset = "65536",
     .max = 10000000,
     .summary = "Exchanges that may wait for a connection, over all cores."},
    {.name = "wait",
     .type = CONF_DURATION,
     CONF_IS(struct conf_queue, wait_ms),
     .preset = "5s",
     .min = 1,
     .max = DAY_MS,
     .summary = "How long one waits before it is answered with 503."},
    {.name = "target",
     .type = CONF_DURATION,
     CONF_IS(struct conf_queue, target_ms),
     .max = DAY_MS,
     .summary = "When all who came out of the line during an interval had waited longer than this, "
                "some are answered with 503 until waits are short again (CoDel); 0s: a line may "
                "stand. 50ms is a good value where answers take less than that."},
    {.name = "interval",
     .type = CONF_DURATION,
     CONF_IS(struct conf_queue, interval_ms),
     .preset = "100ms",
     .min = 1,
     .max = 3600000,
     .summary = "How long waits must be too long before that begins."},
};
static_assert(LIMIT_VALUE_endpoint_connections == 512 && LIMIT_VALUE_pool_idle == 512 &&
                  LIMIT_VALUE_pool_idle_ms == 55000 && LIMIT_VALUE_queue_depth == 65536 &&
                  LIMIT_VALUE_queue_wait_ms == 5000,
              "the presets above are those of limits.def");

static const struct conf_table connections_table =
    CONF_TABLE("connections", struct conf_connections, connections_fields,
               "Connections to the instances of a service.");
static const struct conf_table queue_table =
    CONF_TABLE("queue", struct conf_queue, queue_fields,
               "What waits when every connection to a service is in use.");

static const struct conf_field cohort_fields[] = {
    {.name = "by",
     .type = CONF_CUSTOM,
     .grammar = &conf_cohort_grammar,
     .offset = 0,
     .bytes = sizeof(struct conf_cohort),
     .flags = CONF_REQUIRED,
     .summary =
         "What keeps a client on its version: header NAME, cookie NAME, address or consumer."},
    {.name = "seed",
     .type = CONF_STRING,
     CONF_IS(struct conf_cohort, seed),
     .flags = CONF_NOT_EMPTY,
     .summary = "Services with the same seed put a client into the same place; left out: the name "
                "of the service."},
};
static const struct conf_table cohort_table = {
    .name = "cohort",
    .summary = "Keeps a client on the version that it was given.",
    .fields = cohort_fields,
    .field_count = COUNT_OF(cohort_fields),
    .bytes = sizeof(struct conf_cohort),
    .shorthand = &conf_cohort_grammar};

#define BODY_LIMIT(owner)                                                                          \
    {                                                                                              \
        .name = "body_limit", .type = CONF_LIMIT, CONF_IS(owner, body_limit), .min = 1,            \
        .max = (int64_t)1 << 50, .summary = "Bytes of a request body, or off."                     \
    }
#define RETRY(owner)                                                                               \
    {                                                                                              \
        .name = "retry", .type = CONF_STRUCT, .table = &conf_retry_table, CONF_IS(owner, retry),   \
        .flags = CONF_OPTIONAL,                                                                    \
        .summary = "What is tried again; a number, off, or a map."                                 \
    }
#define USE(owner)                                                                                 \
    {                                                                                              \
        .name = "use", .type = CONF_LIST, .item = CONF_TEXT, CONF_IS(owner, use),                  \
        .flags = CONF_NOT_EMPTY, .summary = "Bundles of policies, by name."                        \
    }

static const struct conf_field service_fields[] = {
    {.name = "targets",
     .type = CONF_LIST,
     .item = CONF_STRUCT,
     .table = &conf_target_table,
     CONF_IS(struct conf_service, targets),
     .flags = CONF_NOT_EMPTY,
     .group = 1,
     .summary = "The instances, of a service that has one version."},
    DISCOVER(struct conf_service),
    {.name = "versions",
     .type = CONF_MAP,
     .table = &version_table,
     CONF_IS(struct conf_service, versions),
     .flags = CONF_NOT_EMPTY,
     .group = 1,
     .summary = "The versions by name, each with weight and targets."},
    {.name = "balance",
     .type = CONF_CUSTOM,
     .grammar = &conf_balance_grammar,
     CONF_IS(struct conf_service, balance),
     .pos_at = CONF_AT(struct conf_service, balance_pos),
     .preset = "p2c_ewma",
     .summary = "How an instance is picked: the name of a method, or a map."},
    {.name = "connections",
     .type = CONF_STRUCT,
     .table = &connections_table,
     CONF_IS(struct conf_service, connections),
     .summary = "Connections to the instances."},
    {.name = "queue",
     .type = CONF_STRUCT,
     .table = &queue_table,
     CONF_IS(struct conf_service, queue),
     .summary = "What waits for a connection."},
    {.name = "eject",
     .type = CONF_STRUCT,
     .table = &conf_eject_table,
     CONF_IS(struct conf_service, eject),
     .summary = "When an instance that fails or is slow is taken out."},
    {.name = "breaker",
     .type = CONF_STRUCT,
     .table = &conf_breaker_table,
     CONF_IS(struct conf_service, breaker),
     .flags = CONF_OPTIONAL,
     .summary = "When a version that fails as a whole is left alone; left out: never."},
    {.name = "concurrency",
     .type = CONF_STRUCT,
     .table = &conf_concurrency_table,
     CONF_IS(struct conf_service, concurrency),
     .flags = CONF_OPTIONAL,
     .summary = "Ceilings of instances that are learned; left out: connections.max alone."},
    {.name = "fallback",
     .type = CONF_STRUCT,
     .table = &conf_fallback_table,
     CONF_IS(struct conf_service, fallback),
     .flags = CONF_OPTIONAL,
     .summary = "What is done instead when it cannot be asked."},
    {.name = "slow_start",
     .type = CONF_STRUCT,
     .table = &conf_slow_start_table,
     CONF_IS(struct conf_service, slow_start),
     .summary = "How a fresh instance gets to its whole share."},
    {.name = "panic",
     .type = CONF_CUSTOM,
     .grammar = &conf_panic_grammar,
     CONF_IS(struct conf_service, panic),
     .preset = "50%",
     .summary = "Below this share of usable instances all of them are used: health is no longer "
                "believed; off: never, and 503 when none is usable."},
    {.name = "timeout",
     .type = CONF_STRUCT,
     .table = &conf_timeout_table,
     CONF_IS(struct conf_service, timeout),
     .flags = CONF_OPTIONAL,
     .summary = "How long its exchanges may take."},
    {.name = "host",
     .type = CONF_CUSTOM,
     .grammar = &conf_host_rule_grammar,
     CONF_IS(struct conf_service, host),
     .preset = "client",
     .summary =
         "The Host that instances are sent: that of the client, that of the target, or a name."},
    {.name = "cohort",
     .type = CONF_STRUCT,
     .table = &cohort_table,
     CONF_IS(struct conf_service, cohort),
     .flags = CONF_OPTIONAL,
     .summary = "What keeps a client on its version."},
    {.name = "send_proxy",
     .type = CONF_ENUM,
     CONF_IS(struct conf_service, send_proxy),
     .preset = "off",
     .names = send_proxy_names,
     .summary = "Whether instances are told whose connection it is by a PROXY protocol header; for "
                "services of listeners with tcp or tls_passthrough."},
    {.name = "sticky",
     .type = CONF_STRUCT,
     .table = &conf_sticky_table,
     CONF_IS(struct conf_service, sticky),
     .flags = CONF_OPTIONAL,
     .summary = "A cookie that keeps a client on its instance; the version of that instance goes "
                "before weights and cohort."},
    BODY_LIMIT(struct conf_service),
    USE(struct conf_service),
    {.name = "health",
     .type = CONF_STRUCT,
     .table = &conf_health_table,
     CONF_IS(struct conf_service, health),
     .flags = CONF_OPTIONAL,
     .summary = "How instances are checked; left out: they are not."},
    RETRY(struct conf_service),
    {.name = "tls", .type = CONF_LATER, .summary = "TLS to the instances."},
    {.name = "tcp", .type = CONF_LATER, .summary = "Connections that are not HTTP."},
    {.name = "http2", .type = CONF_LATER, .summary = "HTTP/2 to the instances."},
};

static bool read_service_short(struct conf_reader *reader, struct node *node, void *out)
{
    return conf_read_field(reader, &service_fields[0], node, out);
}

static const struct conf_grammar service_grammar = {.form = "a target, or a list of targets",
                                                    .example = "localhost:3000",
                                                    .pattern = "^[^ ]+$",
                                                    .items = &conf_target_table,
                                                    .bytes = sizeof(struct conf_service),
                                                    .read = read_service_short};

/* Everybody but the writer of the long form sees versions only. */
static bool check_service(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_service *out = place;
    if (out->targets.count == 0 && out->versions.count == 0 &&
        out->discover.kind == CONF_DISCOVER_NONE) {
        conf_hint(reader, "write targets: [host:port]");
        return conf_refuse(reader, node, DIAG_E0202, "the service has no targets");
    }
    if (out->versions.count > 0) {
        return true;
    }
    out->versions.at = conf_array(reader, node, 1, sizeof *out->versions.at);
    if (out->versions.at == NULL) {
        return false;
    }
    out->versions.count = 1;
    out->versions.at[0] = (struct conf_version){
        .pos = out->pos, .weight = 1, .targets = out->targets, .discover = out->discover};
    return conf_check_targets(reader, node, &out->targets);
}

static bool is_anonymous_service(const void *value)
{
    const struct conf_service *service = value;
    return service->is_anonymous;
}

const struct conf_table conf_service_table = {
    .name = "service",
    .summary = "A named backend: its versions and their instances.",
    .fields = service_fields,
    .field_count = COUNT_OF(service_fields),
    .bytes = sizeof(struct conf_service),
    .name_at = CONF_AT(struct conf_service, name),
    .pos_at = CONF_AT(struct conf_service, pos),
    .policies_at = CONF_AT(struct conf_service, policies),
    .shorthand = &service_grammar,
    .check = check_service,
    .is_hidden = is_anonymous_service};

#define BALANCE_OF_LEVEL                                                                           \
    {                                                                                              \
        .name = "balance", .type = CONF_CUSTOM, .grammar = &conf_balance_grammar,                  \
        CONF_IS(struct conf_level_values, balance),                                                \
        .pos_at = CONF_AT(struct conf_level_values, balance_pos),                                  \
        .summary = "How an instance is picked."                                                    \
    }
static const struct conf_field defaults_fields[] = {
    {.name = "timeout",
     .type = CONF_STRUCT,
     .table = &conf_default_timeout_table,
     CONF_IS(struct conf_level_values, timeout),
     .flags = CONF_OPTIONAL,
     .summary = "Times where nothing nearer is said."},
    BODY_LIMIT(struct conf_level_values),
    BALANCE_OF_LEVEL,
    RETRY(struct conf_level_values),
};
static const struct conf_field enforce_fields[] = {
    {.name = "timeout",
     .type = CONF_STRUCT,
     .table = &enforced_timeout_table,
     CONF_IS(struct conf_level_values, timeout),
     .flags = CONF_OPTIONAL,
     .summary = "Times that nothing below may exceed."},
    BODY_LIMIT(struct conf_level_values),
    BALANCE_OF_LEVEL,
    {.name = "tls", .type = CONF_LATER, .summary = "TLS."},
};

#define LEVEL_TABLE(noun, rows, sentence)                                                          \
    {                                                                                              \
        .name = noun, .summary = sentence, .fields = rows, .field_count = COUNT_OF(rows),          \
        .bytes = sizeof(struct conf_level_values),                                                 \
        .pos_at = CONF_AT(struct conf_level_values, pos),                                          \
        .policies_at = CONF_AT(struct conf_level_values, policies)                                 \
    }
const struct conf_table conf_defaults_table =
    LEVEL_TABLE("defaults", defaults_fields, "What holds where nothing nearer is said.");
const struct conf_table conf_enforce_table = LEVEL_TABLE(
    "enforce", enforce_fields, "What holds everywhere; below it may be tightened, never loosened.");
