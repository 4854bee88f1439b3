/* conf_discover.h - where the instances of a service are listed, when not in the file: the value of
 * the key `discover` (table_discover.c). Who asks there, and what an answer means, is in
 * upstream/discover. */
#pragma once

#include "config/values.h"

enum conf_discover_kind {
    CONF_DISCOVER_NONE,
    CONF_DISCOVER_SRV,    /* srv://_http._tcp.orders.internal */
    CONF_DISCOVER_FILE,   /* file:/etc/sluice/orders.yaml */
    CONF_DISCOVER_HTTP,   /* http://registry:9000/orders */
    CONF_DISCOVER_CONSUL, /* consul://127.0.0.1:8500/orders */
    CONF_DISCOVER_ETCD    /* etcd://127.0.0.1:2379/services/orders/ */
};

/* What an empty list means. */
enum conf_discover_empty { CONF_EMPTY_KEEP, CONF_EMPTY_BELIEVE };

struct conf_discover {
    struct str from; /* as written */
    struct source_pos pos;
    uint8_t kind;   /* enum conf_discover_kind */
    struct str url; /* SRV: the name; FILE: the path; HTTP: all of it; else scheme and server */
    struct str key; /* CONSUL: the service; ETCD: the prefix, with its slash */
    int64_t every_ms;
    uint8_t empty; /* enum conf_discover_empty */
    struct str token, tag, datacenter;
};
