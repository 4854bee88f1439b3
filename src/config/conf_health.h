/* conf_health.h - how the instances of a service are checked, as the file says it.
 * One kind of check for a service; TLS may lie beneath each of them. A kind is chosen by writing
 * its key, so its pos tells that it was. */
#pragma once

#include "config/values.h"

enum conf_health_kind {
    CONF_HEALTH_NONE, /* nothing is written: no active checks */
    CONF_HEALTH_TCP,
    CONF_HEALTH_TLS,
    CONF_HEALTH_HTTP,
    CONF_HEALTH_GRPC,
    CONF_HEALTH_POSTGRES,
    CONF_HEALTH_MYSQL,
    CONF_HEALTH_REDIS,
    CONF_HEALTH_SCRIPT,
    CONF_HEALTH_KIND_COUNT
};

enum conf_health_role { CONF_ROLE_ANY, CONF_ROLE_PRIMARY, CONF_ROLE_REPLICA };

enum { CONF_STATUS_RANGES_MAX = 8, CONF_HEALTH_STEPS_MAX = 32 };

/* Statuses of HTTP: 200-299, 404. */
struct conf_statuses {
    struct conf_status_range {
        uint16_t first, last;
    } at[CONF_STATUS_RANGES_MAX];
    uint32_t count;
};

struct conf_health_http {
    struct source_pos pos;
    struct str method, path, host; /* host empty: the target's */
    struct conf_pairs send_headers;
    struct conf_statuses status, drain_on;
    struct conf_pairs header; /* that the response must have */
    struct str body;          /* that its body must contain; empty: it is not read */
};

struct conf_health_grpc {
    struct source_pos pos;
    struct str service; /* empty: the server as a whole */
    struct str host;
    uint8_t unimplemented; /* 0: fails, 1: passes */
};

/* A database that is asked who it is. */
struct conf_health_sql {
    struct source_pos pos;
    struct str user, password, database;
    uint8_t role;   /* enum conf_health_role */
    int64_t lag_ms; /* of a replica; 0: any */
};

struct conf_health_redis {
    struct source_pos pos;
    struct str user, password;
    uint8_t role;
    int64_t lag_ms;
};

/* One step of a script: one of the four is written. */
struct conf_health_step {
    struct str send, expect; /* bytes as they are */
    struct str send_hex, expect_hex;
};

struct conf_health_tls {
    struct source_pos pos;
    bool is_verified;
    struct str name; /* for SNI and verification; empty: the target's host */
    struct str ca;   /* a file of certificates; empty: those of the system */
};

struct conf_health {
    struct source_pos pos;
    uint8_t kind; /* enum conf_health_kind, from what is written */
    bool is_tcp;
    struct conf_health_http http;
    struct conf_health_grpc grpc;
    struct conf_health_sql postgres, mysql;
    struct conf_health_redis redis;
    struct {
        struct conf_health_step *at;
        uint32_t count;
    } script;
    struct conf_health_tls tls;
    int64_t port; /* 0: that of the target */
    int64_t interval_ms, timeout_ms, fast_interval_ms, down_interval_ms, down_interval_max_ms;
    int64_t rise, fall, jitter_percent;
    uint8_t initial; /* 0: up, 1: down */
};
