/* model.h - the checked configuration as plain structs: what every other room reads.
 * Made by config_load (config.h), immutable afterwards, all memory in the arena of struct config.
 * References are resolved (a route points at its service), inheritance is resolved (a route has its
 * effective policies and times), short and long forms look the same here. Routes: routes.h.
 * `pos` is where a thing is written; a pos of all zero means that it was not written. */
#pragma once

#include "config/conf_balance.h"
#include "config/conf_discover.h"
#include "config/conf_eject.h"
#include "config/conf_health.h"
#include "config/conf_l4.h"
#include "config/conf_life.h"
#include "config/conf_surge.h"
#include "config/conf_observe.h"
#include "config/conf_sticky.h"
#include "config/conf_target.h"
#include "config/values.h"
#include "config/conf_retry.h"

struct conf_policy;
struct conf_route;

/* Zero means "no limit of this kind" in all of them. Milliseconds. */
struct conf_timeout {
    int64_t head_ms, idle_ms;                  /* client side: a listener's */
    int64_t body_ms;                           /* without progress, both directions */
    int64_t connect_ms, response_ms, total_ms; /* origin side: a service's or route's */
    struct source_pos pos;
    uint64_t written; /* which of them were written: bit n for the n-th member; for this room */
};

enum conf_request_id { CONF_REQUEST_ID_KEEP, CONF_REQUEST_ID_NEW, CONF_REQUEST_ID_OFF };
enum conf_slash { CONF_SLASH_REFUSE, CONF_SLASH_KEEP };
enum conf_underscores { CONF_UNDERSCORES_DROP, CONF_UNDERSCORES_REFUSE, CONF_UNDERSCORES_KEEP };

struct conf_listener_limits {
    int64_t head_bytes, field_count, target_bytes;
};

struct conf_listener {
    struct str name;
    struct source_pos pos;
    struct addr addr; /* family ADDR_NONE: every address of the machine, IPv6 and IPv4 */
    struct source_pos addr_pos;
    struct conf_prefixes trusted_proxies;
    bool sends_forwarded, sends_via, merges_slashes;
    uint8_t request_id;    /* enum conf_request_id */
    uint8_t encoded_slash; /* enum conf_slash */
    uint8_t underscores;   /* enum conf_underscores */
    struct conf_listener_limits limits;
    int64_t keepalive_requests;  /* 0: no limit */
    struct conf_timeout timeout; /* head, body, idle; resolved with `defaults` */
    struct conf_tcp tcp;         /* written: it does not speak HTTP */
    struct conf_passthrough passthrough; /* the same */
    struct conf_proxy_protocol proxy_protocol;
};

struct conf_version {
    struct str name; /* empty: the only version of a service written without `versions` */
    struct source_pos pos;
    int64_t weight; /* 0 to 1000000, among the versions of the service; 0 drains */
    struct source_pos weight_pos;
    struct conf_targets targets;
    struct conf_discover discover; /* instead of targets */
};

enum conf_host_mode { CONF_HOST_CLIENT, CONF_HOST_TARGET, CONF_HOST_LITERAL };
enum conf_cohort_by {
    CONF_COHORT_NONE,
    CONF_COHORT_HEADER,
    CONF_COHORT_COOKIE,
    CONF_COHORT_ADDRESS,
    CONF_COHORT_CONSUMER
};

struct conf_host_rule {
    uint8_t mode;       /* enum conf_host_mode: what Host an origin is sent */
    struct str literal; /* with CONF_HOST_LITERAL: "name" or "name:port" */
};

struct conf_cohort {
    uint8_t by;      /* enum conf_cohort_by */
    struct str name; /* of the header or cookie */
    struct str seed; /* empty in the file: the name of the service */
};

struct conf_connections {  /* to one instance */
    int64_t max;           /* over all cores */
    int64_t idle, idle_ms; /* kept by each core */
};

struct conf_service {
    struct str name; /* for an URL written in a route: that URL */
    struct source_pos pos;
    bool is_anonymous; /* written in a route, not under `services` */
    struct {           /* at least one; total weight may be 0 with a warning: answers 503 */
        struct conf_version *at;
        uint32_t count;
    } versions;
    struct conf_targets targets;   /* as written; readers use versions */
    struct conf_discover discover; /* likewise */
    struct conf_balance balance;   /* resolved with `defaults` and `enforce` */
    struct source_pos balance_pos;
    struct conf_connections connections;
    struct conf_queue queue;
    struct conf_slow_start slow_start;
    struct conf_panic panic;
    struct conf_eject eject;
    struct conf_breaker breaker;
    struct conf_fallback fallback;
    struct conf_concurrency concurrency;
    struct conf_host_rule host;
    struct conf_cohort cohort;
    struct conf_sticky sticky;
    struct conf_health health;
    struct conf_timeout timeout, effective; /* as written; after inheritance, where no route is */
    uint8_t send_proxy;           /* enum conf_send_proxy */
    struct conf_limit body_limit; /* as written */
    struct conf_retry retry;      /* as written */
    struct conf_uses use;
    struct conf_policies policies; /* as written on the service */
};
