/* plan.h - what a route says is to be done, compiled: everything an exchange needs after routing,
 * one pointer away. Immutable, in the snapshot's arena; run-time state is behind service and
 * cluster. */
#pragma once

#include "exchange/policy.h"
#include "route/rewrite.h"
#include "proxy/retry_rules.h"
#include "route/split.h"
#include "upstream/cluster.h"

struct plan_sticky;

enum plan_action { PLAN_FORWARD, PLAN_REDIRECT, PLAN_RESPOND };
enum plan_host { PLAN_HOST_CLIENT, PLAN_HOST_TARGET, PLAN_HOST_LITERAL };
enum plan_cohort { PLAN_COHORT_NONE, PLAN_COHORT_HEADER, PLAN_COHORT_COOKIE, PLAN_COHORT_ADDRESS,
                   PLAN_COHORT_CONSUMER };

struct plan_version {
    struct str name;
    struct cluster *cluster;
};

enum plan_key_by { PLAN_KEY_HEADER, PLAN_KEY_COOKIE, PLAN_KEY_QUERY, PLAN_KEY_PATH,
                   PLAN_KEY_ADDRESS };

/* A part of what a pick hashes. */
struct plan_key {
    uint8_t by; /* enum plan_key_by */
    struct str name;
};

struct plan_service {
    struct str name;
    struct service *service;
    struct split split; /* values are struct plan_version */
    const struct plan_version *versions;
    uint32_t version_count;
    uint8_t cohort; /* enum plan_cohort */
    struct str cohort_name;
    uint8_t host; /* enum plan_host */
    struct str host_literal;
    uint32_t pool_idle_max;
    int64_t pool_idle_ms;
    int64_t queue_wait_ms;
    uint8_t keyed_by; /* enum balance_keyed_by */
    const struct plan_key *keys;
    uint32_t key_count; /* 0: the client's address */
    const struct plan_sticky *sticky; /* NULL: clients go anywhere */
};

struct plan_field {
    struct str name, value;
};

struct plan {
    struct str name;
    const char *file;
    uint32_t line;
    uint8_t action; /* enum plan_action */
    uint8_t urgency; /* enum urgency */
    const struct plan_service *to;
    struct chain chain;
    struct rewrite rewrite;
    struct redirect redirect;
    struct {
        uint16_t status;
        struct str body;
        const struct plan_field *fields;
        uint32_t field_count;
    } respond;
    int64_t connect_ms, response_ms, body_ms, total_ms; /* 0: no limit, but for connect */
    struct retry_rules retry;
    uint64_t body_bytes_max;                            /* 0: no limit */
    const struct plan *fallback; /* instead, when the service cannot be asked; NULL: none */
    uint32_t cell_duration;
    /* First cells of sluice_requests_total, [listener slot * (versions + 1) + version]; the place
     * after the last version is for exchanges without one. */
    const uint32_t *cells_requests;
};
